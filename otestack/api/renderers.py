"""Every answer is one JSON object with `code` and `message` (contract, Conventions)."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request


def envelope(data: dict[str, Any] | None, code: int = 200) -> dict[str, Any]:
    """Return `data` with `code` and `message` where they are missing."""
    return {"code": code, "message": "success"} | (data or {})


# Rows of a list that are Python objects at the same time. More gain nothing.
ROWS_AT_ONCE = 1000


def json_rows(rows: Iterable[Any], shape: Callable[[Any], Any]) -> orjson.Fragment:
    """Return rows as a JSON array, each in the shape that `shape` gives it.

    What is kept of a row is its JSON only, so a list without a limit costs about three times the bytes of its answer:
    100,000 nodes, 20 MB of JSON, stay below 96 MB. It is complete before the first byte goes out: a failure on the way
    is an error in the envelope and never half a list, and a slow client holds no cursor of the database.
    """
    rows = iter(rows)
    parts = []
    while part := [shape(row) for row in islice(rows, ROWS_AT_ONCE)]:
        parts.append(orjson.dumps(part)[1:-1])
    return orjson.Fragment(b"[%b]" % b",".join(parts))


class Response(HttpResponse):
    """An answer in the envelope. data: the other keys (`data`, `total`, …).

    REST framework's own is rendered later, by what it has negotiated; here there is nothing to negotiate.
    """

    def __init__(
        self, data: dict[str, Any] | None = None, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(orjson.dumps(envelope(data)), content_type="application/json", status=status)
        for name, value in (headers or {}).items():
            self.headers[name] = value


class OneRenderer(BaseContentNegotiation):
    """JSON whatever the client says it accepts: there is no other form."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Return the parser for the request's media type, if there is one."""
        from rest_framework.utils.mediatypes import media_type_matches

        for parser in parsers:  # a range such as */* says nothing about a body
            if "*" not in request.content_type and media_type_matches(parser.media_type, request.content_type):
                return parser
        return None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """Return the view's first renderer."""
        return renderers[0], renderers[0].media_type
