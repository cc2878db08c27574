"""Read a client's object as Kubernetes would decode it into its Go type."""

from dataclasses import dataclass, field
from typing import Any

from .. import quantities
from .types import Type

_JSON_NAMES = {str: "string", bool: "bool", int: "number", float: "number", dict: "object", list: "array"}
_GO_NAMES = {"string": "string", "integer": "int32", "boolean": "bool", "number": "float64", "time": "v1.Time"}
_ACCEPTED: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "number": (int, float),
    "quantity": (str, int, float),
    "intstr": (str, int),
    "time": (str,),
}


class Mismatch(ValueError):
    """A value has the wrong JSON type for its field."""


@dataclass(slots=True)
class _Reading:
    as_sent: bool
    unknown: list[str] = field(default_factory=list)


def decode(value: dict[str, Any], typ: Type, *, as_sent: bool = False) -> tuple[dict[str, Any], list[str]]:
    """A copy without nulls and empty lists and maps, and the paths of unknown fields.

    Unknown fields are dropped, as the real decoder does. Quantities get their shortest form, unless they are wanted
    as_sent: `shorten` gives it to them later. Raises Mismatch.
    """
    reading = _Reading(as_sent)
    return _struct(value, typ, "", reading), reading.unknown


def shorten(value: Any, typ: Type) -> Any:
    """The value with its quantities in their shortest form."""
    if typ.name == "quantity":
        return quantities.canonical(value)
    if isinstance(value, dict):
        return {key: shorten(item, typ.child(key)) for key, item in value.items()}
    if isinstance(value, list) and typ.element:
        return [shorten(item, typ.element) for item in value]
    return value


def _struct(value: dict[str, Any], typ: Type, path: str, reading: _Reading) -> dict[str, Any]:
    fields, out = typ.fields, {}
    for key, item in value.items():
        child = fields.get(key)
        where = f"{path}.{key}" if path else key
        if child is None:
            reading.unknown.append(where)
        elif item is not None:
            item = _value(item, child, where, typ, reading)
            if item or child.shape in ("scalar", "struct"):
                out[key] = item
    return out


def _value(item: Any, typ: Type, path: str, parent: Type, reading: _Reading) -> Any:
    shape = typ.shape
    if shape == "scalar":
        if typ.name != "any" and (
            not isinstance(item, _ACCEPTED[typ.name]) or (isinstance(item, bool) and typ.name != "boolean")
        ):
            raise _mismatch(item, _GO_NAMES.get(typ.name, typ.name), path, parent)
        if typ.name == "quantity":
            shortest = _quantity(item)
            return item if reading.as_sent else shortest
        return item
    element = typ.element
    if shape == "list":
        if not isinstance(item, list):
            raise _mismatch(item, f"[]{element.name}" if element else "[]", path, parent)
        return [_value(one, element, f"{path}[{i}]", parent, reading) for i, one in enumerate(item)]  # type: ignore[arg-type]
    if not isinstance(item, dict):
        name = f"v1.{typ.name}" if shape == "struct" else f"map[string]{element.name}"  # type: ignore[union-attr]
        raise _mismatch(item, name, path, parent)
    if shape == "struct":
        return _struct(item, typ, path, reading)
    return {
        key: _value(one, element, f"{path}.{key}", parent, reading)  # type: ignore[arg-type]
        for key, one in item.items()
        if one is not None
    }


def _mismatch(item: Any, wanted: str, path: str, parent: Type) -> Mismatch:
    got = _JSON_NAMES.get(type(item), "null")
    return Mismatch(f"json: cannot unmarshal {got} into Go struct field {parent.name}.{path} of type {wanted}")


def _quantity(text: Any) -> str:
    try:
        return quantities.canonical(text)
    except ValueError as error:
        raise Mismatch(str(error)) from None
