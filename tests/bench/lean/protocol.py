"""HTTP/1.1 for the lean edge: one protocol per connection, requests one after another."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import parse_qsl

from clusters.simulator.api import describing, paths, status
from clusters.simulator.api.answers import Answer, error_answer, plain
from clusters.simulator.server import GZIP_FROM
from tests.bench.lean.cluster import Cluster

_PHRASES = {200: b"OK", 201: b"Created"}


class State:
    """What all connections of a process share."""

    def __init__(self, control: Callable[[str, bytes], Answer]) -> None:
        self.clusters: dict[str, Cluster] = {}
        self.latency = 0.0
        self.requests = 0
        self.connections = 0
        self.control = control


class Connection(asyncio.Protocol):
    """One client."""

    __slots__ = ("_buffer", "_state", "_transport")

    def __init__(self, state: State) -> None:
        self._state = state
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        self._state.connections += 1

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._state.connections -= 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            line, headers = _head(self._buffer[:end])
            begin = end + 4
            length = int(headers.get(b"content-length", b"0"))
            if len(self._buffer) < begin + length:
                if headers.get(b"expect"):
                    self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            body = self._buffer[begin : begin + length]
            self._buffer = self._buffer[begin + length :]
            self._serve(line, headers, body)

    def _serve(self, line: bytes, headers: dict[bytes, bytes], body: bytes) -> None:
        state = self._state
        state.requests += 1
        method, _, rest = line.partition(b" ")
        url = rest.partition(b" ")[0].decode()
        try:
            answer = _answer(state, method.decode(), url, headers, body)
        except status.ApiError as error:
            answer = error_answer(error)
        out = _response(answer, headers)
        if state.latency and not url.startswith("/control"):
            asyncio.get_running_loop().call_later(state.latency, self._write, out)
        else:
            self._write(out)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


@lru_cache(maxsize=4096)
def _head(raw: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the request line and the headers: a client's head is often the same again."""
    line, *rest = raw.split(b"\r\n")
    headers = {}
    for one in rest:
        name, _, value = one.partition(b":")
        headers[name.lower()] = value.strip()
    return line, headers


@lru_cache(maxsize=65536)
def _located(path: str) -> tuple[tuple[str, ...], paths.Target | None]:
    parts = tuple(part for part in path.split("/") if part)
    return parts, paths.parse(list(parts)) if parts else None


@lru_cache(maxsize=4096)
def _query(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


def _answer(state: State, method: str, url: str, headers: dict[bytes, bytes], body: bytes) -> Answer:
    path, _, query = url.partition("?")
    if path == "/control":
        return state.control(method, body)
    _, first, name, rest = [*path.split("/", 3), "", "", ""][:4]
    cluster = state.clusters.get(name) if first == "clusters" else None
    if cluster is None:
        return plain("404 page not found\n", 404)
    if headers.get(b"authorization", b"").decode() != f"Bearer {cluster.token}":
        raise status.unauthorized()
    parts, target = _located(rest)
    accept = headers.get(b"accept", b"").decode()
    if parts[:1] in (("healthz",), ("livez",), ("readyz",)):
        return plain("ok")
    if target is None:
        return _described(method, name, parts, accept)
    content_type = headers.get(b"content-type", b"").decode().partition(";")[0]
    agent = headers.get(b"user-agent", b"").decode()
    return cluster.answer(method, target, _query(query), accept, content_type, body, agent)


@lru_cache(maxsize=4096)
def _described(method: str, name: str, parts: tuple[str, ...], accept: str) -> Answer:
    return describing.describe(method, name, list(parts), accept)


def _response(answer: Answer, headers: dict[bytes, bytes]) -> bytes:
    body, packed = answer.body, b""
    if len(body) > GZIP_FROM and b"gzip" in headers.get(b"accept-encoding", b""):
        body, packed = gzip.compress(body, compresslevel=1), b"Content-Encoding: gzip\r\n"
    return b"HTTP/1.1 %d %b\r\nContent-Type: %b\r\n%bContent-Length: %d\r\n\r\n%b" % (
        answer.code,
        _PHRASES.get(answer.code, b"Answer"),
        answer.content_type.encode(),
        packed,
        len(body),
        body,
    )
