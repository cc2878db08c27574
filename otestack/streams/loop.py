"""Streams in the worker's event loop: sending on, noticing who is gone, cutting who does not read."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from otestack.arriving import Connection
from otestack.streams.hub import HUB, Listener, News

# A comment goes out after so many silent seconds: proxies keep the connection, and who is gone does not answer it.
HEARTBEAT_SECONDS = 15.0
HEARTBEAT = b":\n\n"
# The system gives a connection up whose other end has not answered for so long.
SILENT_MILLISECONDS = 30_000
# Bytes that wait for a client; who is further behind is cut, and comes back where it was.
MOST_BEHIND = 256 * 2**10


@dataclass(eq=False)
class _Stream:
    conn: Connection
    listener: Listener
    last_sent: float
    ends: bool = False
    writes: bool = False


class Streams:
    """The streams of one worker. All of it runs in the event loop."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._open: dict[Listener, _Stream] = {}

    def take(self, conn: Connection) -> None:
        """Go on with a connection whose beginning is sent."""
        listener, conn.sock.listener = conn.sock.listener, None
        stream = self._open[listener] = _Stream(conn, listener, time.monotonic())
        with contextlib.suppress(OSError, AttributeError):  # not every system has it
            conn.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_MILLISECONDS)
        conn.sock.setblocking(False)
        self._worker.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_event, stream))
        HUB.add(listener, self._later)
        if not self._worker.alive:
            self._end(stream)

    def look_after(self, now: float) -> None:
        """Send heartbeats, and cut who reads too slowly."""
        for stream in list(self._open.values()):
            if stream.conn.sock.waiting:
                if stream.conn.sock.is_late(now):
                    self._drop(stream)
            elif now > stream.last_sent + HEARTBEAT_SECONDS:
                self._send(stream, HEARTBEAT)

    def end_all(self) -> None:
        """End them now: the server stops. Clients come again, to whoever answers then."""
        for stream in list(self._open.values()):
            self._end(stream)

    def _later(self, news: list[News]) -> None:
        self._worker.method_queue.defer(self._deliver, news)

    def _deliver(self, news: list[News]) -> None:
        for item in news:
            if (stream := self._open.get(item.listener)) is None or stream.ends:
                continue
            if item.data:
                self._send(stream, item.data)
            if item.ends and item.listener in self._open:
                self._end(stream)

    def _on_event(self, stream: _Stream, _: Any) -> None:
        """Send on what waits, and see whether the client is still there; what it says does not matter."""
        sock = stream.conn.sock
        try:
            if sock.flush() and stream.writes:
                self._watch(stream, writes=False)
            sock.setblocking(False)
            gone = not sock.sock.recv(64 * 2**10)
        except BlockingIOError:
            gone = False
        except OSError:
            gone = True
        if gone:
            self._drop(stream)
        elif stream.ends and not sock.waiting:
            self._close(stream)

    def _send(self, stream: _Stream, data: bytes) -> None:
        framed = b"%X\r\n%b\r\n" % (len(data), data) if stream.listener.chunked else data
        self._put(stream, framed)

    def _put(self, stream: _Stream, data: bytes) -> None:
        sock = stream.conn.sock
        try:
            sock.sendall(data)
        except OSError:
            self._drop(stream)
            return
        stream.last_sent = time.monotonic()
        if sock.waiting > MOST_BEHIND:
            self._drop(stream)
        elif sock.waiting and not stream.writes:
            self._watch(stream, writes=True)

    def _end(self, stream: _Stream) -> None:
        """End the answer as HTTP ends one, so that nobody takes it for cut off."""
        stream.ends = True
        if stream.listener.chunked:
            self._put(stream, b"0\r\n\r\n")
        if stream.listener in self._open and (not stream.conn.sock.waiting or not self._worker.alive):
            self._close(stream)

    def _watch(self, stream: _Stream, *, writes: bool) -> None:
        stream.writes = writes
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writes else 0)
        self._worker.poller.modify(stream.conn.sock, events, partial(self._on_event, stream))

    def _drop(self, stream: _Stream) -> None:
        self._forget(stream)
        stream.conn.sock.close()

    def _close(self, stream: _Stream) -> None:
        self._forget(stream)
        stream.conn.close(graceful=True)

    def _forget(self, stream: _Stream) -> None:
        del self._open[stream.listener]
        HUB.remove(stream.listener)
        self._worker.poller.unregister(stream.conn.sock)
        self._worker.nr_conns -= 1
