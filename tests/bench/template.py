"""What clusters of the template edge hold: one object for all clusters that hold the same, and lists made once.

What an API server makes of an object comes of the simulator's own code, once for each body that is sent, whatever the
number of clusters it is sent to. Workloads are ready at once.
"""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import orjson

from clusters.engine.labels import GENERATION
from clusters.simulator.api import answers, bodies, paths, resources, tables
from clusters.simulator.clock import Clock
from clusters.simulator.cluster import Cluster, Environment
from clusters.simulator.seed import Origin
from clusters.simulator.timing import Timing

# Smaller answers are not worth compressing, as in Kubernetes.
GZIP_FROM = 128 * 1024
# What kubelets report besides: the images of a node, which we do not read.
IMAGES = 30
_SPACE = uuid.UUID(int=8)

parse = lru_cache(100_000)(lambda path: paths.parse([part for part in path.split("/") if part]))


def uid_of(name: str) -> str:
    """Return the uid of an object, or of a cluster's kube-system: the same in every process and at every start."""
    return str(uuid.uuid5(_SPACE, name))


@dataclass(frozen=True)
class Item:
    """One object: as lists hold it, without its kind."""

    target: paths.Target
    listed: bytes

    @cached_property
    def metadata(self) -> bytes:
        """The object's metadata alone."""
        return orjson.dumps(tables.partial_metadata(orjson.loads(self.listed)))

    @cached_property
    def alone(self) -> bytes:
        """As the answer to a request for it."""
        return answers.typed(self.target.kind, self.listed)


class Contents:
    """Objects by path. Lists of them are made once, so it must not change after the first list."""

    def __init__(self, objects: Mapping[str, Item]) -> None:
        self.objects = objects
        self._lists: dict[tuple[str, bool], tuple[bytes, bytes]] = {}

    def listed(self, target: paths.Target, *, metadata: bool) -> tuple[bytes, bytes]:
        """Return all of a kind, plain and packed; packed is empty where that is not worth it."""
        key = target.kind.qualified, metadata
        if key not in self._lists:
            self._lists[key] = listing(target, self.objects.values(), metadata=metadata)
        return self._lists[key]


def listing(target: paths.Target, items: Iterable[Item], *, metadata: bool) -> tuple[bytes, bytes]:
    """Return a list of those items that are of the target's kind, plain and packed."""
    mine = (item for item in items if item.target.kind is target.kind)
    if metadata:
        head = b'{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{},"items":['
        plain = head + b",".join(item.metadata for item in mine) + b"]}"
    else:
        plain = answers.list_bytes(target.kind, {"resourceVersion": "1"}, (item.listed for item in mine))
    return plain, gzip.compress(plain, 1) if len(plain) > GZIP_FROM else b""


class Model:
    """One simulated cluster without controllers: it says what becomes of a body that is applied."""

    def __init__(self, nodes: int) -> None:
        idle = Environment(
            timing=Timing(),
            clock=Clock(lambda item: None),
            saved=lambda name: (),
            changed=lambda name, change: None,
            dispatch=lambda cluster, change: None,
            resume=lambda cluster: None,
            history=1,
            events=False,
        )
        origin = Origin("edge", uid_of("edge"), nodes, gpus=0, created="2026-01-01T00:00:00Z", ca="")
        self._cluster = Cluster(origin, "", idle)
        self._applied: dict[tuple[str, bytes], Item] = {}

    def nodes(self) -> list[Item]:
        """Return the nodes that each cluster has, as large as those of real ones."""
        target = parse("/api/v1/nodes")
        found = []
        for node in self._cluster.store.objects("Node"):
            names = [f"registry.k8s.io/image-{number}@sha256:{number:064x}" for number in range(IMAGES)]
            node["status"]["images"] = [{"names": [name], "sizeBytes": 100_000_000} for name in names]
            found.append(Item(target, orjson.dumps(node)))
        return found

    def apply(self, path: str, body: bytes) -> Item:
        """Return what this body becomes at this path. Raises ApiError."""
        key = path, body
        if key not in self._applied:
            self._applied[key] = self._apply(path, parse(path), body)
        return self._applied[key]

    def _apply(self, path: str, target: paths.Target, body: bytes) -> Item:
        if target.namespace and self._cluster.store.find("Namespace", "", target.namespace) is None:
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": target.namespace}}
            self._call("POST", parse("/api/v1/namespaces"), orjson.dumps(namespace), answers.JSON)
        answer = self._call("PATCH", target, body, bodies.APPLY)
        obj = orjson.loads(answer.body)
        del obj["kind"], obj["apiVersion"]
        return Item(target, orjson.dumps(_dressed(path, obj)))

    def _call(self, method: str, target: paths.Target, body: bytes, media: str) -> answers.Answer:
        query = {"fieldManager": "otestack"} | ({"force": "true"} if method == "PATCH" else {})
        return resources.handle(self._cluster, target, resources.Call(method, query, "", media, "otestack", body))


def _dressed(path: str, obj: dict[str, Any]) -> dict[str, Any]:
    """Return the object as every process would make it, its workload ready."""
    meta = obj["metadata"]
    generation = (meta.get("labels") or {}).get(GENERATION, "1")
    meta |= {"uid": uid_of(path), "resourceVersion": generation}
    if "generation" in meta:
        meta["generation"] = int(generation)
    if "replicas" in obj.get("spec", {}):
        pods = obj["spec"]["replicas"]
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        obj["status"] = {"observedGeneration": int(generation)} | dict.fromkeys(counts, pods) | {
            "conditions": [
                _condition("Available", "MinimumReplicasAvailable", "Deployment has minimum availability."),
                _condition("Progressing", "NewReplicaSetAvailable", "ReplicaSet has successfully progressed."),
            ]
        }  # fmt: skip
    return obj


def _condition(name: str, reason: str, message: str) -> dict[str, str]:
    at = "2026-01-01T00:00:00Z"
    return {"type": name, "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": at, "lastUpdateTime": at}  # fmt: skip
