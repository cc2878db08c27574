"""StatefulSets: named pods that come in order and go in reverse."""

from .. import writes
from ..cluster import Cluster
from ..kinds import BY_NAME
from ..store import Object
from .common import AUTHOR, available_in, children, create_pod, delete_pod, ready_since, save_status, template_hash

STATEFUL_SET, CLAIM = BY_NAME["StatefulSet"], BY_NAME["PersistentVolumeClaim"]
HASH_LABEL = "controller-revision-hash"


def sync(cluster: Cluster, namespace: str, name: str) -> None:
    """Take the pods one step further, in order."""
    stateful_set = cluster.store.get("StatefulSet", namespace, name)
    if stateful_set is None or "deletionTimestamp" in stateful_set["metadata"]:
        return
    revision = f"{name}-{template_hash(stateful_set['spec']['template'])}"
    _step(cluster, stateful_set, revision)
    _write_status(cluster, stateful_set, revision)


def _pods(cluster: Cluster, stateful_set: Object) -> dict[int, Object]:
    return {int(pod["metadata"]["name"].rpartition("-")[2]): pod for pod in children(cluster, stateful_set, "Pod")}


def _step(cluster: Cluster, stateful_set: Object, revision: str) -> None:
    """Create, remove or replace one pod, unless an earlier one is not ready yet."""
    spec = stateful_set["spec"]
    pods = _pods(cluster, stateful_set)
    ordered = spec["podManagementPolicy"] == "OrderedReady"
    for ordinal in range(spec["replicas"]):
        pod = pods.get(ordinal)
        if pod is None:
            _create(cluster, stateful_set, ordinal, revision)
        if ordered and (pod is None or available_in(cluster, pod, spec.get("minReadySeconds", 0)) != 0.0):
            if pod is not None and _is_stuck(pod, revision):
                delete_pod(cluster, pod)
            return
    for ordinal in sorted((one for one in pods if one >= spec["replicas"]), reverse=True):
        delete_pod(cluster, pods[ordinal])
        if ordered:
            return
    if spec["updateStrategy"]["type"] != "RollingUpdate":
        return
    partition = spec["updateStrategy"].get("rollingUpdate", {}).get("partition", 0)
    for ordinal in range(spec["replicas"] - 1, partition - 1, -1):
        pod = pods.get(ordinal)
        if pod is None or ready_since(pod) is None:
            return
        if _revision(pod) != revision:
            delete_pod(cluster, pod)
            return


def _is_stuck(pod: Object, revision: str) -> bool:
    return _revision(pod) != revision and "deletionTimestamp" not in pod["metadata"] and ready_since(pod) is None


def _revision(pod: Object) -> str:
    return str((pod["metadata"].get("labels") or {}).get(HASH_LABEL, ""))


def _create(cluster: Cluster, stateful_set: Object, ordinal: int, revision: str) -> None:
    meta, spec = stateful_set["metadata"], stateful_set["spec"]
    name = f"{meta['name']}-{ordinal}"
    pod_spec = dict(spec["template"]["spec"]) | {"hostname": name, "subdomain": spec.get("serviceName", "")}
    volumes = list(pod_spec.get("volumes", ()))
    for claim in spec.get("volumeClaimTemplates", ()):
        claim_name = f"{claim['metadata']['name']}-{name}"
        volumes.append({"name": claim["metadata"]["name"], "persistentVolumeClaim": {"claimName": claim_name}})
        if not cluster.store.find("PersistentVolumeClaim", meta["namespace"], claim_name):
            body = {"metadata": {"name": claim_name, "labels": spec["selector"].get("matchLabels", {})}}
            writes.create(cluster, CLAIM, meta["namespace"], body | {"spec": dict(claim["spec"])}, AUTHOR)
    if volumes:
        pod_spec["volumes"] = volumes
    labels = {
        HASH_LABEL: revision,
        "statefulset.kubernetes.io/pod-name": name,
        "apps.kubernetes.io/pod-index": str(ordinal),
    }
    create_pod(cluster, STATEFUL_SET, stateful_set, name=name, labels=labels, spec=pod_spec)


def _write_status(cluster: Cluster, stateful_set: Object, revision: str) -> None:
    spec, old = stateful_set["spec"], stateful_set.get("status", {})
    pods = list(_pods(cluster, stateful_set).values())
    updated = sum(_revision(pod) == revision for pod in pods)
    waits = [available_in(cluster, pod, spec.get("minReadySeconds", 0)) for pod in pods]
    pending = [wait for wait in waits if wait]
    if pending:
        cluster.later(
            min(pending), "StatefulSet", stateful_set["metadata"]["namespace"], stateful_set["metadata"]["name"]
        )
    done = updated == len(pods) == spec["replicas"]
    status: Object = {
        "observedGeneration": stateful_set["metadata"]["generation"],
        "replicas": len(pods),
        "availableReplicas": sum(wait == 0.0 for wait in waits),
        "collisionCount": 0,
        "currentRevision": revision if done else old.get("currentRevision", revision),
        "updateRevision": revision,
    }
    counts = {
        "readyReplicas": sum(ready_since(pod) is not None for pod in pods),
        "updatedReplicas": updated,
        "currentReplicas": sum(_revision(pod) == status["currentRevision"] for pod in pods),
    }
    status |= {key: value for key, value in counts.items() if value}
    save_status(cluster, STATEFUL_SET, stateful_set, status)
