"""The controllers of a cluster: each looks at one object and takes it a step further.

`dispatch` turns a change into items on the clock, `work` does an item:
deployments -> replica_sets -> pods (scheduler and kubelet); daemon_sets,
stateful_sets and jobs -> pods; namespaces and garbage take away what ended.
Items are level-triggered: doing one twice, or late, gives the same result.
"""

from collections.abc import Callable

from ..cluster import Cluster
from ..kinds import BY_NAME
from ..store import Change, Key
from . import (
    autoscalers,
    claims,
    daemon_sets,
    deployments,
    garbage,
    jobs,
    namespaces,
    pods,
    replica_sets,
    stateful_sets,
)

Sync = Callable[[Cluster, str, str], None]

_SYNC: dict[str, Sync] = {
    "Deployment": deployments.sync,
    "ReplicaSet": replica_sets.sync,
    "DaemonSet": daemon_sets.sync,
    "StatefulSet": stateful_sets.sync,
    "Job": jobs.sync,
    "Pod": pods.sync,
    "PodStart": pods.start,
    "PodRetry": pods.retry,
    "PodStop": pods.stop,
    "Namespace": namespaces.sync,
    "PersistentVolumeClaim": claims.sync,
    "HorizontalPodAutoscaler": autoscalers.sync,
}


def work(cluster: Cluster, item: tuple[str, ...]) -> None:
    """Do one item: (kind, namespace, name), or one of the garbage collector's."""
    if item[0] == "Orphans":
        garbage.collect(cluster, item[1])
    elif item[0] == "Finalizers":
        garbage.finalize(cluster, (item[1], item[2], item[3]))
    else:
        _SYNC[item[0]](cluster, item[1], item[2])


def dispatch(cluster: Cluster, change: Change) -> None:
    """Queue whoever cares about the change."""
    settle = cluster.timing.settle
    kind, namespace, name = change.key
    if kind in _SYNC:
        cluster.later(settle, kind, namespace, name)
    _queue_owners(cluster, change)
    if change.after is None:
        uid = change.before.read()["metadata"]["uid"] if change.before else ""
        if cluster.store.owned_by(uid):
            cluster.later(settle, "Orphans", uid)
        if (kind, name) in namespaces.KEPT:
            cluster.later(settle, "Namespace", "", namespace)
    elif b'"deletionTimestamp"' in change.after.data and b'"finalizers"' in change.after.data:
        cluster.later(settle, "Finalizers", *change.key)
    if kind in ("Deployment", "StatefulSet"):
        for key, _ in cluster.store.entries("HorizontalPodAutoscaler", namespace):
            cluster.later(settle, "HorizontalPodAutoscaler", *key)
    elif kind == "Node":
        _queue_for_node(cluster, name)
    elif kind == "Pod" and change.after is None:
        _queue_waiting(cluster)
        for key, stored in cluster.store.entries("PersistentVolumeClaim", namespace):
            if b'"deletionTimestamp"' in stored.data:
                cluster.later(settle, "PersistentVolumeClaim", *key)


def _queue_owners(cluster: Cluster, change: Change) -> None:
    """The owners look again; a new object whose owner does not exist is garbage."""
    stored = change.after or change.before
    if not stored or not stored.owners:
        return
    settle = cluster.timing.settle
    for owner in stored.read()["metadata"].get("ownerReferences", ()):
        kind = BY_NAME.get(owner["kind"])
        if kind is None:
            continue
        key = (kind.name, change.key[1] if kind.namespaced else "", owner["name"])
        found = cluster.store.find(*key)
        if found is None:
            if change.before is None:
                cluster.later(settle, "Orphans", owner["uid"])
            continue
        if kind.name in _SYNC:
            cluster.later(settle, *key)
        if b"foregroundDeletion" in found.data:
            cluster.later(settle, "Finalizers", *key)


def _queue_for_node(cluster: Cluster, node: str) -> None:
    for (namespace, name), _ in cluster.store.entries("DaemonSet"):
        cluster.later(cluster.timing.settle, "DaemonSet", namespace, name)
    _queue_waiting(cluster)
    if cluster.usage:
        for namespace, name in cluster.usage.on_node(node):
            cluster.later(cluster.timing.settle, "Pod", namespace, name)


def _queue_waiting(cluster: Cluster) -> None:
    if cluster.usage:
        for namespace, name in cluster.usage.waiting:
            cluster.later(cluster.timing.settle, "Pod", namespace, name)


def resume(cluster: Cluster) -> None:
    """Look at everything once: what a restart interrupted goes on."""
    keys: list[Key] = cluster.store.keys()
    for key in keys:
        if key[0] in _SYNC:
            cluster.later(cluster.timing.settle, *key)
        stored = cluster.store.find(*key)
        if stored and b'"deletionTimestamp"' in stored.data:
            cluster.later(cluster.timing.settle, "Finalizers", *key)
