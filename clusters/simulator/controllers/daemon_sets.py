"""DaemonSets: one pod on every node that matches."""

from ..cluster import Cluster
from ..kinds import BY_NAME
from ..scheduling import matches_node, untolerated
from ..store import Object
from .common import (
    available_in,
    children,
    create_pod,
    delete_pod,
    is_active,
    ready_since,
    resolve,
    save_status,
    template_hash,
)
from .events import record

DAEMON_SET = BY_NAME["DaemonSet"]
HASH_LABEL = "controller-revision-hash"
_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)


def sync(cluster: Cluster, namespace: str, name: str) -> None:
    """One current pod on each node that matches, none elsewhere."""
    daemon_set = cluster.store.get("DaemonSet", namespace, name)
    if daemon_set is None or "deletionTimestamp" in daemon_set["metadata"]:
        return
    spec = _pod_spec(daemon_set)
    nodes = [node["metadata"]["name"] for node in cluster.store.objects("Node") if _belongs(spec, node)]
    revision = template_hash(daemon_set["spec"]["template"])
    by_node = _by_node(cluster, daemon_set)
    for node in nodes:
        if not by_node.get(node):
            _create(cluster, daemon_set, spec, node, revision)
    for node, pods in by_node.items():
        if node not in nodes:
            for pod in pods:
                delete_pod(cluster, pod)
    _update(cluster, daemon_set, spec, nodes, revision)
    _write_status(cluster, daemon_set, nodes, revision)


def _pod_spec(daemon_set: Object) -> Object:
    spec = dict(daemon_set["spec"]["template"]["spec"])
    added = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in _TOLERATED]
    spec["tolerations"] = [*spec.get("tolerations", ()), *added]
    return spec


def _belongs(spec: Object, node: Object) -> bool:
    return matches_node(spec, node) and untolerated(spec, node) is None


def _target(pod: Object) -> str:
    """The node that the pod was made for."""
    affinity = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", [])
    for field in (field for term in terms for field in term.get("matchFields", ())):
        return str(field["values"][0])
    return str(pod["spec"].get("nodeName", ""))


def _by_node(cluster: Cluster, daemon_set: Object) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {}
    for pod in children(cluster, daemon_set, "Pod"):
        if pod["status"].get("phase") == "Failed":
            delete_pod(cluster, pod)
        elif is_active(pod):
            found.setdefault(_target(pod), []).append(pod)
    return found


def _create(cluster: Cluster, daemon_set: Object, spec: Object, node: str, revision: str) -> None:
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    affinity = dict(spec.get("affinity") or {})
    required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    affinity["nodeAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": required}
    labels = {HASH_LABEL: revision, "pod-template-generation": str(daemon_set["metadata"]["generation"])}
    create_pod(cluster, DAEMON_SET, daemon_set, labels=labels, spec=spec | {"affinity": affinity})
    record(cluster, DAEMON_SET, daemon_set, "Normal", "SuccessfulCreate", "Created pod", "daemonset-controller")


def _is_current(pod: Object, revision: str) -> bool:
    return (pod["metadata"].get("labels") or {}).get(HASH_LABEL) == revision


def _update(cluster: Cluster, daemon_set: Object, spec: Object, nodes: list[str], revision: str) -> None:
    """Replace pods of an older template, as many at a time as the strategy allows."""
    strategy = daemon_set["spec"]["updateStrategy"]
    if strategy["type"] != "RollingUpdate":
        return
    rolling = strategy.get("rollingUpdate", {})
    surge = resolve(rolling.get("maxSurge", 0), len(nodes), round_up=True)
    budget = surge or resolve(rolling.get("maxUnavailable", 1), len(nodes), round_up=True)
    min_ready = daemon_set["spec"].get("minReadySeconds", 0)
    by_node = _by_node(cluster, daemon_set)
    outdated: list[tuple[str, Object]] = []
    for node in nodes:
        pods = by_node.get(node, [])
        current = [pod for pod in pods if _is_current(pod, revision)]
        old = [pod for pod in pods if not _is_current(pod, revision)]
        ready = any(available_in(cluster, pod, min_ready) == 0.0 for pod in current)
        if old and current and ready:
            for pod in old:
                delete_pod(cluster, pod)
        elif old and not current and available_in(cluster, old[0], min_ready) == 0.0:
            outdated.append((node, old[0]))
        elif old and not current and not surge:
            delete_pod(cluster, old[0])  # it serves nobody: replacing it costs nothing
            budget -= 1
        elif not ready:
            budget -= 1
    for node, pod in outdated[: max(0, budget)]:
        if surge:
            _create(cluster, daemon_set, spec, node, revision)
        else:
            delete_pod(cluster, pod)


def _write_status(cluster: Cluster, daemon_set: Object, nodes: list[str], revision: str) -> None:
    min_ready = daemon_set["spec"].get("minReadySeconds", 0)
    by_node = _by_node(cluster, daemon_set)
    here = [pod for node in nodes for pod in by_node.get(node, [])[:1]]
    waits = [wait for pod in here if (wait := available_in(cluster, pod, min_ready))]
    available = sum(
        any(available_in(cluster, pod, min_ready) == 0.0 for pod in by_node.get(node, ())) for node in nodes
    )
    status: Object = {
        "currentNumberScheduled": len(here),
        "desiredNumberScheduled": len(nodes),
        "numberMisscheduled": sum(len(pods) for node, pods in by_node.items() if node not in nodes),
        "numberReady": sum(any(ready_since(pod) for pod in by_node.get(node, ())) for node in nodes),
        "observedGeneration": daemon_set["metadata"]["generation"],
    }
    updated = sum(any(_is_current(pod, revision) for pod in by_node.get(node, ())) for node in nodes)
    counts = {
        "numberAvailable": available,
        "numberUnavailable": len(nodes) - available,
        "updatedNumberScheduled": updated,
    }
    status |= {key: value for key, value in counts.items() if value}
    if waits:
        cluster.later(min(waits), "DaemonSet", daemon_set["metadata"]["namespace"], daemon_set["metadata"]["name"])
    save_status(cluster, DAEMON_SET, daemon_set, status)
