"""Requests to servers that need no proxy, over connections of our own.

A push is two requests to each of thousands of servers. A general client spends several times on them what sockets and
TLS take, so this one does only what the driver needs.
"""

from __future__ import annotations

import asyncio
import ssl
import time
import weakref
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from clusters.drivers.base import OutOfTime, write_until
from clusters.drivers.kubernetes.connection import Answer, BrokenOff, Connection
from clusters.drivers.kubernetes.names import connected, is_name
from otestack.memory import give_back

# Connections closed at once after which the system gets their memory back: OpenSSL takes 30 KB for each.
MANY = 100


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
        if self._sweeping.cancelled():
            connection.abort()
            return
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
        old = list(self._old())
        for connection in old:
            del self._since[connection]
            connection.abort()
        if len(old) >= MANY:
            self._loop.call_later(1, give_back)  # they are freed when they are closed

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
        self._by_name = is_name(self._host)
        self._path = parts.path.rstrip("/")
        self._tls: dict[str, Any] = {"ssl": tls, "server_hostname": tls_name or self._host} if tls else {}
        self._head = lines({"Host": parts.netloc.rpartition("@")[2]} | headers)
        self._idle = idle
        # Weak: of one that was closed nothing stays here until the server is asked again.
        self._kept: list[weakref.ref[Connection]] = []
        self._connect_seconds = connect_seconds
        self._limit = limit

    async def exchange(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes | None) -> Answer:
        """Return the answer. path, query: encoded.

        Raises TimeoutError when no connection comes about, OSError where there is no answer, TooLong, OutOfTime where
        the pass may not write any more.
        """
        target = self._path + path + ("?" + query if query else "")
        if body is not None:
            headers = headers | {"Content-Length": str(len(body))}
        request = f"{method} {target} HTTP/1.1\r\n{self._head}{lines(headers)}\r\n".encode() + (body or b"")
        connection = self._take()
        if connection is not None:
            try:
                return await self._ask(connection, method, request)
            except ConnectionError as error:
                # The server closed it while nobody looked, and perhaps the others too: once more, over a new one.
                # Whatever we ask may be asked twice.
                if isinstance(error, BrokenOff) and error.begun:
                    raise
        return await self._ask(await self._connect(), method, request)

    async def _ask(self, connection: Connection, method: str, request: bytes) -> Answer:
        # Looked at last of all: a worker may have stood still while it waited for its turn or for the connection.
        if method != "GET" and time.monotonic() > write_until.get():
            self._keep(connection)
            raise OutOfTime
        answer = await connection.ask(request)
        self._keep(connection)
        return answer

    def _take(self) -> Connection | None:
        while self._kept:
            connection = self._kept.pop()()
            if connection is not None and self._idle.take(connection):
                return connection
        return None

    def _keep(self, connection: Connection) -> None:
        if connection.usable:
            self._kept.append(weakref.ref(connection))
            self._idle.put(connection)
        else:
            connection.abort()

    async def _connect(self) -> Connection:
        made = Connection(self._limit)
        try:
            async with asyncio.timeout(self._connect_seconds):
                await self._open(made)
        except BaseException:
            made.abort()  # else the event loop says good-bye first, and waits for the server to do so
            raise
        return made

    async def _open(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        if not self._by_name:
            await loop.create_connection(lambda: connection, self._host, self._port, **self._tls)
            return
        sock = await connected(self._host, self._port)
        try:
            await loop.create_connection(lambda: connection, sock=sock, **self._tls)
        except BaseException:
            sock.close()  # unless the event loop has it already: then this does nothing
            raise


def lines(headers: dict[str, str]) -> str:
    """Return header lines. Raises ValueError for what would not be one line."""
    text = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if text.count("\n") != len(headers) or text.count("\r") != len(headers) or not text.isascii():
        raise ValueError("a header holds a line break or what is not ASCII")
    return text
