"""OpenAPI v3, as far as kubectl needs it: what a PATCH accepts and which fields exist."""

from functools import cache
from typing import Any

from ..kinds import GROUPS, KINDS, Kind
from ..schema.types import Type, type_named

_SCALARS: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer", "format": "int32"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
    "intstr": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
    "time": {"type": "string", "format": "date-time"},
    "any": {"type": "object"},
}
_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]


def _prefix(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


@cache
def index(base: str) -> dict[str, Any]:
    """The documents by group and version."""
    names = ["api/v1", *(f"apis/{group}/{kind.version}" for group in GROUPS for kind in _of_group(group)[:1])]
    return {"paths": {name: {"serverRelativeURL": f"{base}/openapi/v3/{name}"} for name in names}}


def _of_group(group: str) -> list[Kind]:
    return [kind for kind in KINDS if kind.group == group]


@cache
def document(group: str, version: str) -> dict[str, Any] | None:
    """The document of one group and version; None when there is none."""
    kinds = [kind for kind in _of_group(group) if kind.version == version]
    if not kinds:
        return None
    schemas: dict[str, Any] = {}
    for kind in kinds:
        _add(kind.schema, schemas)
        schemas[kind.schema]["x-kubernetes-group-version-kind"] = [_identity(kind)]
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.37.1"},
        "paths": {path: item for kind in kinds for path, item in _paths(kind).items()},
        "components": {"schemas": schemas},
    }


def _identity(kind: Kind) -> dict[str, str]:
    return {"group": kind.group, "kind": kind.name, "version": kind.version}


def _paths(kind: Kind) -> dict[str, Any]:
    namespace = "namespaces/{namespace}/" if kind.namespaced else ""
    collection = f"/{_prefix(kind.group, kind.version)}/{namespace}{kind.plural}"
    reference = {"$ref": f"#/components/schemas/{kind.schema}"}
    answers = {"200": {"description": "OK", "content": {"application/json": {"schema": reference}}}}

    def operation(action: str, *media: str) -> dict[str, Any]:
        return {
            "parameters": _PARAMETERS,
            "requestBody": {"content": {name: {"schema": reference} for name in media}},
            "responses": answers,
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": _identity(kind),
        }

    patch = operation(
        "patch", "application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"
    )
    return {
        collection: {"post": operation("post", "*/*")},
        collection + "/{name}": {"patch": patch, "put": operation("put", "*/*")},
    }


def _add(name: str, schemas: dict[str, Any]) -> None:
    if name in schemas:
        return
    typ = type_named(name)
    found: dict[str, Any] = {"type": "object", "properties": {}}
    schemas[name] = found
    for key, field in typ.fields.items():
        found["properties"][key] = _describe(field, schemas)
    if typ.required:
        found["required"] = list(typ.required)


def _describe(typ: Type, schemas: dict[str, Any]) -> dict[str, Any]:
    if typ.shape == "struct":
        _add(typ.full_name, schemas)
        return {"allOf": [{"$ref": f"#/components/schemas/{typ.full_name}"}]}
    if typ.shape == "scalar" or typ.element is None:
        return _SCALARS[typ.name]
    element = _describe(typ.element, schemas)
    if typ.shape == "map":
        return {"type": "object", "additionalProperties": element}
    found = {"type": "array", "items": element, "x-kubernetes-list-type": typ.list_type}
    if typ.keys:
        found["x-kubernetes-list-map-keys"] = list(typ.keys)
    return found
