"""Requests and answers, apart from the sockets."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from io import BufferedIOBase
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from .errors import ApiError, too_large, unknown, unprocessable

# The bodies of the JSON API are small.
JSON_LIMIT = 1024 * 1024
CHUNK = 256 * 1024


@dataclass(slots=True)
class Answer:
    """What goes out."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    file: Path | None = None  # instead of a body
    close: bool = False


def json_answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """A JSON answer."""
    return Answer(status, json.dumps(body).encode() + b"\n", {"Content-Type": "application/json"} | (headers or {}))


def error_answer(error: ApiError) -> Answer:
    """The answer of an error."""
    headers = {"Content-Type": "application/json; charset=utf-8"} | error.headers
    return Answer(error.status, error.body(), headers, close=error.close)


class Body:
    """A request's body, read in pieces: of a known length, or chunked."""

    def __init__(self, source: BufferedIOBase, headers: Message) -> None:
        self._source = source
        self._chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
        length = headers.get("Content-Length") or "0"
        if not re.fullmatch(r"\d{1,18}", length):
            raise ApiError(400, "BAD_REQUEST", "the Content-Length is no number", close=True)
        self._left = 0 if self._chunked else int(length)
        self.done = not self._chunked and not self._left

    def pieces(self) -> Iterator[bytes]:
        """What has not been read yet. Raises a 400 when it ends early."""
        while not self.done:
            if self._left:
                data = self._source.read(min(self._left, CHUNK))
                if not data:
                    self.done = True
                    raise ApiError(400, "BAD_REQUEST", "the body ends early", close=True)
                self._left -= len(data)
                if self._chunked and not self._left:
                    self._source.readline(16)
                self.done = not self._chunked and not self._left
                yield data
            else:
                self._next_chunk()

    def _next_chunk(self) -> None:
        line = self._source.readline(256).split(b";")[0].strip()
        if not re.fullmatch(rb"[0-9a-fA-F]{1,12}", line):
            self.done = True
            raise ApiError(400, "BAD_REQUEST", "the body is not chunked as it says", close=True)
        self._left = int(line, 16)
        if not self._left:
            while self._source.readline(8192).strip():
                pass  # trailers
            self.done = True

    def read(self, limit: int) -> bytes:
        """All of it. Raises a 413 when it is larger."""
        if self._left > limit:
            raise too_large(limit)
        pieces, size = [], 0
        for piece in self.pieces():
            size += len(piece)
            if size > limit:
                raise too_large(limit)
            pieces.append(piece)
        return b"".join(pieces)


@dataclass(slots=True)
class Request:
    """One request. `path` is as it came, `parts` are its segments, each decoded once."""

    method: str
    path: str
    raw_query: str
    headers: Message
    body: Body
    secure: bool = False
    query: dict[str, list[str]] = field(init=False)
    parts: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.query = parse_qs(self.raw_query, keep_blank_values=True)
        self.parts = [unquote(part) for part in self.path.split("/")[1:]]

    def one(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return self.query.get(name, [default])[0]

    def whole(self, name: str, default: int, most: int = 2**63 - 1) -> int:
        """A number of the query. Raises a 422 when it is none, or too large."""
        text = self.one(name)
        if not text:
            return default
        if not re.fullmatch(r"[+-]?\d{1,18}", text):
            raise unprocessable(f"{name} in query must be of type int64: {text!r}")
        if int(text) > most:
            raise unprocessable(f"{name} in query should be less than or equal to {most}")
        return int(text)

    def flag(self, name: str, default: bool | None) -> bool | None:
        """A bool of the query."""
        text = self.one(name)
        return _true(text) if text else default

    def header_flag(self, name: str) -> bool:
        """A bool of the headers; False when it is absent."""
        return _true(self.headers.get(name, ""))

    def json(self) -> "Fields":
        """The body as a JSON object. Raises a 422 when it is missing, of another type, or not JSON."""
        data = self.body.read(JSON_LIMIT)
        media = self.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if media != "application/json":
            raise unprocessable(f"unsupported media type {media!r}, only [application/json] are allowed")
        try:
            found = json.loads(data)
        except ValueError as error:
            raise unprocessable(f"parsing body failed: {error}") from None
        if not isinstance(found, dict):
            raise unprocessable("the body must be of type object")
        return Fields(found)


class Fields:
    """A JSON object whose fields are read with their types; null is the same as absent."""

    def __init__(self, found: dict[str, Any], where: str = "") -> None:
        self._found, self._where = found, where

    def text(self, name: str, longest: int = 0) -> str:
        """A string; "" when it is absent."""
        found = self._typed(name, str, "")
        if longest and len(found) > longest:
            raise unprocessable(f"{self._where}{name} in body should be at most {longest} chars long")
        return found

    def whole(self, name: str) -> int | None:
        """A number; None when it is absent."""
        found: int | None = self._typed(name, int, None)
        if found is not None and abs(found) >= 2**63:
            raise unprocessable(f"{self._where}{name} in body must be of type int64")
        return found

    def flag(self, name: str) -> bool | None:
        """A bool; None when it is absent."""
        found: bool | None = self._typed(name, bool, None)
        return found

    def items(self, name: str) -> list["Fields"]:
        """A list of objects."""
        found = self._typed(name, list, [])
        if not all(isinstance(one, dict) for one in found):
            raise unprocessable(f"{self._where}{name} in body must be a list of objects")
        return [Fields(one, f"{self._where}{name}.") for one in found]

    def object(self, name: str) -> "Fields":
        """An object; an empty one when it is absent."""
        return Fields(self._typed(name, dict, {}), f"{self._where}{name}.")

    def texts(self) -> dict[str, str]:
        """The whole object, which holds only strings."""
        return {name: self.text(name) for name, value in self._found.items() if value is not None}

    def _typed(self, name: str, kind: type, default: Any) -> Any:
        found = self._found.get(name)
        if found is None:
            return default
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            raise unprocessable(f"{self._where}{name} in body must be of type {kind.__name__}")
        if isinstance(found, str) and re.search("[\0\ud800-\udfff]", found):
            raise unknown("invalid byte sequence for encoding")
        return found


def _true(text: str) -> bool:
    """Go's swagger takes these for true and everything else for false."""
    return text.lower() in {"true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"}
