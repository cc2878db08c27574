"""The checked-in OpenAPI document, and asking it about paths, answers and examples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

# Not from otestack.api.schema.views: conftest imports this before Django is set up.
DOCUMENT = Path(__file__).parent.parent.parent / "otestack" / "api" / "schema" / "openapi.json"
_BASE = "urn:document"
_NAME = re.compile(r"\{\w+\}")


@cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DOCUMENT.read_text())
    return found


@cache
def operations() -> dict[str, dict[str, Any]]:
    """Return every operation by method and path, 'GET /v1/user/{id}'."""
    paths = document()["paths"].items()
    return {f"{method.upper()} {path}": said for path, item in paths for method, said in item.items()}


def operation_of(method: str, path: str) -> dict[str, Any]:
    """Return the operation that answers a request's path."""
    return operations()[min(_fitting(method, path), key=lambda name: name.count("{"))]


def _fitting(method: str, path: str) -> list[str]:
    called = f"{method} {path.rstrip('/')}"
    return [name for name, pattern in _patterns().items() if pattern.fullmatch(called)]


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {name: re.compile("[^/]+".join(map(re.escape, _NAME.split(name)))) for name in operations()}


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference stands for."""
    while "$ref" in part:
        here: Any = document()
        for step in part["$ref"].removeprefix("#/").split("/"):
            here = here[step]
        part = here
    return part


@cache
def _registry() -> Any:
    return Registry().with_resource(_BASE, Resource.from_contents(document(), default_specification=DRAFT202012))


def faults(schema: dict[str, Any], value: Any) -> list[str]:
    """Return in which ways a value is not what the schema says, a sentence each."""
    absolute = json.loads(json.dumps(schema).replace('"#/', f'"{_BASE}#/'))
    validator = Draft202012Validator(absolute, registry=_registry())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def answer_faults(method: str, path: str, status: int, answer: Any) -> list[str]:
    """Return in which ways an answer is not what the document promises."""
    responses = operation_of(method, path)["responses"]
    if str(status) not in responses:
        return [f"{method} {path} answers {status}, which the document does not know"]
    return faults(resolved(responses[str(status)])["content"]["application/json"]["schema"], answer)


# Bytes. Longer lists are of a kind: what is wrong in them is wrong in a short one.
_LONGEST = 100_000


def promised(method: str, path: str, answer: Any) -> None:
    """Fail where an answer is not what the document promises; 405 belongs to no operation."""
    path = path.partition("?")[0]
    known = path.startswith("/v1/") and path.strip("/") not in {"v1/schema", "v1/docs"}
    if not known or answer.status_code == 405 or len(answer.content) > _LONGEST or not _fitting(method.upper(), path):
        return
    if answer.headers["Content-Type"] == "text/event-stream":
        assert stream_faults(method.upper(), path, answer.content.decode()) == []
        return
    assert answer_faults(method.upper(), path, answer.status_code, answer.json()) == []


def stream_faults(method: str, path: str, text: str) -> list[str]:
    """Return in which ways the events of a stream are not what the document promises."""
    shape = resolved(operation_of(method, path)["responses"]["200"])["content"]["text/event-stream"]["schema"]
    parts = [part for part in text.split("\n\n") if "event: " in part]
    return [fault for part in parts for fault in event_faults(shape, dict(re.findall(r"(\w+): (.*)", part)))]


def event_faults(shape: Any, event: dict[str, str]) -> list[str]:
    """Return in which ways one event is not what the document promises, its data too."""
    data = resolved(shape)["properties"]["data"]["contentSchema"]
    return faults(shape, event) + (faults(data, json.loads(event["data"])) if event["event"] != "end" else [])


def shapes(part: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every property of every object in a part of the document, by its place."""
    if isinstance(part, dict):
        properties = part.get("properties", {})
        if isinstance(properties, dict) and part.get("type") == "object":
            yield from ((f"{place}.{name}", said) for name, said in properties.items())
        for name, inner in part.items():
            if name not in {"example", "examples"}:
                yield from shapes(inner, f"{place}.{name}")
    elif isinstance(part, list):
        for inner in part:
            yield from shapes(inner, place)
