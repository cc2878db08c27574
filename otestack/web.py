"""The web server's worker: gunicorn's threads, clients that cannot hold them, and the envelope for its own refusals."""

from __future__ import annotations

import contextlib
import errno
import json
import selectors
import socket
import time
from concurrent.futures import Future
from functools import partial
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker

from otestack.arriving import Connection
from otestack.streams.loop import Streams

# Bytes of requests on their way that one process holds.
MOST_ARRIVING = 512 * 2**20
# A client may take this long to close its end, and so many may be waited for.
LEAVE_SECONDS = 2.0
MOST_LEAVING = 100

_SENTENCES = {
    400: "The request is no HTTP that can be read.",
    408: "The request took too long to arrive.",
    414: "The address is too long.",
    417: "The expectation in the Expect header cannot be met.",
    431: "The headers are too long or too many.",
    500: "An unexpected internal error occurred; it has been logged.",
    501: "The Transfer-Encoding is not supported.",
}


class EnvelopeWorker(ThreadWorker):  # type: ignore[misc]
    """Answers in the envelope where Django is never asked, and gives a thread whole requests only."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.arriving: dict[Connection, int] = {}
        self.sending: dict[Connection, Future[Any]] = {}
        self.leaving: dict[Connection, float] = {}
        self._looked_at = 0.0
        self.streams = Streams(self)

    def init_process(self) -> None:
        """Put our error answer in the place of gunicorn's page; it has no setting for that."""
        util.write_error = write_error
        super().init_process()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to stop. Streams would go on for ever, so they end at once."""
        super().handle_exit(sig, frame)
        self.method_queue.defer(self.streams.end_all)

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection."""
        try:
            client, address = listener.accept()
        except OSError as error:  # another worker was quicker, or the client is gone again
            if error.errno in {errno.EMFILE, errno.ENFILE}:  # the worker lives on
                self._end_oldest(self.leaving or self.arriving)
            return
        self.nr_conns += 1
        client.setblocking(False)
        self.enqueue_req(Connection(self.cfg, client, address, listener.getsockname(), leave=self.leave))

    def enqueue_req(self, conn: Connection) -> None:
        """Wait in the event loop until the request is whole; gunicorn calls this as soon as there may be one."""
        conn.sock.setblocking(False)
        conn.begin(conn.take_rest())
        if conn.arrived:
            super().enqueue_req(conn)
            return
        self.arriving[conn] = conn.size
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_arriving, conn))

    def on_arriving(self, conn: Connection, _: Any) -> None:
        """Collect what has come in of a request."""
        try:
            self.arriving[conn] += conn.receive()
        except OSError:
            self._drop(conn)
            return
        if conn.arrived:
            self._forget(conn)
            super().enqueue_req(conn)
        elif conn.cut_off:
            self._refuse(conn, 400, "Bad Request")
        elif sum(self.arriving.values()) > MOST_ARRIVING:
            self._drop(conn)

    def finish_request(self, conn: Connection, fs: Future[Any]) -> None:
        """Send what is left of the answer, go on with what came behind the request, else do as gunicorn does."""
        try:
            all_sent = conn.sock.flush()
        except OSError:
            all_sent = True  # there is nobody to send it to
        if not all_sent:
            self.sending[conn] = fs
            self.poller.register(conn.sock, selectors.EVENT_WRITE, partial(self.on_sending, conn))
            return
        if conn.sock.listener is not None:
            self.streams.take(conn)
            return
        goes_on = not fs.cancelled() and fs.exception() is None and fs.result()
        if goes_on and (rest := conn.take_rest()):
            conn.parser.unreader.unread(rest)
            self.enqueue_req(conn)
            return
        super().finish_request(conn, fs)

    def on_sending(self, conn: Connection, _: Any) -> None:
        """Send on; when all is sent, the request is finished."""
        try:
            if not conn.sock.flush():
                return
        except OSError:
            self._drop(conn)
            return
        fs = self.sending[conn]
        self._forget(conn)
        self.finish_request(conn, fs)

    def murder_pending(self) -> None:
        """End what takes too long. gunicorn calls this after each event and at least once a second."""
        super().murder_pending()
        now = time.monotonic()
        if now < self._looked_at + 0.5:
            return
        self._looked_at = now
        self.streams.look_after(now)
        for conn in [conn for conn in self.arriving if conn.is_late(now)]:
            if conn.size:
                self._refuse(conn, 408, "Request Timeout")
            else:
                self._drop(conn)
        for conn in [conn for conn in self.sending if conn.sock.is_late(now)]:
            self._drop(conn)
        for conn in [conn for conn, until in self.leaving.items() if now > until]:
            self._close(conn)

    def leave(self, conn: Connection) -> None:
        """Wait in the event loop until the client has closed its end, or it may never see the answer."""
        if len(self.leaving) >= MOST_LEAVING:
            self._end_oldest(self.leaving)
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_leaving, conn))
        except (OSError, ValueError):
            conn.sock.close()
            return
        self.leaving[conn] = time.monotonic() + LEAVE_SECONDS

    def on_leaving(self, conn: Connection, _: Any) -> None:
        """Throw away what a client still sends."""
        try:
            left = not conn.sock.sock.recv(64 * 2**10)
        except BlockingIOError:
            return
        except OSError:
            left = True
        if left:
            self._close(conn)

    def _end_oldest(self, connections: dict[Connection, Any]) -> None:
        for conn in list(connections)[:1]:
            (self._close if conn in self.leaving else self._drop)(conn)

    def _refuse(self, conn: Connection, code: int, reason: str) -> None:
        """Answer what no thread will see."""
        self._forget(conn)
        self.nr_conns -= 1
        with contextlib.suppress(OSError):
            write_error(conn.sock.sock, code, reason, "")
        self.leave(conn)

    def _drop(self, conn: Connection) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.sock.close()

    def _forget(self, conn: Connection) -> None:
        (self.sending if conn in self.sending else self.arriving).pop(conn)
        self.poller.unregister(conn.sock)

    def _close(self, conn: Connection) -> None:
        del self.leaving[conn]
        self.poller.unregister(conn.sock)
        conn.sock.close()


def write_error(sock: socket.socket, status_int: int, reason: str, mesg: Any) -> None:
    """Answer a request that gunicorn could not read; its own words may quote the request and are left out."""
    body = json.dumps({"code": status_int, "message": _SENTENCES.get(status_int, f"{reason}.")})
    head = f"HTTP/1.1 {status_int} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
    util.write_nonblock(sock, f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode("latin-1"))
