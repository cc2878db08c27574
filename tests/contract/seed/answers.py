"""Comparing an answer with the seed's example: every name, every type, the nesting, the values."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.contract.seed.table import Row, changed
from tests.contract.seed.world import World

TYPES: dict[str, type] = {
    "string": str, "bool": bool, "int": int, "int8": int, "int32": int, "int64": int, "array": list, "[]string": list,
    "[]int64": list,
}  # fmt: skip


@dataclass(frozen=True)
class JsonText:
    """JSON in a string. more: names that may be there too, with their types."""

    value: dict[str, Any]
    more: dict[str, type] = field(default_factory=dict)

    def fault(self, found: Any) -> str:
        """Say what is wrong with it."""
        if not isinstance(found, str):
            return "is no string"
        inner = json.loads(found)
        more = {name: inner.pop(name) for name in self.more if name in inner}
        if any(type(value) is not self.more[name] for name, value in more.items()):
            return f"holds {more}"
        return "" if inner == self.value else f"is {found}"


class _Id:
    def fault(self, found: Any) -> str:
        return "" if type(found) is int and found > 0 else f"is {found!r}, no id"


class _Now:
    def fault(self, found: Any) -> str:
        return "" if type(found) is int and abs(time.time() - found) < 600 else f"is {found!r}, not now in seconds"


class _Token:
    def fault(self, found: Any) -> str:
        right = isinstance(found, str) and found.startswith("ey") and found.count(".") == 2
        return "" if right else f"is {found!r}, no token"


_LOOSE: dict[str, Any] = {
    "id": _Id(), "userId": _Id(), "deployId": _Id(), "createTime": _Now(), "updateTime": _Now(), "token": _Token(),
}  # fmt: skip


def differences(row: Row, world: World, answer: Any) -> list[str]:
    """Return what is wrong with the answer to a row's example, a sentence each."""
    expected = changed(row.answer, row.answer_changes, world) | {"message": "success"}
    more = {place: dict(names) for place, names in row.fields.items()}
    for extra in row.extra:
        place, _, name = extra.path.rpartition(".")
        more.setdefault(place, {})[name] = extra.type
    return list(_compare(answer, expected, more, ""))


def _compare(found: Any, expected: Any, more: dict[str, dict[str, str]], place: str) -> Iterator[str]:
    if hasattr(expected, "fault"):
        if fault := expected.fault(found):
            yield f"{place} {fault}"
    elif type(found) is not type(expected):
        yield f"{place} is {found!r}, not like {expected!r}"
    elif isinstance(expected, dict):
        named = more.get(place, {})
        yield from (f"{place}: {name} is missing" for name in sorted((expected.keys() | named.keys()) - found.keys()))
        yield from (f"{place}: {name} is too many" for name in sorted(found.keys() - expected.keys() - named.keys()))
        for name in named.keys() & found.keys():
            if type(found[name]) is not TYPES[named[name]]:
                yield f"{place}.{name} is {found[name]!r}, no {named[name]}"
        for name in found.keys() & (expected.keys() | named.keys() & _LOOSE.keys()):
            wanted = _LOOSE.get(name, expected.get(name))
            yield from _compare(found[name], wanted, more, f"{place}.{name}".lstrip("."))
    elif isinstance(expected, list):
        if len(found) != len(expected):
            yield f"{place} has {len(found)} items, not {len(expected)}"
        for one, other in zip(found, expected, strict=False):
            yield from _compare(one, other, more, f"{place}.*")
    elif found != expected:
        yield f"{place} is {found!r}, not {expected!r}"
