"""Pods: the scheduler picks a node, the kubelet starts, restarts and stops them."""

import zlib
from typing import Any

from .. import removal
from ..clock import timestamp
from ..cluster import Cluster
from ..kinds import BY_NAME
from ..scheduling import choose, is_ready
from ..store import Object
from .common import save_status, set_condition
from .events import record

POD = BY_NAME["Pod"]
SCHEDULER, KUBELET = "default-scheduler", "kubelet"
# Restarts after which the pause before the next one no longer grows.
LONGEST_BACKOFF = 6


def sync(cluster: Cluster, namespace: str, name: str) -> None:
    """Schedule a new pod, start a scheduled one, stop a deleted one."""
    pod = cluster.store.get("Pod", namespace, name)
    if pod is None:
        return
    node_name = pod["spec"].get("nodeName")
    if "deletionTimestamp" in pod["metadata"]:
        cluster.later(cluster.timing.pod_stop, "PodStop", namespace, name)
        return
    if not node_name:
        _schedule(cluster, pod)
        return
    node = cluster.store.get("Node", "", node_name)
    if node is None:
        removal.remove(cluster, POD, pod)
        return
    if not is_ready(node):
        _lose(cluster, pod)
        return
    if _waiting(pod) is None and pod["status"]["phase"] == "Pending":
        _save(cluster, pod, _starting(pod, node))
        cluster.later(cluster.timing.pod_ready, "PodStart", namespace, name)
    elif _waiting(pod) == "ContainerCreating":
        cluster.later(cluster.timing.pod_ready, "PodStart", namespace, name)
    elif _images_changed(pod):
        cluster.later(cluster.timing.settle, "PodStart", namespace, name)
    elif pod["status"]["phase"] == "Running" and not _waiting(pod) and not _is_ready(pod):
        _save(cluster, pod, _running(pod))
    elif pod["status"]["phase"] == "Running" and pod["spec"]["restartPolicy"] != "Always":
        cluster.later(cluster.timing.pod_ready, "PodRetry", namespace, name)
    elif _waiting(pod):
        cluster.later(cluster.timing.image_retry, "PodRetry", namespace, name)


def _schedule(cluster: Cluster, pod: Object) -> None:
    nodes = list(cluster.store.objects("Node"))
    usage = cluster.usage
    if usage is None:
        return
    owners = [one["uid"] for one in pod["metadata"].get("ownerReferences", ())]
    siblings = [key[1:] for uid in owners for key in cluster.store.owned_by(uid) if key[0] == "Pod"]
    name, why = choose(pod["spec"], nodes, usage.loads(), usage.spread(siblings))
    conditions = list(pod["status"].get("conditions", ()))
    if not name:
        set_condition(conditions, "PodScheduled", "False", "Unschedulable", why)
        if conditions != pod["status"].get("conditions"):
            record(cluster, POD, pod, "Warning", "FailedScheduling", why, SCHEDULER)
        _save(cluster, pod, pod["status"] | {"conditions": conditions}, "kube-scheduler")
        return
    pod["spec"]["nodeName"] = name
    conditions = [one for one in conditions if one["type"] != "PodScheduled"]
    conditions.append(_condition("PodScheduled", True))
    pod["status"] = pod["status"] | {"conditions": conditions}
    cluster.store.put(POD, pod)
    meta = pod["metadata"]
    text = f"Successfully assigned {meta['namespace']}/{meta['name']} to {name}"
    record(cluster, POD, pod, "Normal", "Scheduled", text, SCHEDULER)


def start(cluster: Cluster, namespace: str, name: str) -> None:
    """The images are pulled, or cannot be."""
    pod = cluster.store.get("Pod", namespace, name)
    if pod is None or "deletionTimestamp" in pod["metadata"] or not pod["spec"].get("nodeName"):
        return
    missing = [one for one in _containers(pod) if _tag(one) == "never"]
    if missing:
        _save(cluster, pod, _not_pulled(pod, "ErrImagePull"))
        text = f'Failed to pull image "{missing[0]["image"]}": not found'
        record(cluster, POD, pod, "Warning", "Failed", text, KUBELET)
        return
    for container in pod["spec"]["containers"]:
        text = f'Container image "{container["image"]}" already present on machine'
        record(cluster, POD, pod, "Normal", "Pulled", text, KUBELET)
        record(cluster, POD, pod, "Normal", "Started", f"Started container {container['name']}", KUBELET)
    _save(cluster, pod, _running(pod))
    if any(_tag(one) == "crash" for one in _containers(pod)):
        cluster.later(cluster.timing.settle, "PodRetry", namespace, name)


def retry(cluster: Cluster, namespace: str, name: str) -> None:
    """Back off from a missing image, crash again, or finish."""
    pod = cluster.store.get("Pod", namespace, name)
    if pod is None or "deletionTimestamp" in pod["metadata"] or not pod["spec"].get("nodeName"):
        return
    waiting = _waiting(pod)
    crashing = any(_tag(one) == "crash" for one in _containers(pod))
    if waiting == "ErrImagePull":
        _save(cluster, pod, _not_pulled(pod, "ImagePullBackOff"))
        record(cluster, POD, pod, "Warning", "BackOff", f'Back-off pulling image "{_first_image(pod)}"', KUBELET)
    elif waiting == "ImagePullBackOff" or (waiting is None and pod["status"]["phase"] != "Running"):
        return
    elif pod["spec"]["restartPolicy"] == "Never" or (pod["spec"]["restartPolicy"] == "OnFailure" and not crashing):
        _save(cluster, pod, _finished(pod, failed=crashing))
    elif crashing:
        restarts = _restarts(pod)
        record(cluster, POD, pod, "Warning", "BackOff", "Back-off restarting failed container", KUBELET)
        _save(cluster, pod, _crashed(pod, restarts + (waiting == "CrashLoopBackOff" or restarts == 0)))
        cluster.later(cluster.timing.image_retry * 2 ** min(restarts, LONGEST_BACKOFF), "PodRetry", namespace, name)


def stop(cluster: Cluster, namespace: str, name: str) -> None:
    """The containers have ended; a lost node never says so."""
    pod = cluster.store.get("Pod", namespace, name)
    if pod is None or "deletionTimestamp" not in pod["metadata"] or pod["metadata"].get("finalizers"):
        return
    node = cluster.store.get("Node", "", pod["spec"].get("nodeName", ""))
    if node is None or is_ready(node):
        removal.remove(cluster, POD, pod)


def _save(cluster: Cluster, pod: Object, status: Object, manager: str = KUBELET) -> None:
    save_status(cluster, POD, pod, status | {"observedGeneration": pod["metadata"].get("generation", 1)}, manager)


def _containers(pod: Object) -> list[Object]:
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def _tag(container: Object) -> str:
    return container["image"].rsplit("/", 1)[-1].partition(":")[2]


def _first_image(pod: Object) -> str:
    return str(next((one["image"] for one in _containers(pod) if _tag(one) == "never"), ""))


def _waiting(pod: Object) -> str | None:
    for one in pod["status"].get("containerStatuses", ()):
        if "waiting" in one["state"]:
            return str(one["state"]["waiting"]["reason"])
    return None


def _restarts(pod: Object) -> int:
    return max((one["restartCount"] for one in pod["status"].get("containerStatuses", ())), default=0)


def _images_changed(pod: Object) -> bool:
    shown = {one["name"]: one["image"] for one in pod["status"].get("containerStatuses", ())}
    return bool(shown) and any(shown.get(one["name"]) != one["image"] for one in pod["spec"]["containers"])


def _is_ready(pod: Object) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))


def _condition(kind: str, holds: bool, reason: str = "", message: str = "") -> Object:
    found: Object = {
        "type": kind,
        "status": str(holds),
        "lastProbeTime": None,
        "lastTransitionTime": timestamp(),
    }
    if reason:
        found |= {"reason": reason, "message": message}
    return found


def _conditions(pod: Object, ready: bool, reason: str = "ContainersNotReady") -> list[Object]:
    names = " ".join(one["name"] for one in pod["spec"]["containers"])
    message = "" if ready else f"containers with unready status: [{names}]"
    why = ("", "") if ready else (reason, message)
    wanted = [
        _condition("PodReadyToStartContainers", True),
        _condition("Initialized", True),
        _condition("Ready", ready, *why),
        _condition("ContainersReady", ready, *why),
        _condition("PodScheduled", True),
    ]
    known = {one["type"]: one for one in pod["status"].get("conditions", ())}
    for one in wanted:
        before = known.get(one["type"])
        if before and before["status"] == one["status"]:
            one["lastTransitionTime"] = before["lastTransitionTime"]
    return wanted


def _container_status(container: Object, state: Object, ready: bool, restarts: int, pod: Object) -> Object:
    running = "running" in state
    digest = f"{zlib.crc32(container['image'].encode()):08x}" * 8
    found: Object = {
        "name": container["name"],
        "image": container["image"],
        "imageID": f"{container['image'].partition('@')[0].rpartition(':')[0]}@sha256:{digest}" if running else "",
        "lastState": {},
        "ready": ready,
        "restartCount": restarts,
        "started": running,
        "state": state,
    }
    if running:
        found["containerID"] = f"containerd://{pod['metadata']['uid'].replace('-', '') * 2}"
    return found


def _statuses(pod: Object, state: Any, ready: bool = False, restarts: int = 0) -> list[Object]:
    return [
        _container_status(one, state(one) if callable(state) else state, ready, restarts, pod)
        for one in pod["spec"]["containers"]
    ]


def _addresses(pod: Object, node: Object) -> Object:
    host = next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")
    return {"hostIP": host, "hostIPs": [{"ip": host}], "startTime": timestamp()}


def _starting(pod: Object, node: Object) -> Object:
    state = {"waiting": {"reason": "ContainerCreating"}}
    return (
        pod["status"]
        | _addresses(pod, node)
        | {
            "phase": "Pending",
            "conditions": _conditions(pod, False),
            "containerStatuses": _statuses(pod, state),
        }
    )


def _address(pod: Object) -> str:
    number = zlib.crc32(pod["metadata"]["uid"].encode())
    return f"10.244.{number % 250}.{number // 250 % 253 + 2}"


def _running(pod: Object) -> Object:
    address = pod["status"].get("hostIP", "") if pod["spec"].get("hostNetwork") else _address(pod)
    return pod["status"] | {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": _conditions(pod, True),
        "containerStatuses": _statuses(pod, {"running": {"startedAt": timestamp()}}, True, _restarts(pod)),
    }


def _not_pulled(pod: Object, reason: str) -> Object:
    def state(container: Object) -> Object:
        image = container["image"]
        if reason == "ImagePullBackOff":
            message = f'Back-off pulling image "{image}": ErrImagePull: {image}: not found'
        else:
            message = f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": not found'
        if _tag(container) == "never":
            return {"waiting": {"reason": reason, "message": message}}
        return {"running": {"startedAt": timestamp()}}

    return pod["status"] | {
        "phase": "Pending",
        "conditions": _conditions(pod, False),
        "containerStatuses": _statuses(pod, state),
    }


def _terminated(code: int) -> Object:
    now = timestamp()
    reason = "Error" if code else "Completed"
    return {"terminated": {"exitCode": code, "reason": reason, "startedAt": now, "finishedAt": now}}


def _crashed(pod: Object, restarts: int) -> Object:
    meta = pod["metadata"]
    name = next(one["name"] for one in pod["spec"]["containers"])
    message = f"back-off 10s restarting failed container={name} pod={meta['name']}_{meta['namespace']}({meta['uid']})"
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
    statuses = [one | {"lastState": _terminated(1)} for one in _statuses(pod, state, False, restarts)]
    return pod["status"] | {
        "phase": "Running",
        "conditions": _conditions(pod, False),
        "containerStatuses": statuses,
    }


def _finished(pod: Object, failed: bool) -> Object:
    phase = "Failed" if failed else "Succeeded"
    return pod["status"] | {
        "phase": phase,
        "conditions": _conditions(pod, False, "PodFailed" if failed else "PodCompleted"),
        "containerStatuses": _statuses(pod, _terminated(1 if failed else 0), False, _restarts(pod)),
    }


def _lose(cluster: Cluster, pod: Object) -> None:
    """A pod on a lost node is not ready, whatever it last said."""
    conditions = [dict(one) for one in pod["status"].get("conditions", ())]
    if not any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
        return
    for one in conditions:
        if one["type"] == "Ready":
            one |= {"status": "False", "lastTransitionTime": timestamp()}
    _save(cluster, pod, pod["status"] | {"conditions": conditions}, "kube-controller-manager")
