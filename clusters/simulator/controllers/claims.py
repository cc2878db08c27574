"""Volume claims: a volume of the default class is there for each, and is bound to it; one in use cannot go."""

from .. import writes
from ..allocation import IN_USE
from ..cluster import Cluster
from ..kinds import BY_NAME
from ..store import Object
from .common import AUTHOR, save_status

CLAIM = BY_NAME["PersistentVolumeClaim"]


def sync(cluster: Cluster, namespace: str, name: str) -> None:
    """Bind a claim that waits, let one go that is deleted and used by no pod."""
    claim = cluster.store.get(CLAIM.name, namespace, name)
    if claim is None:
        return
    if "deletionTimestamp" in claim["metadata"]:
        if IN_USE in claim["metadata"].get("finalizers", ()) and not _is_used(cluster, namespace, name):
            writes.modify(cluster, CLAIM, namespace, name, _release, AUTHOR)
        return
    if claim["status"].get("phase") == "Bound":
        return
    if not claim["spec"].get("volumeName"):
        writes.modify(cluster, CLAIM, namespace, name, _bind, AUTHOR)
        claim = cluster.store.get(CLAIM.name, namespace, name)
    if claim is not None:
        size = claim["spec"].get("resources", {}).get("requests", {})
        status: Object = {"phase": "Bound", "accessModes": claim["spec"].get("accessModes", []), "capacity": size}
        save_status(cluster, CLAIM, claim, status)


def _is_used(cluster: Cluster, namespace: str, name: str) -> bool:
    return any(
        volume.get("persistentVolumeClaim", {}).get("claimName") == name
        for pod in cluster.store.objects("Pod", namespace)
        for volume in pod["spec"].get("volumes", ())
    )


def _release(claim: Object) -> Object:
    meta = claim["metadata"]
    meta["finalizers"] = [one for one in meta["finalizers"] if one != IN_USE]
    return claim


def _bind(claim: Object) -> Object:
    meta = claim["metadata"]
    annotations = {"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"}
    meta["annotations"] = (meta.get("annotations") or {}) | annotations
    claim["spec"]["volumeName"] = f"pvc-{meta['uid']}"
    return claim
