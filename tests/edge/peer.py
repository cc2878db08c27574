"""A server that plays bytes: what it says is up to a test, whether it is HTTP or not."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvloop

from clusters.drivers.base import EdgeError
from clusters.drivers.kubernetes.client import Client, Limits, Pool
from clusters.drivers.kubernetes.kubeconfig import Credentials
from tests.clusters.pki import Pair

LIMIT = 1_000_000
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class Line:
    """One connection as the server has it."""

    def __init__(self, peer: Peer, connection: socket.socket) -> None:
        self.socket = connection
        self._peer = peer
        self._read = b""

    def request(self) -> bytes:
        """Read a whole request; b'' when no more come."""
        while b"\r\n\r\n" not in self._read and self._more():
            pass
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        wanted = int(length[1]) if length else 0
        while len(self._read) < wanted and self._more():
            pass
        body, self._read = self._read[:wanted], self._read[wanted:]
        if head:
            self._peer.asked.append((head, body))
        return head + body

    def say(self, *pieces: bytes) -> None:
        """Send them one by one."""
        for piece in pieces:
            self.socket.sendall(piece)

    def reset(self) -> None:
        """End it with a reset instead of in order."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def ended(self) -> bool:
        """Wait for the client to close it."""
        while self._more():
            pass
        return True

    def _more(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b""
        self._read += data
        return bool(data)


Play = Callable[[Line, int], Any]


@dataclass
class Peer:
    """asked: head and body of each request. opened: how many connections came; closed: of how many the play is over."""

    port: int = 0
    asked: list[tuple[bytes, bytes]] = field(default_factory=list)
    opened: int = 0
    closed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def all_closed(self) -> bool:
        """Wait until the plays of all connections are over."""
        return all(self.closed.acquire(timeout=10) for _ in range(self.opened))


@contextmanager
def playing(play: Play, pair: Pair | None = None, host: str = "127.0.0.1") -> Iterator[Peer]:
    """Serve: play(line, number) for each connection, which ends with it. pair: over TLS."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, 0), family=family, backlog=128)
    peer = Peer(listener.getsockname()[1])
    context = server_context(pair) if pair else None

    def serve(connection: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(20)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is None:
                play(Line(peer, connection), number)
            else:
                with context.wrap_socket(connection, server_side=True) as wrapped:
                    play(Line(peer, wrapped), number)
        peer.closed.release()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                peer.opened += 1
                threading.Thread(target=serve, args=(connection, peer.opened), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def server_context(pair: Pair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(pair.cert + pair.key)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run in an event loop as the engine's."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


@asynccontextmanager
async def talking(
    server: Peer | str, *, request: float = 10, idle: float = 60, limit: int = LIMIT, **credentials: Any
) -> AsyncIterator[Client]:
    """A client of that server."""
    if isinstance(server, Peer):
        server = f"http{'s' if 'ca_pem' in credentials else ''}://127.0.0.1:{server.port}"
    async with Pool(idle) as pool:
        yield Client(Credentials(server, **{"token": "t"} | credentials), pool, Limits(request, limit))


async def outcome(client: Client, method: str = "GET", path: str = "/version", **options: Any) -> Any:
    """Return status and body, or the error's sentence."""
    try:
        return await client.request(method, path, **options)
    except EdgeError as error:
        return str(error)


def outcomes(server: Peer | str, *methods: str, **options: Any) -> list[Any]:
    """Return what comes of requests, one after the other, to one client."""

    async def ask() -> list[Any]:
        async with talking(server, **options) as client:
            return [await outcome(client, method) for method in methods or ("GET",)]

    return run(ask())


def answering(*answers: bytes) -> Play:
    """One answer for each request, however many; the last one again and again."""

    def play(line: Line, number: int) -> None:
        left = list(answers)
        while line.request():
            line.say(left.pop(0) if len(left) > 1 else left[0])

    return play
