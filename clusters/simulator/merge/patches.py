"""JSON patch (RFC 6902), merge patch (RFC 7386) and strategic merge patch."""

import copy
from typing import Any

from ..schema.types import ANY, Type


class BadPatch(ValueError):
    """The patch cannot be read or does not fit the object."""


class TestFailed(BadPatch):
    """A `test` operation of a JSON patch did not hold."""


def merge_patch(target: Any, patch: Any) -> Any:
    """Null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merge_patch(out.get(key), value)
    return out


def json_patch(target: Any, operations: Any) -> Any:
    """Apply the operations in order to a copy."""
    if not isinstance(operations, list):
        raise BadPatch("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    out = copy.deepcopy(target)
    for operation in operations:
        out = _operate(out, operation)
    return out


def _operate(document: Any, operation: dict[str, Any]) -> Any:
    action, path = operation.get("op"), _pointer(operation.get("path", ""))
    match action:
        case "add":
            return _put(document, path, operation.get("value"), insert=True)
        case "replace":
            _read(document, path)
            return _put(document, path, operation.get("value"), insert=False)
        case "remove":
            _take(document, path)
            return document
        case "test":
            if _read(document, path, missing=None) != operation.get("value"):
                raise TestFailed(f"testing value {operation.get('path')} failed: test failed")
            return document
        case "move":
            return _put(document, path, _take(document, _pointer(operation.get("from", ""))), insert=True)
        case "copy":
            value = copy.deepcopy(_read(document, _pointer(operation.get("from", ""))))
            return _put(document, path, value, insert=True)
    raise BadPatch(f"Unexpected kind: {action}")


def _pointer(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


_RAISE = object()


def _read(document: Any, path: list[str], missing: Any = _RAISE) -> Any:
    try:
        for part in path:
            document = document[int(part)] if isinstance(document, list) else document[part]
    except (KeyError, IndexError, ValueError, TypeError):
        if missing is _RAISE:
            raise BadPatch(f"operation does not apply: doc is missing path: /{'/'.join(path)}: missing value") from None
        return missing
    return document


def _put(document: Any, path: list[str], value: Any, insert: bool) -> Any:
    if not path:
        return value
    parent, last = _read(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        if last == "-":
            parent.append(value)
        elif not last.isdigit() or int(last) > len(parent):
            raise BadPatch(f"operation does not apply: invalid index: {last}")
        elif insert:
            parent.insert(int(last), value)
        else:
            parent[int(last)] = value
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise BadPatch(f"operation does not apply: doc is missing path: /{'/'.join(path)}: missing value")
    return document


def _take(document: Any, path: list[str]) -> Any:
    value = _read(document, path)
    parent = _read(document, path[:-1])
    if isinstance(parent, list):
        del parent[int(path[-1])]
    else:
        del parent[path[-1]]
    return value


def strategic_patch(target: Any, patch: Any, typ: Type) -> Any:
    """Merge patch that knows which lists are merged and by which key."""
    if not isinstance(patch, dict):
        return patch
    directive = patch.get("$patch")
    if directive == "delete":
        return {}
    rest = {key: value for key, value in patch.items() if not key.startswith("$")}
    if directive == "replace":
        return merge_patch({}, rest)
    out = dict(target) if isinstance(target, dict) else {}
    retained = patch.get("$retainKeys")
    if retained is not None:
        out = {key: value for key, value in out.items() if key in retained}
    for key, removed in _prefixed(patch, "$deleteFromPrimitiveList/"):
        out[key] = [one for one in out.get(key) or [] if one not in removed]
    for key, value in rest.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = _strategic_value(out.get(key), value, typ.child(key) if typ is not ANY else ANY)
    for key, order in _prefixed(patch, "$setElementOrder/"):
        if isinstance(out.get(key), list):
            out[key] = _ordered(out[key], order, typ.child(key).patch_key)
    return out


def _prefixed(patch: dict[str, Any], prefix: str) -> list[tuple[str, list[Any]]]:
    return [(key.removeprefix(prefix), value) for key, value in patch.items() if key.startswith(prefix)]


def _strategic_value(old: Any, new: Any, typ: Type) -> Any:
    if isinstance(new, dict):
        return strategic_patch(old, new, typ)
    if not isinstance(new, list) or typ.patch_key is None:
        return new
    if typ.patch_key == "":
        return list(old or []) + [one for one in new if one not in (old or [])]
    return _strategic_list(list(old or []), new, typ)


def _strategic_list(old: list[Any], patch: list[Any], typ: Type) -> list[Any]:
    key: str = typ.patch_key  # type: ignore[assignment]
    element = typ.element or ANY
    if any(item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if "$patch" not in item]
    out = old
    for item in patch:
        if key not in item:
            raise BadPatch(f"map: {item} does not contain declared merge key: {key}")
        index = next((i for i, one in enumerate(out) if one.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            out = [one for one in out if one.get(key) != item[key]]
        elif index is None:
            out.append(strategic_patch({}, item, element))
        else:
            out[index] = strategic_patch(out[index], item, element)
    return out


def _ordered(items: list[Any], order: list[Any], key: str | None) -> list[Any]:
    """Listed items in the given order; the others keep their places after them."""
    if not key:
        ranks = {value: rank for rank, value in enumerate(order)}
        return sorted(items, key=lambda item: ranks.get(item, len(ranks)))
    ranks = {value.get(key): rank for rank, value in enumerate(order)}
    return sorted(items, key=lambda item: ranks.get(item.get(key), len(ranks)))
