"""Answers: an HTTP code and the bytes that go out."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from ..kinds import Kind
from ..store import Object
from .status import ApiError

JSON = "application/json"


@dataclass(slots=True)
class Answer:
    """What goes out: bytes, code and headers."""

    body: bytes
    code: int = 200
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


def plain(text: str, code: int = 200) -> Answer:
    """A text answer."""
    return Answer(text.encode(), code, "text/plain; charset=utf-8")


def json_answer(body: Any, code: int = 200) -> Answer:
    """A JSON answer."""
    return Answer(orjson.dumps(body), code)


def error_answer(error: ApiError) -> Answer:
    """The Status of an error."""
    answer = json_answer(error.body(), error.code)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def typed(kind: Kind, data: bytes) -> bytes:
    """Stored bytes with the kind and apiVersion that the store leaves out."""
    return b'{"kind":"%b","apiVersion":"%b",%b' % (kind.name.encode(), kind.api_version.encode(), data[1:])


def object_answer(kind: Kind, obj: Object, code: int = 200) -> Answer:
    """One object with its kind."""
    return Answer(typed(kind, orjson.dumps(obj)), code)


def list_bytes(kind: Kind, meta: dict[str, Any], items: Iterable[bytes]) -> bytes:
    """A list made of the bytes of its items."""
    head = b'{"kind":"%bList","apiVersion":"%b","metadata":%b,"items":[' % (
        kind.name.encode(),
        kind.api_version.encode(),
        orjson.dumps(meta),
    )
    return head + b",".join(items) + b"]}"
