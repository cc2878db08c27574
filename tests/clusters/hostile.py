"""An API server that misbehaves as told: any status, any body, over TLS or not."""

from __future__ import annotations

import json
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.clusters.pki import Pair

Answer = tuple[int, Any] | Callable[[BaseHTTPRequestHandler], None]
GOOD: dict[str, Answer] = {
    "/version": (200, {"gitVersion": "v1.37.0"}),
    "/api/v1/namespaces/kube-system": (200, {"metadata": {"uid": "uid-1"}}),
    "/api/v1/nodes": (200, {"metadata": {"remainingItemCount": 2}, "items": [{}]}),
}


class Hostile:
    """answers: path without query to (status, JSON or bytes), or a function. asked: (path, headers) of each request."""

    def __init__(self, answers: dict[str, Answer] | None = None) -> None:
        self.answers = GOOD | (answers or {})
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.port = 0


@contextmanager
def serving(hostile: Hostile, pair: Pair | None = None, *, client_authority: bytes = b"") -> Iterator[Hostile]:
    """Serve at hostile.port. pair: the server's certificate; none: plain http. client_authority: who signs clients."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            hostile.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            answer = hostile.answers.get(self.path.split("?")[0], (404, {"kind": "Status", "code": 404}))
            if callable(answer):
                answer(self)
                return
            status, content = answer
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"http://127.0.0.1:{hostile.port}/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # the body is of no interest, so the connection ends with the answer

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    if pair is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as file:
            file.write(pair.cert + pair.key)
            file.flush()
            context.load_cert_chain(file.name)
        if client_authority:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=client_authority.decode())
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    hostile.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hostile
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
