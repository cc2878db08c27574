"""Deletion: preconditions, grace, finalizers and propagation."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .api import status
from .clock import timestamp
from .cluster import Cluster
from .kinds import Kind
from .store import Object

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_IMMORTAL = ("default", "kube-public", "kube-system")
# Deleting these answers with the object, others with a Status.
_ANSWERED_WITH_OBJECT = frozenset(
    {"Pod", "Service", "ServiceAccount", "PersistentVolume", "PersistentVolumeClaim", "ResourceQuota"}
)


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """What a DELETE asks for."""

    propagation: str = ""  # Background, Foreground, Orphan
    grace: int | None = None
    uid: str = ""
    version: str = ""
    dry_run: bool = False


def delete(cluster: Cluster, kind: Kind, namespace: str, name: str, options: DeleteOptions) -> tuple[Object, bool]:
    """Delete an object; returns the answer and whether it is the object (not a Status)."""
    obj = cluster.store.get(kind.name, namespace, name)
    if obj is None:
        raise status.not_found(kind, name)
    _check(kind, obj, options)
    meta = obj["metadata"]
    if kind.name == "Namespace":
        return _terminate_namespace(cluster, kind, obj, options.dry_run), True
    if kind.name == "Pod" and (grace := _grace(obj, options)):
        return _terminate_pod(cluster, kind, obj, grace, options.dry_run), True
    finalizers = _finalizers(meta.get("finalizers") or [], options.propagation)
    if finalizers:
        return _mark(cluster, kind, obj, finalizers, options.dry_run), True
    if not options.dry_run:
        remove(cluster, kind, obj)
    if kind.name in _ANSWERED_WITH_OBJECT:
        return obj, True
    return status.success(kind, name, meta["uid"]), False


def _check(kind: Kind, obj: Object, options: DeleteOptions) -> None:
    meta = obj["metadata"]
    if options.uid and options.uid != meta["uid"]:
        why = f"the UID in the precondition ({options.uid}) does not match the UID in record ({meta['uid']}). "
        why += "The object might have been deleted and then recreated"
        raise status.conflict(kind, meta["name"], why)
    if options.version and options.version != meta["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({options.version}) does not match the ResourceVersion in record "
            f"({meta['resourceVersion']}). The object might have been modified"
        )
        raise status.conflict(kind, meta["name"], why)
    if kind.name == "Namespace" and meta["name"] in _IMMORTAL:
        raise status.forbidden(kind, meta["name"], "this namespace may not be deleted")


def _grace(pod: Object, options: DeleteOptions) -> int:
    """Seconds of grace; a pod that never ran gets none."""
    if not pod["spec"].get("nodeName") or pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    if options.grace is not None:
        return options.grace
    return int(pod["spec"].get("terminationGracePeriodSeconds", 30))


def _finalizers(present: list[str], propagation: str) -> list[str]:
    found = [one for one in present if one not in (FOREGROUND, ORPHAN)] if propagation else list(present)
    if propagation == "Foreground":
        found.append(FOREGROUND)
    if propagation == "Orphan":
        found.append(ORPHAN)
    return found


def _mark(cluster: Cluster, kind: Kind, obj: Object, finalizers: list[str], dry_run: bool) -> Object:
    meta = obj["metadata"]
    if meta.get("deletionTimestamp") and meta.get("finalizers") == finalizers:
        return obj
    meta["finalizers"] = finalizers
    if "deletionTimestamp" not in meta:
        meta |= {"deletionTimestamp": timestamp(), "deletionGracePeriodSeconds": 0}
        if meta.get("generation"):
            meta["generation"] += 1
    return obj if dry_run else cluster.store.put(kind, obj)


def _terminate_namespace(cluster: Cluster, kind: Kind, obj: Object, dry_run: bool) -> Object:
    if not obj["metadata"].get("deletionTimestamp"):
        obj["metadata"]["deletionTimestamp"] = timestamp()
        obj["status"]["phase"] = "Terminating"
        if not dry_run:
            cluster.store.put(kind, obj)
    return obj


def _terminate_pod(cluster: Cluster, kind: Kind, pod: Object, grace: int, dry_run: bool) -> Object:
    meta = pod["metadata"]
    if not meta.get("deletionTimestamp"):
        end = datetime.now(UTC) + timedelta(seconds=grace)
        meta |= {"deletionTimestamp": end.strftime("%Y-%m-%dT%H:%M:%SZ"), "deletionGracePeriodSeconds": grace}
        if meta.get("generation"):
            meta["generation"] += 1
        if not dry_run:
            cluster.store.put(kind, pod)
    return pod


def remove(cluster: Cluster, kind: Kind, obj: Object) -> None:
    """Take the object out; what it owned is collected a moment later."""
    meta = obj["metadata"]
    cluster.store.remove(kind, meta.get("namespace", ""), meta["name"])


def finish_if_released(cluster: Cluster, kind: Kind, obj: Object) -> Object:
    """An object that waited for its last finalizer goes now."""
    meta = obj["metadata"]
    if not meta.get("deletionTimestamp") or meta.get("finalizers") or kind.name == "Pod":
        return obj
    if kind.name == "Namespace" and obj.get("spec", {}).get("finalizers"):
        return obj
    remove(cluster, kind, obj)
    return obj
