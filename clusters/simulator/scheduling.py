"""Which node a pod runs on: labels, readiness, resources and host ports."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from . import quantities
from .selectors import selects
from .store import Change, Object, Store

_TAINT_EFFECTS = ("NoSchedule", "NoExecute")


@dataclass(slots=True)
class Share:
    """What one pod takes of its node."""

    node: str
    requests: dict[str, Decimal]
    ports: tuple[tuple[int, str], ...]


@dataclass(slots=True)
class Load:
    """What all pods take of a node."""

    requests: Counter[str] = field(default_factory=Counter)
    ports: set[tuple[int, str]] = field(default_factory=set)


class Usage:
    """Keeps each scheduled pod's share, so that scheduling reads no pods."""

    def __init__(self, store: Store) -> None:
        self._shares: dict[tuple[str, str], Share] = {}
        self.waiting: set[tuple[str, str]] = set()  # pods without a node
        for key, stored in store.entries("Pod"):
            self._set(key, stored.read())

    def note(self, change: Change) -> None:
        """Follow a change of a pod."""
        if change.key[0] != "Pod":
            return
        if change.after is None:
            self._shares.pop(change.key[1:], None)
            self.waiting.discard(change.key[1:])
        else:
            self._set(change.key[1:], change.after.read())

    def _set(self, key: tuple[str, str], pod: Object) -> None:
        node = pod["spec"].get("nodeName")
        if node:
            self.waiting.discard(key)
        else:
            self.waiting.add(key)
        if not node or pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            self._shares.pop(key, None)
        elif key not in self._shares or self._shares[key].node != node:
            self._shares[key] = Share(node, pod_requests(pod["spec"]), host_ports(pod["spec"]))

    def spread(self, pods: Iterable[tuple[str, str]]) -> Counter[str]:
        """How many of these pods run on each node."""
        return Counter(self._shares[key].node for key in pods if key in self._shares)

    def on_node(self, name: str) -> list[tuple[str, str]]:
        """Pods that run there."""
        return [key for key, share in self._shares.items() if share.node == name]

    def loads(self) -> dict[str, Load]:
        """What is taken of each node."""
        loads: dict[str, Load] = {}
        for share in self._shares.values():
            load = loads.setdefault(share.node, Load())
            load.requests.update(share.requests)
            load.requests["pods"] += 1
            load.ports.update(share.ports)
        return loads


def pod_requests(spec: Mapping[str, Any]) -> dict[str, Decimal]:
    """What the containers request together."""
    total: dict[str, Decimal] = {}
    for container in spec.get("containers", ()):
        for name, text in container.get("resources", {}).get("requests", {}).items():
            total[name] = total.get(name, Decimal(0)) + quantities.parse(text)
    return total


def host_ports(spec: Mapping[str, Any]) -> tuple[tuple[int, str], ...]:
    """The ports that the pod takes of its node."""
    return tuple(
        (port["hostPort"], port.get("protocol", "TCP"))
        for container in spec.get("containers", ())
        for port in container.get("ports", ())
        if port.get("hostPort")
    )


def matches_node(spec: Mapping[str, Any], node: Object) -> bool:
    """Whether nodeSelector and required node affinity allow the node."""
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms")
    if terms is None:
        return True
    return any(_meets_term(term, node, labels) for term in terms)


def _meets_term(term: Mapping[str, Any], node: Object, labels: Mapping[str, str]) -> bool:
    fields = {"metadata.name": node["metadata"]["name"]}
    return selects({"matchExpressions": term.get("matchExpressions")}, labels) and selects(
        {"matchExpressions": term.get("matchFields")}, fields
    )


def is_ready(node: Object) -> bool:
    """Whether the node's kubelet reports."""
    conditions = node.get("status", {}).get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def untolerated(spec: Mapping[str, Any], node: Object) -> Mapping[str, str] | None:
    """The first taint that keeps the pod off the node."""
    for taint in node.get("spec", {}).get("taints", ()):
        if taint.get("effect") in _TAINT_EFFECTS and not any(
            _tolerates(one, taint) for one in spec.get("tolerations", ())
        ):
            return taint
    return None


def _tolerates(toleration: Mapping[str, str], taint: Mapping[str, str]) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", "")


def obstacle(spec: Mapping[str, Any], node: Object, load: Load) -> str:
    """Why the pod cannot run on the node, in the scheduler's words; "" when it can."""
    if node.get("spec", {}).get("unschedulable"):
        return "node(s) were unschedulable"
    if not is_ready(node):
        return "node(s) had untolerated taint {node.kubernetes.io/unreachable: }"
    taint = untolerated(spec, node)
    if taint:
        return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    if not matches_node(spec, node):
        return "node(s) didn't match Pod's node affinity/selector"
    return _misfit(spec, node, load)


def _misfit(spec: Mapping[str, Any], node: Object, load: Load) -> str:
    if load.ports.intersection(host_ports(spec)):
        return "node(s) didn't have free ports for the requested pod ports"
    allocatable = node.get("status", {}).get("allocatable", {})
    if load.requests["pods"] + 1 > quantities.parse(allocatable.get("pods", "110")):
        return "Too many pods"
    for name, wanted in pod_requests(spec).items():
        if wanted and load.requests[name] + wanted > quantities.parse(allocatable.get(name, "0")):
            return f"Insufficient {name}"
    return ""


def choose(
    spec: Mapping[str, Any], nodes: list[Object], loads: Mapping[str, Load], siblings: Mapping[str, int] | None = None
) -> tuple[str, str]:
    """(node, "") for the best node that fits, else ("", why not).

    Best is where fewest pods of the same owner run, then where fewest pods run.
    """
    ranked: list[tuple[int, int, str]] = []
    obstacles = Counter[str]()
    for node in nodes:
        name = node["metadata"]["name"]
        load = loads.get(name) or Load()
        reason = obstacle(spec, node, load)
        if reason:
            obstacles[reason] += 1
        else:
            ranked.append(((siblings or {}).get(name, 0), int(load.requests["pods"]), name))
    if ranked:
        return min(ranked)[2], ""
    if not nodes:
        return "", "no nodes available to schedule pods"
    why = ", ".join(f"{count} {reason}" for reason, count in sorted(obstacles.items()))
    available = f"0/{len(nodes)} nodes are available"
    preemption = f"preemption: {available}: {len(nodes)} Preemption is not helpful for scheduling."
    return "", f"{available}: {why}. {preemption}"
