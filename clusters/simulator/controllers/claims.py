"""Volume claims: a volume of the default class is there for each, and is bound to it."""

from .. import writes
from ..cluster import Cluster
from ..kinds import BY_NAME
from ..store import Object
from .common import AUTHOR, save_status

CLAIM = BY_NAME["PersistentVolumeClaim"]


def sync(cluster: Cluster, namespace: str, name: str) -> None:
    """Bind a claim that waits."""
    claim = cluster.store.get(CLAIM.name, namespace, name)
    if claim is None or "deletionTimestamp" in claim["metadata"] or claim["status"].get("phase") == "Bound":
        return
    if not claim["spec"].get("volumeName"):
        writes.modify(cluster, CLAIM, namespace, name, _bind, AUTHOR)
        claim = cluster.store.get(CLAIM.name, namespace, name)
    if claim is not None:
        size = claim["spec"].get("resources", {}).get("requests", {})
        status: Object = {"phase": "Bound", "accessModes": claim["spec"].get("accessModes", []), "capacity": size}
        save_status(cluster, CLAIM, claim, status)


def _bind(claim: Object) -> Object:
    meta = claim["metadata"]
    annotations = {"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"}
    meta["annotations"] = (meta.get("annotations") or {}) | annotations
    claim["spec"]["volumeName"] = f"pvc-{meta['uid']}"
    return claim
