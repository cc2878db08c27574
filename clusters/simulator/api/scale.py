"""The scale subresource: replicas of a workload behind one small object."""

from .. import writes
from ..cluster import Cluster
from ..kinds import Kind
from ..selectors import selector_text
from ..store import Object
from ..validation.create import replica_faults
from . import status

SCALE = Kind("autoscaling", "v1", "Scale", "scales")


def read(obj: Object) -> Object:
    """The Scale of a workload."""
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": {
            "replicas": obj.get("status", {}).get("replicas", 0),
            "selector": selector_text(obj["spec"].get("selector", {})),
        },
    }


def write(cluster: Cluster, kind: Kind, obj: Object, scale: Object, author: writes.Author) -> Object:
    """Set the workload's replicas to those of the Scale."""
    meta = obj["metadata"]
    replicas = scale.get("spec", {}).get("replicas", 0)
    faults = replica_faults(replicas, "spec.replicas")
    if faults:
        raise status.invalid(SCALE, meta["name"], faults)
    version = scale.get("metadata", {}).get("resourceVersion")
    if version not in (None, "", meta["resourceVersion"]):
        raise status.conflict(kind, meta["name"], writes.MODIFIED)

    def change(found: Object) -> Object:
        found["spec"]["replicas"] = replicas
        return found

    return read(writes.modify(cluster, kind, meta.get("namespace", ""), meta["name"], change, author))
