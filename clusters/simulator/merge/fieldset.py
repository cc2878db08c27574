"""Sets of field paths, in the shape of FieldsV1, and the comparison that fills them.

A node without children is a member; a node with children is one only if it
holds ".". The root is never a member, so {} is the empty set there.
"""

import json
from typing import Any

from ..schema.types import KEY_DEFAULTS, Type

FieldSet = dict[str, Any]


def element_name(item: Any, typ: Type) -> str:
    """The path element of a list item: k:{...} for maps, v:... for sets."""
    if typ.list_type == "set":
        return "v:" + json.dumps(item, separators=(",", ":"))
    named = {key: item.get(key, KEY_DEFAULTS.get(key)) for key in sorted(typ.keys)}
    shown = {key: value for key, value in named.items() if value is not None}
    return "k:" + json.dumps(shown, separators=(",", ":"))


def is_member(node: FieldSet) -> bool:
    """Whether the node itself belongs to the set."""
    return not node or "." in node


def owned(value: Any, typ: Type) -> FieldSet:
    """What applying the value owns: its leaves, list items and map entries."""
    if typ.atomic or not value:
        return {}
    shape = typ.shape
    if shape == "list":
        element: Type = typ.element  # type: ignore[assignment]
        if typ.list_type == "set":
            return {element_name(item, typ): {} for item in value}
        return {element_name(item, typ): {".": {}} | owned(item, element) for item in value}
    return {f"f:{key}": owned(item, typ.child(key)) for key, item in value.items()}


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    """Members of either set."""
    out = dict(left)
    for name, node in right.items():
        out[name] = _join(out[name], node) if name in out else node
    return out


def _join(left: FieldSet, right: FieldSet) -> FieldSet:
    out = union(left, right)
    if out and (not left or not right):
        out["."] = {}
    return out


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """Members of left that are not members of right."""
    out: FieldSet = {}
    for name, node in left.items():
        if name == ".":
            continue
        if name in right:
            rest = _subtract(node, right[name])
            if rest is not None:
                out[name] = rest
        else:
            out[name] = node
    return out


def _subtract(left: FieldSet, right: FieldSet) -> FieldSet | None:
    out = difference(left, right)
    member = is_member(left) and not is_member(right)
    if out and member:
        out["."] = {}
    return out if out or member else None


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    """Members of both sets."""
    out: FieldSet = {}
    for name, node in left.items():
        if name == "." or name not in right:
            continue
        other = right[name]
        common = intersection(node, other)
        member = is_member(node) and is_member(other)
        if common or member:
            out[name] = common | {".": {}} if common and member else common
    return out


def paths(fields: FieldSet, prefix: str = "") -> list[str]:
    """The members as Kubernetes writes them: .spec.containers[name="web"].image."""
    out = []
    for name, node in sorted(fields.items()):
        if name == ".":
            continue
        path = prefix + _shown(name)
        if is_member(node):
            out.append(path)
        out += paths(node, path)
    return out


def _shown(name: str) -> str:
    kind, _, rest = name.partition(":")
    if kind == "f":
        return f".{rest}"
    if kind == "v":
        return f"[={rest}]"
    keys = json.loads(rest)
    return "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in keys.items()) + "]"


def compare(old: Any, new: Any, typ: Type) -> tuple[FieldSet, FieldSet]:
    """The paths that were set (added or changed) and those that were removed."""
    if typ.shape == "list":
        return _compare_items(old or [], new or [], typ)
    if typ.atomic or not isinstance(old, dict) or not isinstance(new, dict):
        return {}, {}
    return _compare_keys(old, new, typ)


def _compare_keys(old: dict[str, Any], new: dict[str, Any], typ: Type) -> tuple[FieldSet, FieldSet]:
    changed: FieldSet = {}
    removed: FieldSet = {}
    for key in old.keys() | new.keys():
        before, after = old.get(key), new.get(key)
        if before == after and (key in old) == (key in new):
            continue
        child = typ.child(key)
        name = f"f:{key}"
        if key not in old:
            changed[name] = _whole(after, child)
        elif key not in new:
            removed[name] = _whole(before, child)
        elif child.atomic:
            changed[name] = {}
        else:
            below, gone = compare(before, after, child)
            if below:
                changed[name] = below
            if gone:
                removed[name] = gone
    return changed, removed


def _whole(value: Any, typ: Type) -> FieldSet:
    """Everything in a value that came or went: what holds fields names itself as well."""
    if typ.atomic or not value:
        return {}
    if typ.shape == "list":
        element: Type = typ.element  # type: ignore[assignment]
        if typ.list_type == "set":
            return {".": {}} | {element_name(item, typ): {} for item in value}
        return {".": {}} | {element_name(item, typ): {".": {}} | _whole(item, element) for item in value}
    return {".": {}} | {f"f:{key}": _whole(item, typ.child(key)) for key, item in value.items()}


def _compare_items(old: list[Any], new: list[Any], typ: Type) -> tuple[FieldSet, FieldSet]:
    if typ.list_type == "set":
        before, after = {element_name(one, typ) for one in old}, {element_name(one, typ) for one in new}
        return {name: {} for name in after - before}, {name: {} for name in before - after}
    changed: FieldSet = {}
    removed: FieldSet = {}
    element: Type = typ.element  # type: ignore[assignment]
    earlier = {element_name(item, typ): item for item in old}
    later = {element_name(item, typ): item for item in new}
    for name, item in later.items():
        if name not in earlier:
            changed[name] = {".": {}} | _whole(item, element)
        elif item != earlier[name]:
            below, gone = compare(earlier[name], item, element)
            if below:
                changed[name] = below
            if gone:
                removed[name] = gone
    for name, item in earlier.items():
        if name not in later:
            removed[name] = {".": {}} | _whole(item, element)
    return changed, removed
