"""The listener: one thread per connection, /api, /v2, /service/token and /control."""

import contextlib
import logging
import shutil
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from . import content, oci
from .api import routes
from .auth import Authenticator
from .errors import ApiError, denied, not_found, unknown
from .faults import Fault, Faults
from .harbor import Harbor
from .sessions import SAFE, Sessions
from .wire import Answer, Body, Request, error_answer

logger = logging.getLogger(__name__)

Away = Literal["", "hang", "refuse", "unavailable"]
Control = Callable[[Request], Answer]

# What a request may leave unread behind its answer before its connection is closed instead.
DRAIN_LIMIT = 1024 * 1024
IDLE_SECONDS = 75
_UNAVAILABLE = b"<html><head><title>503 Service Temporarily Unavailable</title></head></html>\r\n"


class HarborServer(ThreadingHTTPServer):
    """Serves one Harbor."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], harbor: Harbor, tls: ssl.SSLContext | None = None) -> None:
        self.harbor = harbor
        self.latency = 0.0
        self.faults = Faults()
        self.control: Control | None = None
        self.calls: list[tuple[str, str]] = []
        self.secure = tls is not None
        self.ended = False
        self._tls = tls
        self.authenticator = Authenticator(harbor)
        self._sessions = Sessions(harbor.session_key)
        self._away: Away = ""
        self._changed = threading.Event()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, _Handler)

    @property
    def away(self) -> Away:
        """How it is unreachable, if it is."""
        return self._away

    @away.setter
    def away(self, mode: Away) -> None:
        self._away = mode
        self._changed.set()
        self._changed = threading.Event()

    def wait_while_away(self) -> None:
        """Hold a request until the mode changes."""
        self._changed.wait()

    def handle_request_of(self, request: Request) -> Answer:
        """Answer a request: session, caller, read-only mode, then the handlers, in Harbor's order."""
        try:
            self._sessions.check(request)
            caller = self.authenticator.caller(request)
            is_api = request.path.startswith(routes.PREFIX + "/")
            is_registry = request.path == "/v2" or request.path.startswith("/v2/")
            if self.harbor.behaviour.read_only and request.method not in SAFE and (is_api or is_registry):
                raise denied("The system is in read only mode. Any modification is prohibited.")
            content.count_pulls(self.harbor, time.time())
            if is_api:
                return routes.handle(self.harbor, caller, request)
            if is_registry:
                return oci.handle(self.harbor, caller, request)
            if request.path == "/service/token":
                return oci.token(self.harbor, caller, request)
            raise not_found(f"path {request.path} was not found")
        except ApiError as error:
            if request.path.startswith("/v2"):
                error.headers.setdefault("Docker-Distribution-Api-Version", "registry/2.0")
            return error_answer(error)
        except OSError:
            raise
        except Exception:
            if self.ended:  # its database was closed under it
                raise ConnectionAbortedError from None
            logger.exception("The simulated registry failed at %s %s", request.method, request.path)
            return error_answer(unknown("internal error"))

    def cookies(self, request: Request) -> list[tuple[str, str]]:
        """Headers of the session."""
        return self._sessions.headers(request)

    # Connections, so that an end is an end for kept ones too.

    def get_request(self) -> tuple[Any, Any]:
        """Accept without Nagle's delay, which would cost 40 ms a call."""
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(IDLE_SECONDS)
        with self._lock:
            self._connections.add(connection)
        return connection, address

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread, then serve it."""
        if self._tls is not None:
            try:
                secured = self._tls.wrap_socket(request, server_side=True)
            except OSError:
                self.shutdown_request(request)
                return
            with self._lock:
                self._connections.discard(request)
                self._connections.add(secured)
            request = secured
        super().process_request_thread(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection and close it."""
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is the client's business."""
        logger.debug("A connection to the simulated registry broke", exc_info=True)

    def cut_connections(self) -> None:
        """Close every connection, whatever it is doing."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nginx"
    sys_version = ""
    server: HarborServer

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        try:
            body = Body(self.rfile, self.headers)
        except ApiError as error:
            self._send(error_answer(error), [], None)
            return
        request = Request(self.command, path, query, self.headers, body, self.server.secure)
        if path == "/control" and self.server.control is not None:
            self._send(self.server.control(request), [], body)
            return
        self.server.calls.append((self.command, self.path))
        if self._goes_wrong(request):
            return
        answer = self.server.handle_request_of(request)
        self._send(answer, self.server.cookies(request), body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve

    def _goes_wrong(self, request: Request) -> bool:
        """Do what was asked to go wrong. Returns whether the request has had its answer, or will have none."""
        server = self.server
        if server.latency:
            time.sleep(server.latency)
        if server.away == "unavailable":
            self._send(Answer(503, _UNAVAILABLE, {"Content-Type": "text/html"}), [], request.body)
            return True
        if server.away:
            if server.away == "hang":
                server.wait_while_away()
            self.close_connection = True
            return True
        fault = server.faults.take(request.method, self.path)
        return fault is not None and self._befall(fault, request)

    def _befall(self, fault: Fault, request: Request) -> bool:
        if fault.delay:
            time.sleep(fault.delay)
        if fault.lost:
            self.server.handle_request_of(request)
            self.close_connection = True
            return True
        if not fault.status:
            return False
        answer = error_answer(ApiError(fault.status, "UNKNOWN", "injected fault"))
        if fault.html:
            answer = Answer(fault.status, b"<html>injected fault</html>\n", {"Content-Type": "text/html"})
        self._send(answer, [], request.body)
        return True

    def _send(self, answer: Answer, more: list[tuple[str, str]], body: Body | None) -> None:
        if answer.close or body is None or not self._drained(body):
            self.close_connection = True
        length = answer.file.stat().st_size if answer.file else len(answer.body)
        headers = {"X-Request-Id": self.headers.get("X-Request-Id") or str(uuid.uuid4())} | answer.headers
        self.send_response(answer.status)
        for name, value in [*headers.items(), *more]:
            self.send_header(name, value.encode("latin-1", "replace").decode("latin-1"))
        if answer.status not in (204, 304):
            self.send_header("Content-Length", headers.get("Content-Length", str(length)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and answer.status not in (204, 304):
            if answer.file:
                with answer.file.open("rb") as file:
                    shutil.copyfileobj(file, self.wfile)
            else:
                self.wfile.write(answer.body)
        if self.close_connection and body is not None and not body.done:
            self._linger()

    def _drained(self, body: Body) -> bool:
        """Read what the handler left, if it is little. Returns whether the next request can follow."""
        size = 0
        try:
            for piece in body.pieces():
                size += len(piece)
                if size > DRAIN_LIMIT:
                    return False
        except ApiError:
            return False
        return True

    def _linger(self) -> None:
        """Close our side and let the client finish: a reset would take the answer away from it."""
        self.wfile.flush()
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(2)
            while self.connection.recv(65536):
                pass

    def log_message(self, format: str, *args: Any) -> None:
        """The calls are kept by the server, not printed."""
        logger.debug(format, *args)
