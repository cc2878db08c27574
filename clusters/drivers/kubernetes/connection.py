"""HTTP/1.1 over connections of our own, to servers that need no proxy.

A push is two requests to each of thousands of servers. A general client spends several times on them what sockets and
TLS take, so this one does only what the driver needs: requests with a body in memory, answers up to a limit,
connections that stay open. What comes is parsed by httptools (llhttp, the parser of Node.js).
"""

from __future__ import annotations

import asyncio
import ssl
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httptools

from clusters.drivers.base import OutOfTime, write_until

# Bytes of an answer's head and of what stands between answers; API servers send a few hundred.
HEAD_BYTES = 64 * 1024


class NoHttp(OSError):
    """What came is no HTTP."""


class BrokenOff(ConnectionError):
    """The connection ended before the answer did. begun: something of the answer had come."""

    def __init__(self, *, begun: bool) -> None:
        super().__init__()
        self.begun = begun


class TooLong(Exception):
    """The answer is longer than the limit."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. body: unpacked."""

    status: int
    body: bytes
    retry_after: str = ""


class Connection(asyncio.Protocol):
    """One open connection: one request at a time. limit: bytes of an answer, unpacked."""

    def __init__(self, limit: int) -> None:
        self.usable = False
        self._limit = limit
        self._transport: Any = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[Answer] | None = None
        self._reset()

    def _reset(self) -> None:
        self._received = 0
        self._head_ended = False
        self._framed = False
        self._retry_after = ""
        self._unpack: Any = None
        self._chunks: list[bytes] = []
        self._size = 0

    async def ask(self, request: bytes) -> Answer:
        """Send a request and return its answer. Raises OSError, TooLong; the connection is of no use then."""
        self._reset()
        self._waiting = asyncio.get_running_loop().create_future()
        self.usable = False
        try:
            self._transport.write(request)
            return await self._waiting
        except BaseException:
            self.abort()
            raise
        finally:
            self._waiting = None

    def abort(self) -> None:
        """Close at once."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready."""
        self._transport = transport
        self.usable = True

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._waiting is None:  # nobody asked for anything
            self.abort()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(error.__context__ if isinstance(error.__context__, TooLong | OSError) else NoHttp())
        if not self._head_ended and self._received > HEAD_BYTES:
            self._fail(NoHttp())

    def connection_lost(self, error: Exception | None) -> None:
        """Tell who waits. An answer without a length ends here."""
        self.usable = False
        if self._head_ended and not self._framed and error is None:
            self.on_message_complete()
        self._fail(error or BrokenOff(begun=self._received > 0))

    def _fail(self, error: BaseException) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)

    # What the parser calls. What is raised here comes out of feed_data as the context of its own error.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the few that matter."""
        match name.lower():
            case b"content-length" | b"transfer-encoding":
                self._framed = True
            case b"retry-after":
                self._retry_after = value.decode("latin-1")
            case b"content-encoding" if value.lower() == b"gzip":
                self._unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)

    def on_headers_complete(self) -> None:
        """The body follows, or after an interim answer the next head."""
        self._head_ended = self._parser.get_status_code() >= 200

    def on_body(self, data: bytes) -> None:
        """Keep a piece, unpacked; never more than the limit and one byte."""
        if self._unpack is not None:
            data = self._unpack.decompress(data, self._limit - self._size + 1)
        self._size += len(data)
        if self._size > self._limit:
            raise TooLong
        self._chunks.append(data)

    def on_message_complete(self) -> None:
        """Hand the answer over."""
        if not self._head_ended or self._waiting is None or self._waiting.done():
            return
        if self._unpack is not None and not self._unpack.eof:
            raise BrokenOff(begun=True)
        self.usable = self._framed and self._parser.should_keep_alive()
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._waiting.set_result(Answer(self._parser.get_status_code(), body, self._retry_after))


class Idle:
    """The open connections of a process that nobody uses. Make it inside the event loop.

    seconds: until they close. most: at a time; the longest unused closes for the next.
    """

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._since: dict[Connection, float] = {}  # the longest unused first
        self._loop = asyncio.get_running_loop()
        self._sweeping = self._loop.call_later(seconds / 4, self._sweep)

    def put(self, connection: Connection) -> None:
        """Keep a connection that is not used for the time being."""
        self._since[connection] = self._loop.time()
        if len(self._since) > self._most:
            oldest = next(iter(self._since))
            del self._since[oldest]
            oldest.abort()

    def take(self, connection: Connection) -> bool:
        """Use it again; False where it was closed meanwhile."""
        return self._since.pop(connection, None) is not None and connection.usable

    def close(self) -> None:
        """Close them all."""
        self._sweeping.cancel()
        for connection in self._since:
            connection.abort()
        self._since.clear()

    def _sweep(self) -> None:
        self._sweeping = self._loop.call_later(self._seconds / 4, self._sweep)
        for connection in list(self._old()):
            del self._since[connection]
            connection.abort()

    def _old(self) -> Iterator[Connection]:
        now = self._loop.time()
        for connection, since in self._since.items():
            if connection.usable and now - since < self._seconds:
                return
            yield connection


class Direct:
    """Requests to one server over as many connections as are needed at a time. headers: of every request."""

    def __init__(
        self,
        server: str,
        *,
        idle: Idle,
        tls: ssl.SSLContext | None,
        tls_name: str,
        headers: dict[str, str],
        connect_seconds: float,
        limit: int,
    ) -> None:
        parts = urlsplit(server)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if tls else 80)
        self._path = parts.path.rstrip("/")
        self._tls: dict[str, Any] = {"ssl": tls, "server_hostname": tls_name or self._host} if tls else {}
        self._head = _lines({"Host": parts.netloc.rpartition("@")[2]} | headers)
        self._idle = idle
        self._kept: list[Connection] = []
        self._connect_seconds = connect_seconds
        self._limit = limit

    async def exchange(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes | None) -> Answer:
        """Return the answer. query: encoded.

        Raises TimeoutError when no connection comes about, OSError where there is no answer, TooLong, OutOfTime where
        the pass may not write any more.
        """
        target = self._path + quote(path, safe="/") + ("?" + query if query else "")
        if body is not None:
            headers = headers | {"Content-Length": str(len(body))}
        request = f"{method} {target} HTTP/1.1\r\n{self._head}{_lines(headers)}\r\n".encode() + (body or b"")
        while True:
            connection = self._take()
            used_before = connection is not None
            if connection is None:
                connection = await self._connect()
            # Looked at last of all: a worker may have stood still while it waited for its turn or for the connection.
            if method != "GET" and time.monotonic() > write_until.get():
                self._keep(connection)
                raise OutOfTime
            try:
                answer = await connection.ask(request)
            except (BrokenOff, ConnectionResetError, BrokenPipeError) as error:
                # The server closed it while nobody looked. Whatever we ask may be asked twice.
                if used_before and not getattr(error, "begun", False):
                    continue
                raise
            self._keep(connection)
            return answer

    def _take(self) -> Connection | None:
        while self._kept:
            connection = self._kept.pop()
            if self._idle.take(connection):
                return connection
        return None

    def _keep(self, connection: Connection) -> None:
        if connection.usable:
            self._kept.append(connection)
            self._idle.put(connection)
        else:
            connection.abort()

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._connect_seconds):
            _, made = await loop.create_connection(lambda: Connection(self._limit), self._host, self._port, **self._tls)
        return made


def _lines(headers: dict[str, str]) -> str:
    """Return header lines. Raises ValueError for what would not be one line."""
    text = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if text.count("\n") != len(headers) or text.count("\r") != len(headers) or not text.isascii():
        raise ValueError("a header holds a line break or what is not ASCII")
    return text
