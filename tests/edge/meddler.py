"""What stands between us and an edge: passes requests on, notes them, and spoils those that a test names."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import urllib3
import yaml

Spoil = Callable[[BaseHTTPRequestHandler], bool]
_PASSED_ON = ("Authorization", "Content-Type", "Accept")


@dataclass
class Asked:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Meddler:
    """asked: requests since the last clear(). spoil(): what to do to whom."""

    edge: Any
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    rules: list[tuple[str, re.Pattern[str], Spoil]] = field(default_factory=list)

    def spoil(self, method: str, path: str, how: Spoil) -> None:
        """Have `how` treat requests whose path holds the pattern; it returns False to let them pass on after all."""
        self.rules.append((method, re.compile(path), how))

    def kubeconfig(self, name: str) -> str:
        """The cluster's kubeconfig, by way of here."""
        document = yaml.safe_load(self.edge.kubeconfig(name))
        document["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{self.port}/clusters/{name}"}
        return yaml.safe_dump(document)

    def paths(self, method: str = "GET") -> list[str]:
        """Paths asked for, without query and cluster."""
        return [item.path.split("?")[0].split("/", 3)[3] for item in self.asked if item.method == method]

    def clear(self) -> None:
        """Forget what was asked and the rules."""
        self.asked.clear()
        self.rules.clear()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> bool:
    """Answer."""
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)
    return True


def answer(status: int, body: Any, **headers: str) -> Spoil:
    """Answer this."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda handler: send(handler, status, raw, **headers)


def failure(status: int, message: str, reason: str = "", **headers: str) -> Spoil:
    """Answer with a Status object."""
    return answer(status, {"kind": "Status", "code": status, "message": message, "reason": reason}, **headers)


@contextmanager
def meddling(edge: Any) -> Iterator[Meddler]:
    """Listen on a free port."""
    meddler = Meddler(edge)
    pool = urllib3.PoolManager(ca_certs=str(edge.ca_file), maxsize=20)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            meddler.asked.append(Asked(self.command, self.path, dict(self.headers), body))
            for method, pattern, how in list(meddler.rules):
                if method in {self.command, "*"} and pattern.search(self.path) and how(self):
                    return
            headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
            _, _, cluster, rest = self.path.split("/", 3)
            url = f"{edge.server(cluster)}/{rest}"
            try:
                got = pool.request(self.command, url, body=body or None, headers=headers, retries=False)
            except urllib3.exceptions.HTTPError:
                self.close_connection = True
                return
            send(self, got.status, got.data)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    meddler.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield meddler
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
