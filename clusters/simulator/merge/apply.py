"""Server-side apply, purely: live object and configuration in, merged object out."""

from typing import Any

from ..schema.types import Type, key_of
from .fieldset import FieldSet, compare, element_name, is_member, owned, paths, union
from .managers import Entry, Managers, Writer, conflicts, strip, without


class ApplyConflict(Exception):
    """Another manager owns a field that the configuration changes."""

    def __init__(self, found: list[tuple[Writer, str]]) -> None:
        super().__init__(message(found))
        self.found = found


class BadConfiguration(ValueError):
    """The configuration cannot be read as a set of fields."""


def message(found: list[tuple[Writer, str]]) -> str:
    """The conflicts in the words of Kubernetes."""
    if len(found) == 1:
        writer, path = found[0]
        return f"Apply failed with 1 conflict: conflict with {writer.shown()}: {path}"
    by_writer: dict[str, list[str]] = {}
    for writer, path in found:
        by_writer.setdefault(writer.shown(), []).append(path)
    parts = [
        f"conflicts with {shown}:\n" + "\n".join(f"- {path}" for path in listed)
        for shown, listed in sorted(by_writer.items())
    ]
    return f"Apply failed with {len(found)} conflicts: " + "\n".join(parts)


def apply(
    live: dict[str, Any],
    config: dict[str, Any],
    typ: Type,
    managers: Managers,
    writer: Writer,
    *,
    force: bool,
    now: str,
    keep_status: bool = False,
) -> tuple[dict[str, Any], Managers]:
    """Merge the configuration into the live object ({} when there is none).

    Fields that the writer applied before, no longer applies and nobody else
    owns are removed. Raises ApplyConflict unless forced.
    """
    mine = strip(owned(config, typ), keep_status)
    before = managers.get(writer)
    merged = _merge(live, config, typ)
    if before is not None:
        keep = owned(config, typ)  # with the metadata that nobody can own, or it would go too
        for other, entry in managers.items():
            if other != writer:
                keep = union(keep, entry.fields)
        merged = _prune(merged, typ, before.fields, keep)
    changed, removed = (strip(fields, keep_status) for fields in compare(live, merged, typ))
    found = conflicts(managers, changed, writer)
    if found and not force:
        raise ApplyConflict([(other, path) for other, fields in found for path in paths(fields)])
    out = without(managers, union(changed, removed), except_for=writer) if found or removed else dict(managers)
    out.pop(writer, None)
    if mine:
        same = before is not None and before.fields == mine and not changed and not removed
        out[writer] = Entry(mine, before.time if same and before else now)
    return merged, out


def _merge(live: Any, config: Any, typ: Type) -> Any:
    if typ.atomic or live is None:
        _check(config, typ)
        return config
    if typ.shape == "list":
        return _merge_list(live, config, typ)
    out = dict(live)
    for key, value in config.items():
        out[key] = _merge(live.get(key), value, typ.child(key))
    return out


def _check(config: Any, typ: Type) -> None:
    """Refuse a list whose items cannot be told apart."""
    if typ.atomic or not config:
        return
    if typ.shape == "list":
        if typ.list_type == "map":
            _keyed(config, typ)
            for item in config:
                _check(item, typ.element)  # type: ignore[arg-type]
    else:
        for key, value in config.items():
            _check(value, typ.child(key))


def _keyed(items: list[Any], typ: Type) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for index, item in enumerate(items):
        key = item if typ.list_type == "set" else key_of(item, typ.keys)
        if typ.list_type == "map" and all(part is None for part in key):
            raise BadConfiguration(
                f"element {index}: associative list with keys has an element that omits key field "
                f"{typ.keys[0]!r} (and doesn't have default value)".replace("'", '"')
            )
        if key in found:
            raise BadConfiguration(f"duplicate entries for key {_shown_key(item, typ)}")
        found[key] = item
    return found


def _shown_key(item: Any, typ: Type) -> str:
    name = element_name(item, typ)
    return paths({name: {}})[0]


def _merge_list(live: list[Any], config: list[Any], typ: Type) -> list[Any]:
    """Items of both, in the configuration's order; others keep their place."""
    wanted = _keyed(config, typ)
    existing = {(item if typ.list_type == "set" else key_of(item, typ.keys)): item for item in live}
    waiting = iter(wanted)
    out, done = [], set()
    for key, item in existing.items():
        if key not in wanted:
            out.append(item)
            continue
        while key not in done:
            nearest = next(waiting)
            done.add(nearest)
            out.append(_merge_item(existing.get(nearest), wanted[nearest], typ))
    out += [_merge_item(existing.get(key), wanted[key], typ) for key in waiting]
    return out


def _merge_item(live: Any, config: Any, typ: Type) -> Any:
    return config if typ.list_type == "set" else _merge(live, config, typ.element)  # type: ignore[arg-type]


def _prune(value: Any, typ: Type, before: FieldSet, keep: FieldSet) -> Any:
    """Remove what the writer owned before and nobody owns now."""
    if typ.atomic or not value:
        return value
    if typ.shape == "list":
        return _prune_list(value, typ, before, keep)
    out = {}
    for key, item in value.items():
        name = f"f:{key}"
        node = before.get(name)
        if node is None:
            out[key] = item
            continue
        kept = keep.get(name)
        child = typ.child(key)
        if child.atomic or not item:
            if kept is not None or not is_member(node):
                out[key] = item
            continue
        if kept is None and child.shape == "struct":
            continue  # a struct goes as a whole, with the defaults in it that nobody owns
        rest = _prune(item, child, node, kept or {})
        if rest or kept is not None:
            out[key] = rest
    return out


def _prune_list(value: list[Any], typ: Type, before: FieldSet, keep: FieldSet) -> list[Any]:
    out = []
    for item in value:
        name = element_name(item, typ)
        node, kept = before.get(name), keep.get(name)
        if node is None:
            out.append(item)
        elif kept is not None:
            out.append(item if typ.list_type == "set" else _prune(item, typ.element, node, kept))  # type: ignore[arg-type]
    return out
