"""Autoscalers: without metrics they only keep their target within its bounds."""

from .. import writes
from ..clock import timestamp
from ..cluster import Cluster
from ..kinds import BY_NAME
from ..store import Object
from .common import MANAGER, save_status, set_condition

AUTOSCALER = BY_NAME["HorizontalPodAutoscaler"]
_SCALER = writes.Author(MANAGER, subresource="scale")


def sync(cluster: Cluster, namespace: str, name: str) -> None:
    """Keep the target's replicas between minReplicas and maxReplicas."""
    autoscaler = cluster.store.get("HorizontalPodAutoscaler", namespace, name)
    if autoscaler is None:
        return
    target = _target(cluster, autoscaler)
    replicas = target["spec"].get("replicas", 1) if target else 0
    spec = autoscaler["spec"]
    wanted = min(max(replicas, spec["minReplicas"]), spec["maxReplicas"]) if replicas else 0
    if target and wanted != replicas:
        scale(cluster, autoscaler, wanted)
    _write_status(cluster, autoscaler, target, replicas, wanted)


def scale(cluster: Cluster, autoscaler: Object, replicas: int) -> None:
    """Scale the target through its scale subresource, as the controller does."""
    reference = autoscaler["spec"]["scaleTargetRef"]

    def change(obj: Object) -> Object:
        obj["spec"]["replicas"] = replicas
        return obj

    namespace = autoscaler["metadata"]["namespace"]
    writes.modify(cluster, BY_NAME[reference["kind"]], namespace, reference["name"], change, _SCALER)


def _target(cluster: Cluster, autoscaler: Object) -> Object | None:
    reference = autoscaler["spec"]["scaleTargetRef"]
    kind = BY_NAME.get(reference["kind"])
    if kind is None or "scale" not in kind.subresources:
        return None
    return cluster.store.get(kind.name, autoscaler["metadata"]["namespace"], reference["name"])


def _write_status(cluster: Cluster, autoscaler: Object, target: Object | None, replicas: int, wanted: int) -> None:
    old = autoscaler.get("status", {})
    conditions = [dict(one) for one in old.get("conditions", ())]
    if target is None:
        text = "the HPA controller was unable to get the target's current scale"
        set_condition(conditions, "AbleToScale", "False", "FailedGetScale", text)
    else:
        text = "the HPA controller was able to get the target's current scale"
        set_condition(conditions, "AbleToScale", "True", "SucceededGetScale", text)
        text = "the HPA was unable to compute the replica count: failed to get cpu utilization: no metrics"
        set_condition(conditions, "ScalingActive", "False", "FailedGetResourceMetric", text)
    status: Object = {"currentReplicas": replicas, "desiredReplicas": wanted, "conditions": conditions}
    if wanted != replicas:
        status["lastScaleTime"] = timestamp()
    elif "lastScaleTime" in old:
        status["lastScaleTime"] = old["lastScaleTime"]
    save_status(cluster, AUTOSCALER, autoscaler, status)
