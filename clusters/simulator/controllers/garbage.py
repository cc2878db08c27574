"""The garbage collector: dependents follow their owners, as the deletion asked."""

from .. import removal
from ..cluster import Cluster
from ..kinds import BY_NAME
from ..removal import FOREGROUND, ORPHAN
from ..store import Key, Object


def collect(cluster: Cluster, uid: str) -> None:
    """Delete what the object with this uid owned, unless another owner lives."""
    for key in cluster.store.owned_by(uid):
        obj = cluster.store.get(*key)
        if obj is None or "deletionTimestamp" in obj["metadata"]:
            continue
        if any(_lives(cluster, key[1], owner) for owner in obj["metadata"]["ownerReferences"]):
            _disown(cluster, key, uid)
        else:
            removal.delete(cluster, BY_NAME[key[0]], key[1], key[2], removal.DeleteOptions(propagation="Background"))


def _lives(cluster: Cluster, namespace: str, owner: Object) -> bool:
    kind = BY_NAME.get(owner["kind"])
    if kind is None:
        return True
    found = cluster.store.get(kind.name, namespace if kind.namespaced else "", owner["name"])
    return found is not None and found["metadata"]["uid"] == owner["uid"]


def _disown(cluster: Cluster, key: Key, uid: str) -> None:
    obj = cluster.store.get(*key)
    if obj is None:
        return
    left = [owner for owner in obj["metadata"].get("ownerReferences", ()) if owner["uid"] != uid]
    obj["metadata"]["ownerReferences"] = left
    if not left:
        del obj["metadata"]["ownerReferences"]
    cluster.store.put(BY_NAME[key[0]], obj)


def finalize(cluster: Cluster, key: Key) -> None:
    """Do what the collector's own finalizers ask for, then lift them."""
    obj = cluster.store.get(*key)
    if obj is None or "deletionTimestamp" not in obj["metadata"]:
        return
    finalizers = obj["metadata"].get("finalizers") or []
    uid = obj["metadata"]["uid"]
    if ORPHAN in finalizers:
        for dependent in cluster.store.owned_by(uid):
            _disown(cluster, dependent, uid)
        _lift(cluster, key, ORPHAN)
    elif FOREGROUND in finalizers:
        dependents = cluster.store.owned_by(uid)
        for dependent in dependents:
            found = cluster.store.find(*dependent)
            if found and b'"deletionTimestamp"' not in found.data:
                options = removal.DeleteOptions(propagation="Foreground")
                removal.delete(cluster, BY_NAME[dependent[0]], dependent[1], dependent[2], options)
        if not cluster.store.owned_by(uid):
            _lift(cluster, key, FOREGROUND)


def _lift(cluster: Cluster, key: Key, finalizer: str) -> None:
    obj = cluster.store.get(*key)
    if obj is None:
        return
    meta = obj["metadata"]
    meta["finalizers"] = [one for one in meta.get("finalizers", ()) if one != finalizer]
    if not meta["finalizers"]:
        del meta["finalizers"]
    kind = BY_NAME[key[0]]
    removal.finish_if_released(cluster, kind, cluster.store.put(kind, obj))
