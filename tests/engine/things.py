"""What the engine's tests are made of: rows with sensible defaults, plain values, and an edge in memory."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from clusters.drivers.base import (
    EdgeError,
    Listing,
    Observed,
    ObservedNode,
    ObservedPod,
    Ref,
    Workload,
)
from clusters.engine.bundles import Wish, put
from clusters.engine.claim import Claim
from clusters.engine.clock import db_now
from clusters.engine.load import WantedLabel, WantedObject, WantedPlacement, Work
from clusters.engine.reconcile import Rules
from clusters.models import Bundle, Cluster, ClusterLabel, Node, Placement

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DEPLOYMENT = "apps/v1/Deployment"
NAMESPACE = "v1/Namespace"
_numbers = itertools.count(1)


# Plain values


def ref(name: str = "web", kind: str = DEPLOYMENT, namespace: str = "ns1") -> Ref:
    return Ref(kind, "" if kind == NAMESPACE else namespace, name)


def wanted(*refs: Ref) -> tuple[WantedObject, ...]:
    return tuple(WantedObject(item, b'{"spec":{"replicas":1}}') for item in refs or (ref(),))


def placement(**fields: Any) -> WantedPlacement:
    """A placement that was applied and proven; `marks` fit seen()."""
    objects = fields.pop("objects", wanted())
    defaults: dict[str, Any] = {
        "id": 1,
        "bundle_id": 1,
        "bundle_uid": "b1",
        "bundle_changed_at": NOW,
        "title": "web",
        "namespace": "ns1",
        "node_label": "",
        "kinds": sorted({item.ref.kind for item in objects}),
        "present": True,
        "generation": 1,
        "applied_generation": 1,
        "applied_at": NOW - timedelta(seconds=60),
        "ready_generation": 1,
        "failed": False,
        "deleted_once": False,
        "running": 1,
        "error": 0,
        "total": 1,
        "last_error": "",
        "attempts": 0,
        "next_attempt_at": None,
        "marks": {item.ref.key: ["u1", "1"] for item in objects},
        "objects": objects,
    }
    return WantedPlacement(**(defaults | fields))


def new(**fields: Any) -> WantedPlacement:
    """A placement that was never applied."""
    return placement(**({"applied_generation": 0, "applied_at": None, "ready_generation": 0, "marks": {}} | fields))


def claim_of(**fields: Any) -> Claim:
    defaults: dict[str, Any] = {
        "cluster_id": 1,
        "name": "beijing",
        "epoch": 1,
        "seq": 1,
        "driver": "kubernetes",
        "uid": "u",
        "credentials_version": 1,
        "away": False,
        "failed_probes": 0,
        "observed_at": NOW - timedelta(seconds=10),
        "asked_at": time.monotonic(),
    }
    return Claim(**(defaults | fields))


def work(*placements: WantedPlacement, labels: Sequence[WantedLabel] = (), **fields: Any) -> Work:
    """A pass for a change; give observe_due_at=NOW for an observation."""
    defaults: dict[str, Any] = {
        "now": NOW,
        "removing": False,
        "observe_due_at": NOW + timedelta(seconds=20),
        "full": False,
    }
    claim = fields.pop("claim", None) or claim_of()
    return Work(claim=claim, placements=list(placements), labels=list(labels), **(defaults | fields))


def workload(wanted: int = 1, available: int | None = None, **fields: Any) -> Workload:
    there = wanted if available is None else available
    return Workload(**({"observed": True, "wanted": wanted, "current": wanted, "available": there} | fields))


def seen(item: Ref | None = None, **fields: Any) -> Observed:
    """An object as placement() left it."""
    item = item or ref()
    defaults: dict[str, Any] = {"ref": item, "uid": "u1", "bundle": "b1", "generation": 1, "mark": "1"}
    if item.kind.startswith("apps/"):
        defaults["workload"] = workload(selector=f"app={item.name}")
    return Observed(**(defaults | fields))


def node(name: str = "n1", *labels: str, ready: bool = True) -> ObservedNode:
    return ObservedNode(name, "linux", "6.1", "10.0.0.1", 8 << 30, 4, 100 << 30, 0, ready, labels)


RULES = Rules(
    pass_seconds=5,
    fresh_seconds=90,
    reapply_seconds=3600,
    progress_deadline=600,
    all_kinds=frozenset({NAMESPACE, DEPLOYMENT}),
    longest_seconds=8,
)


class MemoryEdge:
    """A driver whose edge is this object. `fails`: call, or call and name, to the error it raises."""

    def __init__(self, *objects: Observed, nodes: Iterable[ObservedNode] = ()) -> None:
        self.objects = {item.ref: item for item in objects}
        self.nodes = list(nodes) or [node()]
        self.pods: list[ObservedPod] = []
        self.fails: dict[str, EdgeError] = {}
        self.calls: list[str] = []

    def _called(self, call: str, name: str = "") -> None:
        self.calls.append(f"{call} {name}".strip())
        for key in (f"{call} {name}", call):
            if key in self.fails:
                raise self.fails[key]

    async def probe(self) -> str:
        self._called("probe")
        return "v1.30.0"

    async def list(self, kinds: Iterable[str]) -> Listing:
        self._called("list")
        return Listing([item for item in self.objects.values() if item.ref.kind in set(kinds)], list(self.nodes))

    async def list_pods(self, namespace: str, selector: str, node: str = "") -> Sequence[ObservedPod]:
        self._called("list_pods")
        return list(self.pods)

    async def apply(self, ref: Ref, body: bytes, *, ours: bool, keep_replicas: bool = False) -> Observed:
        self._called("apply", ref.name)
        old = self.objects.get(ref)
        self.objects[ref] = old or seen(ref, uid=str(uuid.uuid4()))
        return self.objects[ref]

    async def delete(self, ref: Ref, uid: str) -> None:
        self._called("delete", ref.name)
        if ref in self.objects and self.objects[ref].uid == uid:
            del self.objects[ref]

    async def label(self, node: str, label: str, present: bool) -> None:
        self._called("label", node)

    async def evict(self, namespace: str, pods: Iterable[ObservedPod]) -> None:
        self._called("evict")


# Rows


def cluster(name: str | None = None, labels: Sequence[str] = (), **fields: Any) -> Cluster:
    """A cluster row; nothing listens at its server."""
    name = name or f"cluster{next(_numbers)}"
    made = Cluster.objects.create(
        **(
            {
                "name": name,
                "server": "https://127.0.0.1:9",
                "credentials": '{"server": "https://127.0.0.1:9"}',
                "uid": str(uuid.uuid4()),
            }
            | fields
        )
    )
    ClusterLabel.objects.bulk_create(ClusterLabel(cluster=made, label=label) for label in labels)
    return made


def configmap(name: str, namespace: str = "ns1", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def wish(name: str = "web", selector: str = "all", value: str = "", **fields: Any) -> Wish:
    objects = fields.pop("objects", [configmap(name)])
    return Wish(
        namespace="ns1", objects=objects, selector=selector, selector_value=value, title=f"Bundle {name}", **fields
    )


def bundle(name: str | None = None, selector: str = "all", value: str = "", **fields: Any) -> Bundle:
    return put(None, wish(name or f"web{next(_numbers)}", selector, value, **fields))


def due(*clusters: Cluster) -> None:
    Cluster.objects.filter(pk__in=[item.pk for item in clusters]).update(change_due_at=db_now())


def nodes(of: Cluster, *names: str) -> list[Node]:
    return [Node.objects.create(cluster=of, name=name) for name in names]


def pairs(**filters: Any) -> set[tuple[int, int]]:
    """(cluster, bundle) of the placements that want something there."""
    return set(Placement.objects.filter(present=True, **filters).values_list("cluster_id", "bundle_id"))
