"""The types of the served objects: which fields exist and how lists and maps merge."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Literal

Shape = Literal["scalar", "struct", "map", "list"]

# Key fields that Kubernetes fills in before it compares list items.
KEY_DEFAULTS = {"protocol": "TCP"}


class Type:
    """One type of the schema; `atomic` means that it is replaced as a whole."""

    __slots__ = (
        "atomic",
        "element",
        "fields",
        "full_name",
        "keys",
        "list_type",
        "name",
        "patch_key",
        "required",
        "shape",
    )

    def __init__(self, shape: Shape, name: str = "", atomic: bool = False) -> None:
        self.shape = shape
        self.full_name = name
        self.name = name.rsplit(".", 1)[-1]
        self.atomic = atomic
        self.fields: dict[str, Type] = {}
        self.required: tuple[str, ...] = ()
        self.element: Type | None = None
        self.list_type = "atomic"
        self.keys: tuple[str, ...] = ()
        self.patch_key: str | None = None  # strategic merge: the key, "" for a list of scalars

    def child(self, key: str) -> "Type":
        """The type of a field or map entry; unknown fields are opaque."""
        if self.shape == "map":
            return self.element or ANY
        return self.fields.get(key, ANY)


def key_of(item: dict[str, Any], keys: tuple[str, ...]) -> tuple[Any, ...]:
    """What identifies an item of a list that is really a map."""
    return tuple(item.get(key, KEY_DEFAULTS.get(key)) for key in keys)


ANY = Type("scalar", "any", atomic=True)
_SCALARS = {"any": ANY} | {
    name: Type("scalar", name, atomic=True)
    for name in ("string", "integer", "number", "boolean", "quantity", "intstr", "time")
}


@cache
def _source() -> dict[str, Any]:
    return json.loads(Path(__file__).with_name("types.json").read_text())


_compiled: dict[str, Type] = {}


def type_named(name: str) -> Type:
    """The struct type of that name; compiled when first asked for."""
    found = _compiled.get(name)
    if found is None:
        spec = _source()[name]
        found = _compiled[name] = Type("struct", name, spec.get("atomic", False))
        found.required = tuple(spec.get("required", ()))
        found.fields = {key: _compile(value) for key, value in spec["fields"].items()}
    return found


def _compile(spec: Any) -> Type:
    if isinstance(spec, str):
        return type_named(spec[1:]) if spec.startswith("@") else _SCALARS[spec]
    if "map" in spec:
        found = Type("map", atomic=spec.get("atomic", False))
        found.element = _compile(spec["map"])
        return found
    found = Type("list")
    found.element = _compile(spec["list"])
    found.list_type = spec.get("type", "atomic")
    found.atomic = found.list_type == "atomic"
    found.keys = tuple(spec.get("keys", ()))
    found.patch_key = spec.get("patch")
    return found
