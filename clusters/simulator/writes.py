"""Create, update, patch and apply: what the API server does around a write."""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import allocation, defaults, validation
from .api import status
from .clock import timestamp
from .cluster import Cluster
from .kinds import BY_NAME, Kind
from .merge import apply as ssa
from .merge import managers as managed
from .removal import finish_if_released
from .schema.decode import shorten
from .schema.types import type_named
from .store import Object

NAMESPACE = BY_NAME["Namespace"]
MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
# Kept from the stored object, whatever the client sends.
_SERVER_KEPT = (
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "namespace",
)


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes and how."""

    manager: str
    dry_run: bool = False
    subresource: str = ""


def random_suffix(length: int = 5) -> str:
    """Letters for generated names."""
    return "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(length))


def create(cluster: Cluster, kind: Kind, namespace: str, obj: Object, author: Author) -> Object:
    """Store a new object. Raises ApiError."""
    return _create(cluster, kind, namespace, obj, author, None)


def _create(
    cluster: Cluster, kind: Kind, namespace: str, obj: Object, author: Author, applied: managed.Managers | None
) -> Object:
    meta = obj.setdefault("metadata", {})
    if meta.get("resourceVersion") not in (None, ""):
        raise status.ApiError(500, "", "resourceVersion should not be set on objects to be created")
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = meta["generateName"][:58] + random_suffix()
    if kind.namespaced:
        _check_namespace(cluster, kind, namespace, meta)
        meta["namespace"] = namespace
    if kind.has_status:
        obj["status"] = defaults.first_status(kind.name)
    for field in ("deletionTimestamp", "deletionGracePeriodSeconds", "generation", "managedFields"):
        meta.pop(field, None)
    meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": timestamp()}
    if kind.generation:
        meta["generation"] = 1
    managers = applied
    if managers is None:
        writer = managed.Writer(author.manager, "Update", kind.api_version, author.subresource)
        typ = type_named(kind.schema)
    defaults.fill(kind.name, obj)
    if managers is None:  # nobody owns what the server hands out below
        empty = defaults.empty(kind.name)
        managers = managed.track_update(empty, obj, typ, {}, writer, timestamp(), keep_status=False)
    allocation.on_create(cluster, kind.name, obj)
    _validate(kind, obj)
    name = meta["name"]
    if cluster.store.find(kind.name, namespace, name):
        raise status.already_exists(kind, name)
    if managers:
        meta["managedFields"] = managed.encode(managers)
    return obj if author.dry_run else cluster.store.put(kind, obj)


def _check_namespace(cluster: Cluster, kind: Kind, namespace: str, meta: Object) -> None:
    if meta.get("namespace") not in (None, "", namespace):
        raise status.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    found = cluster.store.get("Namespace", "", namespace)
    if found is None:
        raise status.not_found(NAMESPACE, namespace)
    if found["metadata"].get("deletionTimestamp"):
        why = f"unable to create new content in namespace {namespace} because it is being terminated"
        detail = status.cause(
            "NamespaceTerminating", f"namespace {namespace} is being terminated", "metadata.namespace"
        )
        raise status.forbidden(kind, meta.get("name", ""), why, [detail])


def _validate(kind: Kind, obj: Object) -> None:
    found = validation.check_metadata(kind, obj["metadata"]) + validation.check_new(kind.name, obj)
    if found:
        raise status.invalid(kind, obj["metadata"].get("name", ""), found)


def update(cluster: Cluster, kind: Kind, namespace: str, name: str, obj: Object, author: Author) -> Object:
    """Replace an object (or its status, by the author's subresource). Raises ApiError."""
    old = cluster.store.get(kind.name, namespace, name)
    if old is None:
        raise status.not_found(kind, name)
    return _replace(cluster, kind, old, obj, author, None)


def modify(
    cluster: Cluster, kind: Kind, namespace: str, name: str, change: Callable[[Object], Object], author: Author
) -> Object:
    """Update an object by a function of its present state, as patches do."""
    old = cluster.store.get(kind.name, namespace, name)
    if old is None:
        raise status.not_found(kind, name)
    copy = cluster.store.get(kind.name, namespace, name) or {}
    return _replace(cluster, kind, old, change(copy), author, None)


def _replace(
    cluster: Cluster, kind: Kind, old: Object, obj: Object, author: Author, applied: managed.Managers | None
) -> Object:
    before, meta = old["metadata"], obj.setdefault("metadata", {})
    _check_preconditions(kind, before, meta)
    sent_managers = meta.pop("managedFields", None)
    reset = sent_managers is not None and not [one for one in sent_managers if one]
    for field in _SERVER_KEPT:
        if field in before:
            meta[field] = before[field]
        else:
            meta.pop(field, None)
    meta["name"], meta["resourceVersion"] = before["name"], before["resourceVersion"]
    obj = _limit_to_subresource(kind, old, obj, author.subresource)
    defaults.fill(kind.name, obj)
    allocation.on_update(cluster, kind.name, old, obj)
    _validate(kind, obj)
    found = validation.check_change(kind.name, old, obj)
    if found:
        raise status.invalid(kind, before["name"], found)
    return _store_change(cluster, kind, old, obj, author, applied, reset)


def _check_preconditions(kind: Kind, before: Object, meta: Object) -> None:
    if meta.get("uid") not in (None, "", before["uid"]):
        why = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {before['uid']}"
        raise status.conflict(kind, before["name"], why)
    if meta.get("resourceVersion") not in (None, "", "0", before["resourceVersion"]):
        raise status.conflict(kind, before["name"], MODIFIED)


def _limit_to_subresource(kind: Kind, old: Object, obj: Object, subresource: str) -> Object:
    """A write of the status changes nothing else, and the other way round."""
    if subresource == "status":
        meta = old["metadata"] | {
            field: obj["metadata"][field] for field in ("annotations",) if field in obj["metadata"]
        }
        meta.pop("managedFields", None)
        limited = old | {"metadata": meta}
        if "status" in obj:
            limited["status"] = obj["status"]
        return limited
    if kind.has_status:
        if "status" in old:
            obj["status"] = old["status"]
        else:
            obj.pop("status", None)
    if kind.name == "Namespace" and subresource != "finalize":
        obj.setdefault("spec", {})["finalizers"] = old.get("spec", {}).get("finalizers", [])
    return obj


def _store_change(
    cluster: Cluster,
    kind: Kind,
    old: Object,
    obj: Object,
    author: Author,
    applied: managed.Managers | None,
    reset: bool,
) -> Object:
    meta = obj["metadata"]
    earlier = old["metadata"].get("managedFields", [])
    if kind.generation and any(
        old.get(key) != obj.get(key) for key in old.keys() | obj.keys() if key not in ("metadata", "status")
    ):
        meta["generation"] = old["metadata"].get("generation", 0) + 1
    bare = old["metadata"] | {}
    bare.pop("managedFields", None)
    same = bare == meta and all(old.get(key) == obj.get(key) for key in old.keys() | obj.keys() if key != "metadata")
    managers = applied
    if managers is None:
        known = {} if reset else managed.decode(earlier)
        writer = managed.Writer(author.manager, "Update", kind.api_version, author.subresource)
        managers = (
            known
            if same
            else managed.track_update(
                old,
                obj,
                type_named(kind.schema),
                known,
                writer,
                timestamp(),
                keep_status=author.subresource == "status",
            )
        )
    encoded = managed.encode(managers)
    if encoded:
        meta["managedFields"] = encoded
    if same and _without_times(encoded) == _without_times(earlier):
        return old
    if author.dry_run:
        return obj
    stored = cluster.store.put(kind, obj)
    return finish_if_released(cluster, kind, stored)


def _without_times(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in one.items() if key != "time"} for one in entries]


def apply(
    cluster: Cluster, kind: Kind, namespace: str, name: str, config: Object, author: Author, force: bool
) -> tuple[Object, bool]:
    """Server-side apply; returns the object and whether it is new. Raises ApiError."""
    meta = config.setdefault("metadata", {})
    meta.setdefault("name", name)
    if kind.namespaced and meta.setdefault("namespace", namespace) != namespace:
        raise status.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if meta.get("managedFields"):
        raise status.bad_request("metadata.managedFields must be nil")
    old = cluster.store.get(kind.name, namespace, name)
    typ = type_named(kind.schema)
    writer = managed.Writer(author.manager, "Apply", kind.api_version, author.subresource)
    known = managed.decode(old["metadata"].get("managedFields")) if old else {}
    live = _without_managers(old) if old else {}
    uid, version = meta.pop("uid", None), meta.pop("resourceVersion", None)
    try:
        merged, managers = ssa.apply(
            live,
            config,
            typ,
            known,
            writer,
            force=force,
            now=timestamp(),
            keep_status=author.subresource == "status",
        )
    except ssa.ApplyConflict as found:
        raise _apply_conflict(found) from None
    except ssa.BadConfiguration as found:
        where = f"{namespace}/{name}; {kind.api_version}, Kind={kind.name}".removeprefix("/")
        message = f"failed to create typed patch object ({where}): {found}"
        raise status.ApiError(500, "", message) from None
    merged = shorten(merged, typ)
    if old is None:
        if author.subresource:
            raise status.not_found(kind, name)
        if uid:
            why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise status.conflict(kind, name, why)
        return _create(cluster, kind, namespace, merged, author, managers), True
    merged["metadata"] |= {key: value for key, value in (("uid", uid), ("resourceVersion", version)) if value}
    return _replace(cluster, kind, old, merged, author, managers), False


def _without_managers(obj: Object) -> Object:
    meta = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return obj | {"metadata": meta}


def _apply_conflict(found: ssa.ApplyConflict) -> status.ApiError:
    causes = [
        status.cause("FieldManagerConflict", f"conflict with {writer.shown()}", path) for writer, path in found.found
    ]
    return status.ApiError(409, "Conflict", str(found), {"causes": causes})
