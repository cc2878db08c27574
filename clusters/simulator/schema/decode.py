"""Read a client's object as Kubernetes would decode it into its Go type."""

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


def decode(value: dict[str, Any], typ: Type) -> tuple[dict[str, Any], list[str]]:
    """A copy without nulls and empty lists and maps, and the paths of unknown fields.

    Unknown fields are dropped, as the real decoder does. Raises Mismatch.
    """
    unknown: list[str] = []
    return _struct(value, typ, "", unknown), unknown


def _struct(value: dict[str, Any], typ: Type, path: str, unknown: list[str]) -> dict[str, Any]:
    fields, out = typ.fields, {}
    for key, item in value.items():
        field = fields.get(key)
        where = f"{path}.{key}" if path else key
        if field is None:
            unknown.append(where)
        elif item is not None:
            item = _value(item, field, where, typ, unknown)
            if item or field.shape in ("scalar", "struct"):
                out[key] = item
    return out


def _value(item: Any, typ: Type, path: str, parent: Type, unknown: list[str]) -> Any:
    shape = typ.shape
    if shape == "scalar":
        if typ.name != "any" and (
            not isinstance(item, _ACCEPTED[typ.name]) or (isinstance(item, bool) and typ.name != "boolean")
        ):
            raise _mismatch(item, _GO_NAMES.get(typ.name, typ.name), path, parent)
        if typ.name == "quantity":
            return _quantity(item)
        return item
    element = typ.element
    if shape == "list":
        if not isinstance(item, list):
            raise _mismatch(item, f"[]{element.name}" if element else "[]", path, parent)
        return [_value(one, element, f"{path}[{i}]", parent, unknown) for i, one in enumerate(item)]  # type: ignore[arg-type]
    if not isinstance(item, dict):
        name = f"v1.{typ.name}" if shape == "struct" else f"map[string]{element.name}"  # type: ignore[union-attr]
        raise _mismatch(item, name, path, parent)
    if shape == "struct":
        return _struct(item, typ, path, unknown)
    return {
        key: _value(one, element, f"{path}.{key}", parent, unknown)  # type: ignore[arg-type]
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
