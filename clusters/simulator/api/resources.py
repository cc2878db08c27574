"""The verbs on resources: get, list, create, update, patch, apply, delete."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from .. import removal, writes
from ..cluster import Cluster
from ..kinds import Kind
from ..merge import patches
from ..schema.types import type_named
from ..store import Object
from . import bodies, lists, pod_verbs, scale, status, tables
from .answers import Answer, list_bytes, object_answer, typed
from .paths import Target


@dataclass(frozen=True, slots=True)
class Call:
    """A request, as far as resources care."""

    method: str
    query: Mapping[str, str]
    accept: str
    content_type: str
    user_agent: str
    body: bytes

    def author(self, subresource: str = "") -> writes.Author:
        """Who writes: fieldManager, else the client's name."""
        manager = self.query.get("fieldManager") or self.user_agent.partition("/")[0][:128] or "unknown"
        return writes.Author(manager, self.dry_run, subresource)

    @property
    def dry_run(self) -> bool:
        """Whether the query asks for a dry run."""
        value = self.query.get("dryRun", "")
        if value not in ("", "All"):
            fault = status.unsupported("dryRun", value, ("All",))
            raise status.ApiError(422, "Invalid", f"{fault['field']}: {fault['message']}", {"causes": [fault]})
        return value == "All"

    @property
    def validation(self) -> str:
        """What to do about unknown fields."""
        return self.query.get("fieldValidation") or "Warn"


def handle(cluster: Cluster, target: Target, call: Call) -> Answer:
    """Answer a call on a resource. Raises ApiError."""
    if target.subresource == "scale":
        return _scale(cluster, target, call)
    if target.subresource in ("eviction", "log", "binding"):
        body = bodies.parse(call.body, call.content_type) if call.body else {}
        return pod_verbs.handle(cluster, target, call.method, call.query, body)
    if not target.name:
        return _collection(cluster, target, call)
    match call.method:
        case "GET" | "HEAD":
            return _get(cluster, target, call)
        case "PUT":
            return _put(cluster, target, call)
        case "PATCH":
            return _patch(cluster, target, call)
        case "DELETE" if not target.subresource:
            return _delete(cluster, target, call)
    raise status.method_not_allowed()


def _collection(cluster: Cluster, target: Target, call: Call) -> Answer:
    match call.method:
        case "GET" | "HEAD":
            return _list(cluster, target, call)
        case "POST" if target.namespace or not target.kind.namespaced:
            return _post(cluster, target, call)
        case "DELETE" if target.kind.name != "Namespace" and (target.namespace or not target.kind.namespaced):
            return _delete_all(cluster, target, call)
    raise status.method_not_allowed()


def _list(cluster: Cluster, target: Target, call: Call) -> Answer:
    page = lists.page(cluster, target.kind, target.namespace, call.query)
    form = tables.negotiate(call.accept)
    if form:
        items = [stored.read() for _, stored in page.entries]
        return tables.answer(form, target.kind, items, page.meta, call.query.get("includeObject", "Metadata"))
    return Answer(list_bytes(target.kind, page.meta, (stored.data for _, stored in page.entries)))


def _get(cluster: Cluster, target: Target, call: Call) -> Answer:
    stored = cluster.store.find(target.kind.name, target.namespace, target.name)
    if stored is None:
        raise status.not_found(target.kind, target.name)
    form = tables.negotiate(call.accept)
    if form:
        meta = {"resourceVersion": str(stored.version)}
        include = call.query.get("includeObject", "Metadata")
        return tables.answer(form, target.kind, [stored.read()], meta, include, single=True)
    return Answer(typed(target.kind, stored.data))


def _read(call: Call, kind: Kind) -> bodies.Decoded:
    bodies.check_media_type(call.content_type, patch=False)
    return bodies.read_object(kind, bodies.parse(call.body, call.content_type), call.validation)


def _warned(answer: Answer, warnings: list[str]) -> Answer:
    if warnings:
        answer.headers["Warning"] = ", ".join('299 - "' + text.replace('"', '\\"') + '"' for text in warnings)
    return answer


def _post(cluster: Cluster, target: Target, call: Call) -> Answer:
    decoded = _read(call, target.kind)
    obj = writes.create(cluster, target.kind, target.namespace, decoded.obj, call.author())
    return _warned(object_answer(target.kind, obj, 201), decoded.warnings)


def _put(cluster: Cluster, target: Target, call: Call) -> Answer:
    decoded = _read(call, target.kind)
    _check_name(target, decoded.obj)
    obj = writes.update(
        cluster, target.kind, target.namespace, target.name, decoded.obj, call.author(target.subresource)
    )
    return _warned(object_answer(target.kind, obj), decoded.warnings)


def _check_name(target: Target, obj: Object) -> None:
    name = obj.get("metadata", {}).get("name")
    if name and name != target.name:
        raise status.bad_request(f"the name of the object ({name}) does not match the name on the URL ({target.name})")


def _patch(cluster: Cluster, target: Target, call: Call) -> Answer:
    bodies.check_media_type(call.content_type, patch=True)
    if call.content_type == bodies.APPLY:
        return _apply(cluster, target, call)
    if call.query.get("force"):
        raise _bad_options("force: Forbidden: may not be specified for non-apply patch")
    patch = bodies.parse(call.body, call.content_type)
    warnings: list[str] = []

    def change(obj: Object) -> Object:
        decoded = bodies.read_object(target.kind, patched(target.kind, obj, patch, call.content_type), call.validation)
        warnings.extend(decoded.warnings)
        return decoded.obj

    obj = writes.modify(cluster, target.kind, target.namespace, target.name, change, call.author(target.subresource))
    return _warned(object_answer(target.kind, obj), warnings)


def patched(kind: Kind, obj: Object, patch: Any, content_type: str) -> Any:
    """The object with the patch applied. Raises ApiError."""
    try:
        match content_type:
            case bodies.JSON_PATCH:
                return patches.json_patch(obj, patch)
            case bodies.STRATEGIC:
                return patches.strategic_patch(obj, patch, type_named(kind.schema))
        if not isinstance(patch, dict):
            raise patches.BadPatch("json: cannot unmarshal into Go value of type map[string]interface {}")
        return patches.merge_patch(obj, patch)
    except (patches.BadPatch, AttributeError, TypeError) as error:
        if content_type == bodies.JSON_PATCH and isinstance(patch, list):
            message = f"the server rejected our request due to an error in our request: {error}"
            raise status.ApiError(422, "Invalid", message, {}) from None
        raise status.bad_request(str(error)) from None


def _bad_options(fault: str) -> status.ApiError:
    field, _, message = fault.partition(": ")
    reason = "FieldValueRequired" if message.startswith("Required") else "FieldValueForbidden"
    causes = [status.cause(reason, message, field)]
    details = {"group": "meta.k8s.io", "kind": "PatchOptions", "causes": causes}
    return status.ApiError(422, "Invalid", f'PatchOptions.meta.k8s.io "" is invalid: {fault}', details)


def _apply(cluster: Cluster, target: Target, call: Call) -> Answer:
    if not call.query.get("fieldManager"):
        raise _bad_options("fieldManager: Required value: is required for apply patch")
    raw = bodies.parse(call.body, call.content_type)
    decoded = bodies.read_object(target.kind, raw, call.validation, applied=True)
    _check_name(target, decoded.obj)
    force = call.query.get("force") in ("true", "1")
    obj, created = writes.apply(
        cluster, target.kind, target.namespace, target.name, decoded.obj, call.author(target.subresource), force
    )
    return object_answer(target.kind, obj, 201 if created else 200)


def _options(call: Call) -> removal.DeleteOptions:
    raw = bodies.parse(call.body, call.content_type) if call.body else {}
    raw = raw if isinstance(raw, dict) else {}
    propagation = raw.get("propagationPolicy") or call.query.get("propagationPolicy") or ""
    if propagation not in ("", "Background", "Foreground", "Orphan"):
        fault = status.unsupported("propagationPolicy", propagation, ("Background", "Foreground", "Orphan"))
        message = f'DeleteOptions.meta.k8s.io "" is invalid: {fault["field"]}: {fault["message"]}'
        raise status.ApiError(422, "Invalid", message, {"causes": [fault]})
    if not propagation and (raw.get("orphanDependents") or call.query.get("orphanDependents") == "true"):
        propagation = "Orphan"
    grace = raw.get("gracePeriodSeconds", call.query.get("gracePeriodSeconds"))
    conditions = raw.get("preconditions") or {}
    return removal.DeleteOptions(
        propagation=propagation,
        grace=None if grace is None else int(grace),
        uid=conditions.get("uid") or "",
        version=conditions.get("resourceVersion") or "",
        dry_run=call.dry_run or "All" in (raw.get("dryRun") or ()),
    )


def _delete(cluster: Cluster, target: Target, call: Call) -> Answer:
    answer, is_object = removal.delete(cluster, target.kind, target.namespace, target.name, _options(call))
    return object_answer(target.kind, answer) if is_object else Answer(orjson.dumps(answer))


def _delete_all(cluster: Cluster, target: Target, call: Call) -> Answer:
    options = _options(call)
    page = lists.page(cluster, target.kind, target.namespace, call.query)
    for (namespace, name), _ in page.entries:
        removal.delete(cluster, target.kind, namespace, name, options)
    return Answer(list_bytes(target.kind, page.meta, (stored.data for _, stored in page.entries)))


def _scale(cluster: Cluster, target: Target, call: Call) -> Answer:
    obj = cluster.store.get(target.kind.name, target.namespace, target.name)
    if obj is None:
        raise status.not_found(target.kind, target.name)
    present = scale.read(obj)
    if call.method in ("GET", "HEAD"):
        return object_answer(scale.SCALE, present)
    body = bodies.parse(call.body, call.content_type)
    if call.method == "PATCH":
        bodies.check_media_type(call.content_type, patch=True)
        if call.content_type == bodies.JSON_PATCH:
            body = patched(scale.SCALE, present, body, call.content_type)
        else:
            body = patches.merge_patch(present, body)
    elif call.method != "PUT":
        raise status.method_not_allowed()
    decoded = bodies.read_object(scale.SCALE, body, call.validation)
    return object_answer(scale.SCALE, scale.write(cluster, target.kind, obj, decoded.obj, call.author("scale")))
