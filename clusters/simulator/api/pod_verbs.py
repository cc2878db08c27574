"""Subresources of pods that do something: eviction, log, binding."""

from collections.abc import Mapping
from typing import Any

from .. import removal
from ..clock import timestamp
from ..cluster import Cluster
from ..selectors import selects
from ..store import Object
from . import status
from .answers import Answer, json_answer, plain
from .paths import Target

_CREATED = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def handle(cluster: Cluster, target: Target, method: str, query: Mapping[str, str], body: Any) -> Answer:
    """Answer a call on a pod's subresource. Raises ApiError."""
    pod = cluster.store.get("Pod", target.namespace, target.name)
    if pod is None:
        raise status.not_found(target.kind, target.name)
    if target.subresource == "log" and method == "GET":
        return _log(pod, query.get("container", ""))
    if target.subresource == "eviction" and method == "POST":
        return _evict(cluster, target, pod, body)
    if target.subresource == "binding" and method == "POST":
        return _bind(cluster, target, pod, body)
    raise status.method_not_allowed()


def _log(pod: Object, wanted: str) -> Answer:
    names = [one["name"] for one in pod["spec"]["containers"]]
    container = wanted or names[0]
    if container not in names:
        raise status.bad_request(f"container {container} is not valid for pod {pod['metadata']['name']}")
    states = {one["name"]: one for one in pod["status"].get("containerStatuses", ())}
    waiting = states.get(container, {}).get("state", {}).get("waiting")
    if waiting or container not in states:
        reason = waiting["reason"] if waiting else "ContainerCreating"
        name = pod["metadata"]["name"]
        raise status.bad_request(f'container "{container}" in pod "{name}" is waiting to start: {reason}')
    image = next(one["image"] for one in pod["spec"]["containers"] if one["name"] == container)
    return plain(f"{pod['status'].get('startTime', timestamp())} {container} started from {image}\n")


def _evict(cluster: Cluster, target: Target, pod: Object, body: Any) -> Answer:
    options = (body or {}).get("deleteOptions") or {}
    labels = pod["metadata"].get("labels") or {}
    for budget in cluster.store.objects("PodDisruptionBudget", target.namespace):
        if selects(budget["spec"].get("selector"), labels) and not _allows(cluster, budget):
            cause = {
                "reason": "DisruptionBudget",
                "message": f"The disruption budget {budget['metadata']['name']} does not allow any more disruptions",
            }
            message = "Cannot evict pod as it would violate the pod's disruption budget."
            raise status.ApiError(429, "TooManyRequests", message, {"causes": [cause]})
    grace = options.get("gracePeriodSeconds")
    uid = (options.get("preconditions") or {}).get("uid") or ""
    removal.delete(cluster, target.kind, target.namespace, target.name, removal.DeleteOptions(grace=grace, uid=uid))
    return json_answer(_CREATED, 201)


def _allows(cluster: Cluster, budget: Object) -> bool:
    """Whether one more pod of the budget may go."""
    spec, namespace = budget["spec"], budget["metadata"]["namespace"]
    pods = [pod for pod in cluster.store.objects("Pod", namespace) if _covers(spec, pod)]
    ready = sum(
        any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))
        for pod in pods
    )
    if "minAvailable" in spec:
        return ready - 1 >= _share(spec["minAvailable"], len(pods))
    return len(pods) - ready + 1 <= _share(spec.get("maxUnavailable", 1), len(pods))


def _covers(spec: Object, pod: Object) -> bool:
    return selects(spec.get("selector"), pod["metadata"].get("labels") or {})


def _share(value: Any, total: int) -> int:
    """An int-or-percent, rounded up as budgets do."""
    return value if isinstance(value, int) else -(-int(str(value).rstrip("%")) * total // 100)


def _bind(cluster: Cluster, target: Target, pod: Object, body: Any) -> Answer:
    node = ((body or {}).get("target") or {}).get("name", "")
    if pod["spec"].get("nodeName"):
        raise status.conflict(target.kind, target.name, f"pod {target.name} is already assigned to node")
    pod["spec"]["nodeName"] = node
    cluster.store.put(target.kind, pod)
    return json_answer(_CREATED, 201)
