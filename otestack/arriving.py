"""A connection before and after a thread works on it.

A thread costs much and there are few, so none waits for a client. A request is collected by the worker's event loop
until it is whole, and only then handed over; what a client does not take of the answer is kept, and the event loop
sends it on. What is large waits on disk.
"""

from __future__ import annotations

import errno
import socket
import tempfile
import time
from collections.abc import Callable
from typing import Any

import h11
from gunicorn.workers.gthread import TConn

# A request must be whole this many seconds after its first byte, and one more for each of these bytes it has brought.
GRACE_SECONDS = 10.0
BYTES_PER_SECOND = 10_000
# Bytes of one request that are collected. With more than the largest body that any path takes, the answer is known.
MOST_HELD = 17 * 2**20
# Bytes of one request that are collected in memory.
MOST_IN_MEMORY = 64 * 2**10
# Bytes of a head; gunicorn takes less.
LONGEST_HEAD = 128 * 2**10
# A thread waits no longer for bytes beyond those collected: of a body that is too long, and of what is no HTTP.
REST_SECONDS = 5.0
BROKEN_SECONDS = 0.1
# Bytes of one answer that wait for a client.
MOST_WAITING = 64 * 2**20
# gunicorn's own blocking calls; none of them carries much.
BLOCKING_SECONDS = 5.0
_PIECE = 64 * 2**10


class Wire:
    """A client's socket as gunicorn sees it: what was collected first, then the socket itself, for a short while."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.held: Any = tempfile.SpooledTemporaryFile(MOST_IN_MEMORY)  # noqa: SIM115
        self.deadline = 0.0
        self._waiting: Any = None
        self._sent = self._kept = 0
        self.kept_since = 0.0
        # Who goes on to listen when the answer's beginning is sent (otestack/streams).
        self.listener: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)

    def setblocking(self, flag: bool) -> None:
        """Block, but not for ever."""
        self.sock.settimeout(BLOCKING_SECONDS if flag else 0)

    def recv(self, size: int) -> bytes:
        """Return bytes of the request. Raises ConnectionResetError when there are none in time."""
        if piece := self.held.read(size):
            return bytes(piece)
        self.sock.settimeout(max(0.01, self.deadline - time.monotonic()))
        try:
            return self.sock.recv(size)
        except TimeoutError as error:
            raise ConnectionResetError(errno.ECONNRESET, "the client sends too slowly") from error
        finally:
            self.setblocking(True)

    def sendall(self, data: bytes) -> None:
        """Send what the client takes at once and keep the rest. Raises BrokenPipeError when that is too much."""
        if not self.flush():
            self._keep(data)
        elif (sent := self._send(data)) < len(data):
            self._keep(data[sent:])

    def flush(self) -> bool:
        """Send what was kept, as far as the client takes it; return whether that was all."""
        while self._sent < self._kept:
            self._waiting.seek(self._sent)
            piece = self._waiting.read(_PIECE)
            sent = self._send(piece)
            self._sent += sent
            if sent < len(piece):
                return False
        if self._waiting is not None:
            self._waiting.close()
            self._waiting, self._sent, self._kept = None, 0, 0
        return True

    @property
    def waiting(self) -> int:
        """How many bytes were kept and not sent yet."""
        return self._kept - self._sent

    def is_late(self, now: float) -> bool:
        """Tell whether the client has taken too long over the answer."""
        return now > self.kept_since + GRACE_SECONDS + self._sent / BYTES_PER_SECOND

    def _send(self, data: bytes) -> int:
        """Send without waiting; return how many bytes went."""
        rest = memoryview(data)
        self.sock.settimeout(0)
        try:
            while rest:
                rest = rest[self.sock.send(rest) :]
        except BlockingIOError:
            pass
        finally:
            self.setblocking(True)
        return len(data) - len(rest)

    def _keep(self, data: bytes) -> None:
        if self._waiting is None:
            self._waiting = tempfile.SpooledTemporaryFile(MOST_IN_MEMORY)  # noqa: SIM115
            self.kept_since = time.monotonic()
        if self._kept - self._sent + len(data) > MOST_WAITING:
            raise BrokenPipeError(errno.EPIPE, "the client reads too slowly")
        self._waiting.seek(self._kept)
        self._waiting.write(data)
        self._kept += len(data)

    def close(self) -> None:
        """Close the socket and forget what was collected and kept."""
        if self.listener is not None:
            self.listener.left()
            self.listener = None
        self.held.close()
        if self._waiting is not None:
            self._waiting.close()
        self.sock.close()


class Connection(TConn):  # type: ignore[misc]
    """A connection and the request that is on its way over it."""

    def __init__(
        self, cfg: Any, sock: socket.socket, client: Any, server: Any, *, leave: Callable[[Connection], None]
    ) -> None:
        super().__init__(cfg, sock, client, server)
        self._leave = leave
        self.sock: Wire = Wire(sock)
        self.data_ready = True  # no thread has to wait for the first byte
        self.arrived = self.cut_off = False
        self.started = time.monotonic()
        self.size = 0
        self._reader = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)

    def take_rest(self) -> bytes:
        """Return what the client sent beyond the request that was answered; nothing of it is left here."""
        return bytes(self.parser.unreader.take_buffered() + self.sock.held.read()) if self.parser else b""

    def begin(self, rest: bytes) -> None:
        """Start to collect the next request; `rest` is the beginning of it."""
        self.sock.held.close()
        self.sock.held = tempfile.SpooledTemporaryFile(MOST_IN_MEMORY)  # noqa: SIM115
        self._reader = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)
        self.arrived, self.started, self.size = False, time.monotonic(), 0
        self._take(rest)

    def receive(self) -> int:
        """Take what has come in, without waiting, and return how many bytes. Raises OSError when the client left."""
        try:
            data = self.sock.sock.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return 0
        if not data:
            if not self.size:
                raise ConnectionResetError(errno.ECONNRESET, "the client left")
            self.cut_off = True  # what there is of it may look whole, and must not be done
        self._take(data)
        return len(data)

    def close(self, graceful: bool = False) -> None:
        """Close it; graceful: the client may still read. gunicorn would wait for that in its event loop."""
        if graceful:
            self._leave(self)
        else:
            self.sock.close()

    def is_late(self, now: float) -> bool:
        """Tell whether the request has taken too long."""
        return now > self.started + GRACE_SECONDS + self.size / BYTES_PER_SECOND

    def _take(self, data: bytes) -> None:
        self.size += len(data)
        self.sock.held.write(data)
        if data and not self.arrived:
            try:
                self._read(data)
            except h11.RemoteProtocolError:
                self._end(BROKEN_SECONDS)  # gunicorn finds the words

    def _read(self, data: bytes) -> None:
        """Look for the request's end. h11 says only where it is; gunicorn reads the request for itself."""
        self._reader.receive_data(data)
        while (event := self._reader.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.EndOfMessage):
                self._end(REST_SECONDS)
                return
        if self._reader.they_are_waiting_for_100_continue:
            self.sock.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.size > MOST_HELD:
            self._end(REST_SECONDS)

    def _end(self, seconds: float) -> None:
        self.arrived = True
        self.sock.held.seek(0)
        self.sock.deadline = time.monotonic() + seconds
