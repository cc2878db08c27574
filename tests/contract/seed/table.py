"""What a row of the table is made of. The rows themselves: the module of each chapter, in the seed's order.

A row repeats its endpoint as the seed writes it: the heading, the parameter table, the example's request and its
response, verbatim but for JSON's commas and brackets. What cannot be sent or answered like that is in `changes` and
`answer_changes`, each with the rule of the contract that forbids it. Never listed, because they hold everywhere: ids
are those that the server gave, times are now, tokens are new, and a success says "success".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from django.core.files.uploadedfile import SimpleUploadedFile

from tests.contract.seed.world import World

yes, no = True, False
SUCCESS: dict[str, Any] = {"code": 200, "message": "success"}
_BRACKETS = re.compile(r"[\[{](\w+)[\]}]")

Scene = Callable[[World], None]


@dataclass(frozen=True)
class Param:
    """A line of a parameter table: name, type, required, default; the rest is how a test tells.

    default: what may be sent with the same effect as sending nothing; None where nothing can (no filter).
    other: a value with another effect; None where there is none. one_of: the only values.
    beside: what is sent with it in the test of its default; None takes a parameter of the example out.
    seen: where the effect shows; the answer if not given.
    """

    name: str
    type: str
    required: bool
    default: Any = None
    other: Any = None
    one_of: tuple[Any, ...] = ()
    beside: Mapping[str, Any] = field(default_factory=dict)
    seen: Callable[[World, Any], Any] | None = None
    where: str = ""


@dataclass(frozen=True)
class Change:
    """A departure from an example. path: names joined by dots, '*' for all of a list; why: the contract's rule."""

    path: str
    value: Any
    why: str


@dataclass(frozen=True)
class Extra:
    """A field of an answer that the seed does not have. path as in Change."""

    path: str
    type: str
    why: str


@dataclass(frozen=True)
class Row:
    """One endpoint. endpoint: its heading; example: the example's first line, empty where the seed has none.

    fields: the table of response parameters, by where they stand ('data.*': in each item of `data`).
    crowd: the scene in which each default shows, if it is not the example's.
    form: its body is a form; bytes in it are sent as a file.
    status: HTTP status of success; refused: code of a parameter error.
    """

    chapter: str
    number: int
    title: str
    endpoint: str
    scene: Scene
    parameters: tuple[Param, ...] = ()
    example: str = ""
    body: dict[str, Any] | None = None
    changes: tuple[Change, ...] = ()
    answer: dict[str, Any] = field(default_factory=lambda: SUCCESS)
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    answer_changes: tuple[Change, ...] = ()
    extra: tuple[Extra, ...] = ()
    crowd: Scene | None = None
    status: int = 200
    refused: int = 422
    form: bool = False

    def __str__(self) -> str:
        return f"{self.chapter} {self.number}. {self.title}"

    @property
    def template(self) -> str:
        """The heading's path with {name} for each of its parameters."""
        return _BRACKETS.sub(r"{\1}", self.endpoint.split(" ")[1])

    def where(self, param: Param) -> str:
        """Return where a parameter stands: path, header, query or body."""
        if param.where or "{" + param.name + "}" in self.template:
            return param.where or "path"
        return "query" if self.endpoint.startswith("GET ") else "body"

    def of(self, *places: str) -> list[Param]:
        """Return the parameters that stand there."""
        return [param for param in self.parameters if self.where(param) in places]

    def spellings(self) -> list[str]:
        """Return method and path as the heading has them, and as the example has them where that is another path."""
        heading = f"{self.endpoint.split(' ')[0]} {self.template}"
        spelled = self.example.partition("?")[0]
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(heading))
        return [heading] + ([spelled] if spelled and not re.fullmatch(pattern, spelled) else [])

    def path_values(self, world: World) -> dict[str, Any]:
        """Return the values in the path: the scene's, else the example's own."""
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(self.template))
        found = re.fullmatch(pattern, self.example.partition("?")[0].partition(" ")[2])
        return (found.groupdict() if found else {}) | world.ids

    def sent(self, world: World) -> dict[str, Any]:
        """Return the example's query or body, changed."""
        own = dict(parse_qsl(self.example.partition("?")[2])) if self.endpoint.startswith("GET ") else self.body or {}
        return changed(own, self.changes, world)

    def send(self, world: World, sent: dict[str, Any], spelling: str = "", slash: str = "") -> Any:
        """Make the call with that query or body; return the response."""
        method, _, path = (spelling or self.spellings()[0]).partition(" ")
        path = path.format(**self.path_values(world)) + slash
        api = world.api(world.caller)
        if method == "GET":
            return api.get(path, **sent)
        if self.form:
            files = {k: SimpleUploadedFile("chart.tgz", v) if isinstance(v, bytes) else v for k, v in sent.items()}
            headers = {"Authorization": api.token} if api.token else {}
            return api.client.post(path, files, headers=headers)
        return api(method.lower(), path, sent if self.of("body") else None)


def changed(example: dict[str, Any], changes: tuple[Change, ...], world: World) -> dict[str, Any]:
    """Return the example with the changes; values that are functions take the world."""
    whole = deepcopy(example)
    for change in changes:
        value = change.value(world) if callable(change.value) else change.value
        *way, last = change.path.split(".")
        for holder in _reach(whole, way):
            holder[last] = value
    return whole


def _reach(value: Any, way: list[str]) -> list[Any]:
    if not way:
        return [value]
    step, *rest = way
    if step == "*":
        return [found for item in value for found in _reach(item, rest)]
    return _reach(value[int(step)] if isinstance(value, list) else value[step], rest)
