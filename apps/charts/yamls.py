"""YAML to plain values, as Kubernetes' own tools read it: JSON's types, no dates, no base 60, text keys.

Built from the parser's events, so that depth, aliases and duplicates are judged before anything is made of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from apps.charts import limits
from apps.charts.problems import ChartError, one_line, quoted
from otestack.sentences import say

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE|yes|Yes|YES|on|On|ON")
_FALSE = re.compile(r"false|False|FALSE|no|No|NO|off|Off|OFF")
_INT = re.compile(r"[-+]?(?:0b[01]+|0x[0-9a-fA-F]+|0o[0-7]+|0[0-7]*|[1-9][0-9_]*)")
# Digits that fit a float.
_MOST_DIGITS = 300
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_STANDARD = "tag:yaml.org,2002:"
_TAGS = frozenset(_STANDARD + name for name in ("str", "int", "float", "bool", "null", "map", "seq"))
_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}
_MERGE = "<<"
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1


def load_all(text: str, what: str) -> list[Any]:
    """Return the documents; empty ones are None. what: for sentences. Raises ChartError."""
    return list(_Reading(text, what).documents())


def load(text: bytes, what: str) -> Any:
    """Return the one document of a file. Raises ChartError."""
    if len(text) > limits.DESCRIPTION:
        raise ChartError(
            say("%(what)s is larger than %(description)s MB.", what=what, description=limits.DESCRIPTION // limits.MB)
        )
    try:
        documents = load_all(text.decode("utf-8-sig"), what)
    except UnicodeDecodeError as error:
        raise ChartError(say("%(what)s is no UTF-8 text.", what=what)) from error
    if len(documents) > 1:
        raise ChartError(say("%(what)s holds more than one document.", what=what))
    return documents[0] if documents else None


class _Reading:
    def __init__(self, text: str, what: str) -> None:
        self._text, self._what = text, what
        self._nodes = 0

    def documents(self) -> Iterator[Any]:
        """Yield one value per document."""
        try:
            self._events = yaml.parse(self._text, Loader=_Loader)
            for event in self._events:
                if isinstance(event, yaml.DocumentStartEvent):
                    # Name to value and how many nodes it is; None while it is being read.
                    self._anchors: dict[str, tuple[Any, int] | None] = {}
                    yield self._node(next(self._events), 0)
        except (yaml.YAMLError, UnicodeError, ValueError) as error:
            mark = getattr(error, "problem_mark", None)
            where = say(" at line %(line)s", line=mark.line + 1) if mark else ""
            said = getattr(error, "problem", None) or type(error).__name__
            raise ChartError(
                say(
                    "%(what)s is no valid YAML%(where)s: %(said)s.",
                    what=self._what,
                    where=where,
                    said=one_line(said, 120),
                )
            ) from error

    def _node(self, event: Any, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor))
        if depth > limits.NESTING:
            raise ChartError(
                say("%(what)s is nested more than %(nesting)s deep.", what=self._what, nesting=limits.NESTING)
            )
        if event.tag is not None and event.tag not in _TAGS and event.tag != "!":
            raise ChartError(
                say(
                    "%(what)s holds the YAML tag %(tag)s, which is not allowed.", what=self._what, tag=quoted(event.tag)
                )
            )
        before = self._nodes
        self._count(1)
        if event.anchor:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = []
            while not isinstance(inner := next(self._events), yaml.SequenceEndEvent):
                value.append(self._node(inner, depth + 1))
        else:
            value = self._mapping(depth)
        if event.anchor:
            self._anchors[event.anchor] = value, self._nodes - before
        return value

    def _alias(self, name: str) -> Any:
        if name not in self._anchors:
            raise ChartError(say("%(what)s refers to the unknown anchor %(name)s.", what=self._what, name=quoted(name)))
        found = self._anchors[name]
        if found is None:
            raise ChartError(
                say("%(what)s holds the anchor %(name)s inside itself.", what=self._what, name=quoted(name))
            )
        self._count(found[1])
        return found[0]

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > limits.NODES:
            raise ChartError(
                say(
                    "%(what)s holds more than %(nodes)s values, or too much text, with what its aliases repeat.",
                    what=self._what,
                    nodes=limits.NODES,
                )
            )

    def _mapping(self, depth: int) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if isinstance(event, yaml.ScalarEvent) and event.value == _MERGE and not (event.style or event.tag):
                merged = self._merge(self._node(next(self._events), depth + 1)) | merged
                continue
            key = self._key(self._node(event, depth + 1))
            if key in own:
                raise ChartError(
                    say("%(what)s holds the key %(key)s twice in one mapping.", what=self._what, key=quoted(key))
                )
            own[key] = self._node(next(self._events), depth + 1)
        return merged | own

    def _merge(self, value: Any) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for part in value if isinstance(value, list) else [value]:
            if not isinstance(part, dict):
                raise ChartError(say("%(what)s merges something that is no mapping.", what=self._what))
            merged = part | merged
        return merged

    def _key(self, key: Any) -> str:
        match key:
            case str():
                return key
            case bool():
                return "true" if key else "false"
            case int() | float():
                return str(key)
            case _:
                raise ChartError(say("%(what)s holds a mapping whose key is no text.", what=self._what))

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        self._count(len(text) // limits.NODE_TEXT)
        if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
            raise ChartError(say("%(what)s holds a NUL or half a character.", what=self._what))
        tag = (event.tag or "").removeprefix(_STANDARD)
        if tag in {"str", "!"} or (event.style and not tag):
            return text
        value = self._plain(text)
        # A tag asks for its type; a number may be asked for as a float.
        if tag and type(value) not in _TYPES.get(tag, ()):
            raise ChartError(
                say("%(what)s holds %(text)s, which is no %(tag)s.", what=self._what, text=quoted(text), tag=tag)
            )
        return float(value) if tag == "float" else value

    def _plain(self, text: str) -> Any:
        if _NULL.fullmatch(text):
            return None
        if _TRUE.fullmatch(text):
            return True
        if _FALSE.fullmatch(text):
            return False
        if _NO_NUMBER.fullmatch(text):
            raise ChartError(say("%(what)s holds %(text)s, which JSON has no number for.", what=self._what, text=text))
        if _INT.fullmatch(text) and len(text) <= _MOST_DIGITS:
            value = _whole(text.replace("_", ""))
            return value if _LOWEST <= value <= _HIGHEST else float(value)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isinf(number):
                raise ChartError(
                    say("%(what)s holds the number %(text)s, which is too large.", what=self._what, text=quoted(text))
                )
            return number
        return text


def _whole(text: str) -> int:
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.lstrip("+"))
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():  # C's octal
        return sign * int(digits, 8)
    return sign * int(digits, 0)
