"""The OpenAPI document: what it says is what the code does, it is complete, and the checked-in file is it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import get_resolver
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.validation import validate_schema

from accounts.policy import ALIASES, POLICY
from otestack.api.schema.generator import Generator
from otestack.api.schema.views import DOCUMENT
from tests.contract.document import document, event_faults, faults, operations, resolved, shapes
from tests.contract.seed.rows import ROWS
from tests.contract.seed.table import Row, changed

OPERATIONS = operations()
_NAME = re.compile(r"\[(\w+)\]|\{(\w+)\}|\(\?P<(\w+)>[^)]*\)")


def named(path: str) -> str:
    """Return a path with its names in braces, however they are written."""
    return _NAME.sub(lambda found: "{" + str(next(filter(None, found.groups()))) + "}", path)


def test_the_checked_in_document_is_that_of_the_code() -> None:
    reset_generator_stats()
    made = Generator().get_schema(request=None, public=True)
    assert not GENERATOR_STATS, "drf-spectacular warns"
    validate_schema(made)
    rendered = OpenApiJsonRenderer().render(made, renderer_context={})
    if rendered != DOCUMENT.read_bytes():
        moved = list(differing(json.loads(rendered), document(), ""))[:10] or ["the order"]
        pytest.fail(f"The checked-in document differs from the code; run 'make schema'. Here: {', '.join(moved)}")


def differing(one: Any, other: Any, place: str) -> Iterator[str]:
    """Yield where two documents differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            yield from differing(one.get(name), other.get(name), f"{place} {name}".strip())
    elif one != other:
        yield f"'{place}'"


def test_every_route_is_in_the_document_and_nothing_else() -> None:
    assert set(routes()) == set(OPERATIONS)


def routes() -> Iterator[str]:
    for included in get_resolver().url_patterns:
        for pattern in getattr(included, "url_patterns", [included]):
            path = named("/" + pattern.pattern.regex.pattern.removeprefix("^").removesuffix("/?$").replace("\\", ""))
            if path.startswith("/v1/") and path not in {"/v1/schema", "/v1/docs"}:
                yield from (f"{method.upper()} {path}" for method in pattern.callback.actions if method != "head")


def test_every_line_of_the_policy_is_in_the_document_with_its_security() -> None:
    wanted = {named(name): bool(rule.roles) for name, rule in POLICY.items()}
    wanted |= {named(alias): bool(POLICY[known].roles) for alias, known in ALIASES.items()}
    found = {name: said.get("security", []) for name, said in OPERATIONS.items()}
    assert {name: security != [] for name, security in found.items()} == wanted
    assert {
        ("bearer" in ways, "token" in ways) for ways in ({key for way in s for key in way} for s in found.values())
    } == {
        (True, True),
        (False, False),
    }


def test_operation_ids_are_unique_and_read_well() -> None:
    ids = [said["operationId"] for said in OPERATIONS.values()]
    assert len(ids) == len(set(ids))
    assert [name for name in ids if not re.fullmatch(r"[a-z]+(_[a-z]+)+", name)] == []


@pytest.mark.parametrize(("alias", "known"), ALIASES.items())
def test_another_spelling_says_so_and_is_the_same(alias: str, known: str) -> None:
    one, other = OPERATIONS[named(alias)], OPERATIONS[named(known)]
    assert one["description"] == f"Another spelling of `{named(known)}`.\n\n{other['description']}"
    apart = ("operationId", "description")
    assert {k: v for k, v in one.items() if k not in apart} == {k: v for k, v in other.items() if k not in apart}


def test_everything_has_a_sentence() -> None:
    silent = []
    for name, said in OPERATIONS.items():
        silent += [name] if not said["description"].endswith(".") or not said["summary"] or not said["tags"] else []
        silent += [f"{name} {item['name']}" for item in said.get("parameters", []) if not ended(item)]
        silent += [f"{name} {code}" for code, item in said["responses"].items() if not ended(resolved(item))]
    silent += [place for place, said in shapes(document()["components"]["schemas"]) if not ended(said)]
    assert silent == []
    tags = {tag["name"] for tag in document()["tags"]}
    assert {tag for said in OPERATIONS.values() for tag in said["tags"]} == tags


def ended(said: dict[str, Any]) -> bool:
    """Return whether it, or the shape that it refers to, is described by a sentence."""
    return any(item.get("description", "").endswith((".", "`")) for item in (said, *map(resolved, inner(said))))


def inner(said: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in (said, said.get("items", {}), *said.get("anyOf", [])) if "$ref" in part]


def test_every_text_and_number_that_is_sent_has_its_limits() -> None:
    boundless = []
    schemas = document()["components"]["schemas"]
    bodies = {name: said for name, said in schemas.items() if name.endswith("Request") and name != "BadRequest"}
    sent = [*shapes(bodies)]
    sent += [
        (f"{name} {item['name']}", item["schema"])
        for name, said in OPERATIONS.items()
        for item in said.get("parameters", [])
        if item["in"] == "query"
    ]
    for place, said in sent:
        kinds = said.get("type", [])
        kind = [kinds] if isinstance(kinds, str) else kinds
        limits = {"string": "maxLength", "integer": "maximum", "array": "maxItems"}
        boundless += [
            place
            for name, limit in limits.items()
            if name in kind and limit not in said and "enum" not in said and said.get("format") != "binary"
        ]
    assert boundless == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_examples_are_what_the_document_says(name: str) -> None:
    said = OPERATIONS[name]
    wrong = []
    for media in said.get("requestBody", {}).get("content", {}).values():
        wrong += faults(media["schema"], media["example"]) if "example" in media else []
    for item in said.get("parameters", []):
        wrong += faults(item["schema"], item["example"]) if "example" in item else []
    for code, item in said["responses"].items():
        kind, media = next(iter(resolved(item)["content"].items()))
        if kind == "text/event-stream":
            wrong += event_faults(media["schema"], media["example"])
            continue
        examples = resolved(media["schema"]).get("examples", [])
        examples += [media["example"]] if "example" in media else []
        for example in examples:
            wrong += faults(media["schema"], example)
            assert example["code"] == (200 if code == "201" else int(code))
    assert wrong == []
    assert "example" in next(iter(resolved(said["responses"][min(said["responses"])])["content"].values()))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_seeds_examples_are_in_the_document(row: Row) -> None:
    same = {re.sub(r"\{\w+\}", "{}", name): said for name, said in OPERATIONS.items()}
    said = same[re.sub(r"\{\w+\}", "{}", row.spellings()[0])]
    assert said["tags"] == [row.chapter]
    fixed = tuple(change for change in row.changes if not callable(change.value))
    sent = changed(row.body or {}, fixed, None)  # type: ignore[arg-type]
    if row.of("body") and next(iter(said["requestBody"]["content"])) == "application/json":
        assert said["requestBody"]["content"]["application/json"]["example"] == sent
    answered = resolved(said["responses"][str(row.status)])["content"]["application/json"]["example"]
    fixed = tuple(change for change in row.answer_changes if type(change.value) in {str, int, bool})
    success = {"code": 200, "message": "success"}
    other = set(lost(row.answer | success, answered, ""))  # the seed's value, or what the rules make of it
    assert other & set(lost(changed(row.answer, fixed, None) | success, answered, "")) == set()  # type: ignore[arg-type]


def lost(seed: Any, ours: Any, place: str) -> Iterator[str]:
    """Yield where our example is not the seed's; it may have fields that the seed's leaves out."""
    if isinstance(seed, dict) and isinstance(ours, dict):
        for name, value in seed.items():
            yield from lost(value, ours.get(name), f"{place}.{name}".lstrip("."))
    elif isinstance(seed, list) and isinstance(ours, list) and len(seed) == len(ours):
        for number, (one, other) in enumerate(zip(seed, ours, strict=True)):
            yield from lost(one, other, f"{place}.{number}")
    elif seed != ours:
        yield place


def test_the_document_is_served_to_everybody(api: Any) -> None:
    for path in ("/v1/schema", "/v1/schema/"):
        answer = api().get(path)
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
        assert answer.content == DOCUMENT.read_bytes()
    assert json.loads(answer.content)["openapi"] == "3.1.1"
    again = api().client.get(
        "/v1/schema", headers={"If-None-Match": answer["ETag"], "Authorization": "Bearer nonsense"}
    )
    assert (again.status_code, again.content) == (304, b"")
    head = api().client.head("/v1/schema")
    assert (head.status_code, head.content) == (200, b"")


def test_swagger_ui_comes_from_local_files(api: Any) -> None:
    for path in ("/v1/docs", "/v1/docs/"):
        page = api().get(path)
        assert (page.status_code, page["Content-Type"]) == (200, "text/html; charset=utf-8")
    text = page.content.decode()
    loaded = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert len(loaded) >= 4
    assert [address for address in loaded if not address.startswith("/") or address.startswith("//")] == []
    assert re.findall(r"<script(?![^>]*src=)", text) == []
    for address in loaded:
        answer = api().client.get(address.replace("&amp;", "&"))
        assert answer.status_code == 200, address
        assert "text/html" not in answer["Content-Type"]
    script = api().client.get(loaded[-1].replace("&amp;", "&")).content.decode()
    assert 'url: "/v1/schema"' in script.replace("\\u002D", "-").replace("\\/", "/")
    assert "http" not in re.sub(r'"http"', "", script)
    assert '"validatorUrl": null' in script


@pytest.mark.parametrize("path", ["/v1/schema", "/v1/docs"])
@pytest.mark.parametrize("method", ["post", "put", "delete", "patch", "options", "trace"])
def test_nothing_else_can_be_done_with_them(api: Any, path: str, method: str) -> None:
    answer = getattr(api().client, method)(path)
    assert (answer.status_code, answer.json()["code"], answer["Allow"]) == (405, 405, "GET, HEAD")
