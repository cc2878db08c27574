"""ReplicaSets: so many pods of one template."""

from ..cluster import Cluster
from ..kinds import BY_NAME
from ..store import Object
from .common import children, count_ready, create_pod, delete_pod, is_active, ready_since, save_status
from .events import record

REPLICA_SET = BY_NAME["ReplicaSet"]
COMPONENT = "replicaset-controller"


def sync(cluster: Cluster, namespace: str, name: str) -> None:
    """Create or delete pods until there are as many as wanted."""
    replica_set = cluster.store.get("ReplicaSet", namespace, name)
    if replica_set is None:
        return
    pods = [pod for pod in children(cluster, replica_set, "Pod") if is_active(pod)]
    if "deletionTimestamp" not in replica_set["metadata"]:
        _scale(cluster, replica_set, pods)
        pods = [pod for pod in children(cluster, replica_set, "Pod") if is_active(pod)]
    min_ready = replica_set["spec"].get("minReadySeconds", 0)
    ready, available, wait = count_ready(cluster, pods, min_ready)
    if wait:
        cluster.later(wait, "ReplicaSet", namespace, name)
    status: Object = {"replicas": len(pods), "observedGeneration": replica_set["metadata"]["generation"]}
    counts = {"fullyLabeledReplicas": len(pods), "readyReplicas": ready, "availableReplicas": available}
    status |= {key: value for key, value in counts.items() if value}
    save_status(cluster, REPLICA_SET, replica_set, status)


def _scale(cluster: Cluster, replica_set: Object, pods: list[Object]) -> None:
    wanted = replica_set["spec"]["replicas"]
    for _ in range(wanted - len(pods)):
        create_pod(cluster, REPLICA_SET, replica_set, labels={})
    surplus = len(pods) - wanted
    for pod in sorted(pods, key=_worth)[: max(0, surplus)]:
        delete_pod(cluster, pod)
    if wanted > len(pods):
        text = f"Created {wanted - len(pods)} pod(s)"
        record(cluster, REPLICA_SET, replica_set, "Normal", "SuccessfulCreate", text, COMPONENT)
    elif surplus > 0:
        record(cluster, REPLICA_SET, replica_set, "Normal", "SuccessfulDelete", f"Deleted {surplus} pod(s)", COMPONENT)


def _worth(pod: Object) -> tuple[bool, bool, int]:
    """What goes first: unscheduled, then not ready, then the youngest."""
    version = int(pod["metadata"]["resourceVersion"])
    return bool(pod["spec"].get("nodeName")), ready_since(pod) is not None, -version
