"""Bodies that nobody sends by mistake, to every endpoint that takes one: the envelope, soon, and not at length."""

from __future__ import annotations

import encodings.aliases
import io
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import PASSWORD
from tests.contract.properties import bounded, undone
from tests.contract.seed.rows import ROWS
from tests.contract.seed.table import Row
from tests.contract.seed.world import World
from tests.contract.test_hostile import bytes_through_wsgi, through_wsgi

JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=5), st.sampled_from(["", "1.0.1", "web", "all", "\0", "\ud800", "x" * 70_000, 10**400]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=5,
)  # fmt: skip
CODES = {200, 400, 401, 403, 404, 409, 413, 422, 429, 503}


def holes(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to everything in a body, however deep."""
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*way, key)
        yield from holes(item, (*way, key))


def put(body: Any, way: tuple[Any, ...], value: Any) -> Any:
    """Return the body with another value there."""
    if not way:
        return value
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[way[0]] = put(body[way[0]], way[1:], value)
    return copy


def is_envelope(answer: Any) -> bool:
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert isinstance(body["message"], str) and 0 < len(body["message"]) < 1000
    assert answer.status_code in CODES and body["code"] == answer.status_code, body
    return len(answer.content) < 100_000


WITH_BODY = [row for row in ROWS if row.of("body") and not row.endpoint.startswith("GET ") and not row.form]


@pytest.mark.parametrize("row", WITH_BODY, ids=str)
def test_anything_anywhere_in_a_body(row: Row, world: World) -> None:
    row.scene(world)
    caller = world.api(world.caller)
    world.api = lambda _: caller
    body = row.sent(world)
    ways = list(holes(body))

    @settings(bounded, max_examples=15)
    @given(way=st.sampled_from(ways), value=JSON)
    def check(way: tuple[Any, ...], value: Any) -> None:
        with undone():
            assert is_envelope(row.send(world, put(body, way, value)))

    if world.uses_harbor:  # what the calls would do there cannot be undone
        world.settings.OTE_REGISTRY_URL = ""
    check()


RAW = {
    "nothing": b"",
    "null": b"null",
    "a number": b"1e999",
    "text": b'"x"',
    "an array": b"[{}]",
    "two objects": b"{}{}",
    "cut off": b'{"a": "b',
    "nested": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "nested arrays": b"[" * 1_000_000,
    "not UTF-8": b'{"user": "\xff\xfe"}',
    "UTF-16": '{"user": "a"}'.encode("utf-16"),
    "overlong": b'{"user": "\xc0\x80"}',
    "a surrogate in bytes": b'{"user": "\xed\xa0\x80"}',
    "NUL in it": b'{"user": "a\x00b"}',
    "NUL around it": b"\x00{}\x00",
    "many digits": b'{"id": ' + b"9" * 10_000 + b"}",
    "no number": b'{"id": NaN, "status": -Infinity}',
    "comments": b'{/* */ "a": 1,}',
    "single quotes": b"{'a': 1}",
    "XML": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "a form": b"user=a&password=b",
    "too long": b'{"a": "' + b"x" * 3_000_000 + b'"}',
}


@pytest.mark.parametrize("row", WITH_BODY, ids=str)
def test_what_is_no_body(row: Row, world: World) -> None:
    row.scene(world)
    caller = world.api(world.caller)
    method, _, path = row.spellings()[0].partition(" ")
    path = path.format(**row.path_values(world))
    headers = {"Authorization": caller.token} if caller.token else {}
    before = world.state()
    for name, body in RAW.items():
        answer = caller.client.generic(method, path, body, content_type="application/json", headers=headers)
        assert is_envelope(answer), name
        assert answer.status_code == row.refused, (name, answer.content)
        assert len(answer.content) < 1000, name
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded", "application/jsonx", ""):
        answer = caller.client.generic(method, path, b"{}", content_type=kind, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, 415), kind
    assert world.state() == before


LISTS = [(row, param) for row in WITH_BODY for param in row.of("body") if param.type in {"array", "[]string", "[]int"}]


@pytest.mark.parametrize(("row", "param"), LISTS, ids=lambda item: getattr(item, "name", str(item)))
def test_a_list_of_a_hundred_thousand_is_refused_as_one(row: Row, param: Any, world: World) -> None:
    row.scene(world)
    before, started = world.state(), time.process_time()
    for item in ([], {}, "a"):
        answer = row.send(world, row.sent(world) | {param.name: [item] * 100_000})
        assert answer.status_code == row.refused
        assert list(answer.json()["errors"]) == [param.name]
        assert len(answer.content) < 1000
    assert time.process_time() - started < 10  # each took that long when every item got its sentence
    assert world.state() == before


def test_of_a_key_sent_twice_the_last_counts(api: Any, member: Any) -> None:
    def login(first: str, last: str) -> int:
        body = f'{{"user": "member", "password": {json.dumps(first)}, "password": {json.dumps(last)}}}'
        return int(api().client.post("/v1/authorization", body, content_type="application/json").status_code)

    assert (login("x", PASSWORD), login(PASSWORD, "x")) == (200, 401)
    assert api().client.post("/v1/user", '{"user": "a", "USER": "b"}', content_type="application/json").json()[
        "errors"
    ].keys() == {"password", "phone", "isAdmin", "realName"}


CHARSETS = sorted({*encodings.aliases.aliases.values(), "utf-7", "undefined", "idna", "punycode", "nope", "", "\xff"})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_charset_confuses_anybody(member: Any, method: str) -> None:
    text = b'{"user": "member", "password": "%s"}' % PASSWORD.encode()
    path = "/v1/authorization" if method == "POST" else "/v1/cluster"
    for form in ("application/json; charset={}", "application/json; charset*={}''x", "text/plain; charset={}"):
        for charset in CHARSETS:
            usual = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "a=%ff&page=1"}
            body, kind = io.BytesIO(text), form.format(charset)
            status, answer = through_wsgi(body, str(len(text)), **usual, CONTENT_TYPE=kind)
            assert answer["code"] == int(status[:3]), kind
            if method == "GET":
                assert answer["code"] == 401, kind
            else:
                assert answer["code"] == (200 if kind == "application/json; charset=utf_8" else 415), kind


@pytest.mark.parametrize("path", ["/v1/authorization", "/v1/app", "/admin/login/", "/v1/nope", "/healthz"])
@pytest.mark.parametrize(
    "kind",
    [
        *("application/x-www-form-urlencoded; charset=hex", "multipart/form-data; boundary=x; charset=zlib"),
        *("multipart/form-data", 'multipart/form-data; boundary="', "multipart/form-data; boundary=" + "x" * 300),
        *("multipart/form-data; boundary=\xe9", "x; a*=nope''y", "x; a*0*=nope''y", ";" * 2000, "a/b; " * 500),
    ],
)
def test_no_content_type_makes_an_error_of_ours(db: None, path: str, kind: str) -> None:
    status, content = bytes_through_wsgi(io.BytesIO(b"--x\r\n\r\n"), "7", PATH_INFO=path, CONTENT_TYPE=kind)
    assert int(status[:3]) < 500
    assert b"Traceback" not in content
