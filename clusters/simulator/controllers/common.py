"""What the controllers share: owners, pods, availability, status writes."""

import hashlib
import math
from typing import Any

import orjson

from .. import removal, writes
from ..clock import seconds_since, timestamp
from ..cluster import Cluster
from ..kinds import BY_NAME, Kind
from ..merge import managers as managed
from ..merge.fieldset import compare
from ..schema.types import type_named
from ..store import Object

MANAGER = "kube-controller-manager"
AUTHOR = writes.Author(MANAGER)
POD = BY_NAME["Pod"]
_HASH_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def template_hash(template: Object) -> str:
    """A short name for a pod template: same template, same hash."""
    digest = hashlib.sha256(orjson.dumps(template, option=orjson.OPT_SORT_KEYS)).digest()
    return "".join(_HASH_LETTERS[byte % len(_HASH_LETTERS)] for byte in digest[:10])


def owner_reference(kind: Kind, owner: Object) -> Object:
    """The reference by which a controller owns what it makes."""
    meta = owner["metadata"]
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def children(cluster: Cluster, owner: Object, kind: str) -> list[Object]:
    """Objects of a kind that the owner controls."""
    keys = cluster.store.owned_by(owner["metadata"]["uid"])
    found = (cluster.store.get(*key) for key in keys if key[0] == kind)
    return [obj for obj in found if obj]


def is_active(pod: Object) -> bool:
    """Whether the pod counts: neither ended nor ending."""
    phase = pod.get("status", {}).get("phase")
    return phase not in ("Succeeded", "Failed") and "deletionTimestamp" not in pod["metadata"]


def ready_since(pod: Object) -> str | None:
    """When the pod became ready; None when it is not."""
    for condition in pod.get("status", {}).get("conditions", ()):
        if condition["type"] == "Ready" and condition["status"] == "True":
            return str(condition.get("lastTransitionTime", ""))
    return None


def available_in(cluster: Cluster, pod: Object, min_ready: int) -> float | None:
    """0.0 for an available pod, seconds until a ready one is, None for one that is not ready."""
    since = ready_since(pod)
    if since is None:
        return None
    if not min_ready:
        return 0.0
    return max(0.0, min_ready * cluster.timing.time_scale - seconds_since(since))


def count_ready(cluster: Cluster, pods: list[Object], min_ready: int) -> tuple[int, int, float]:
    """(ready, available, seconds until the next ready pod becomes available or 0)."""
    waits = [wait for pod in pods if (wait := available_in(cluster, pod, min_ready)) is not None]
    pending = [wait for wait in waits if wait > 0]
    return len(waits), len(waits) - len(pending), min(pending, default=0.0)


def create_pod(
    cluster: Cluster, kind: Kind, owner: Object, *, name: str = "", labels: dict[str, str], spec: Object | None = None
) -> None:
    """Create one pod from the owner's template."""
    template = owner["spec"]["template"]
    meta: Object = {
        "labels": (template["metadata"].get("labels") or {}) | labels,
        "ownerReferences": [owner_reference(kind, owner)],
    }
    if template["metadata"].get("annotations"):
        meta["annotations"] = template["metadata"]["annotations"]
    meta |= {"name": name} if name else {"generateName": owner["metadata"]["name"] + "-"}
    body = orjson.loads(orjson.dumps({"metadata": meta, "spec": spec or template["spec"]}))
    writes.create(cluster, POD, owner["metadata"]["namespace"], body, AUTHOR)


def delete_pod(cluster: Cluster, pod: Object) -> None:
    """Delete a pod with its usual grace."""
    meta = pod["metadata"]
    removal.delete(cluster, POD, meta["namespace"], meta["name"], removal.DeleteOptions())


def save_status(cluster: Cluster, kind: Kind, obj: Object, status: Object, manager: str = MANAGER) -> None:
    """Write the status when it differs."""
    if obj.get("status") == status:
        return
    obj["status"] = status
    managers = managed.decode(obj["metadata"].get("managedFields"))
    typ = type_named(kind.schema).child("status")
    writer = managed.Writer(manager, "Update", kind.api_version, "status")
    fields, _ = compare({}, status, typ)
    managers[writer] = managed.Entry({"f:status": fields}, timestamp())
    obj["metadata"]["managedFields"] = managed.encode(managers)
    cluster.store.put(kind, obj)


def set_condition(conditions: list[Object], kind: str, status: str, reason: str, message: str, **extra: Any) -> bool:
    """Set a condition in place; its transition time moves with the status only."""
    now = timestamp()
    wanted = {"type": kind, "status": status, "reason": reason, "message": message}
    for condition in conditions:
        if condition["type"] == kind:
            if all(condition.get(key) == value for key, value in wanted.items()):
                return False
            if condition["status"] != status:
                condition["lastTransitionTime"] = now
            condition |= wanted | extra
            return True
    conditions.append(wanted | {"lastTransitionTime": now} | extra)
    return True


def resolve(value: Any, total: int, round_up: bool) -> int:
    """An int-or-percent of the total."""
    if isinstance(value, int):
        return value
    share = int(str(value).rstrip("%")) * total / 100
    return math.ceil(share) if round_up else math.floor(share)
