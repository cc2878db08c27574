"""Talking to a running product byte by byte, and looking at its web workers."""

from __future__ import annotations

import http.client
import json
import socket
import time
from pathlib import Path
from typing import Any

from otestack.supervisor.process import children_of
from tests.run.product import Product

LOGIN = "/v1/authorization"
HOST = b"Host: 127.0.0.1\r\n"
HEAD = b"POST /v1/authorization HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
QUESTION = b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"


def connect(web: Product, request: bytes = b"") -> socket.socket:
    """Open a connection and send bytes."""
    connection = socket.create_connection(("127.0.0.1", web.port), timeout=60)
    connection.sendall(request)
    return connection


class _Exactly:
    """A socket that is read no further than asked: what comes behind one answer is the next one's."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def makefile(self, mode: str) -> Any:
        return self._connection.makefile(mode, buffering=1)  # type: ignore[call-overload]


def read(connection: socket.socket) -> tuple[int, Any]:
    """Read an answer, which must be an envelope; return status and JSON."""
    answer = http.client.HTTPResponse(_Exactly(connection))  # type: ignore[arg-type]
    answer.begin()
    assert answer.headers["Content-Type"] == "application/json"
    content = json.loads(answer.read())
    assert content["code"] == answer.status
    assert content["message"] == "success" or content["message"].endswith(".")
    return answer.status, content


def ask(web: Product, request: bytes, *, ends: bool = False) -> tuple[int, Any]:
    """Send bytes, and the end of all bytes if `ends`; return status and JSON."""
    with connect(web, request) as connection:
        if ends:
            connection.shutdown(socket.SHUT_WR)
        return read(connection)


def answers_at_once(web: Product) -> None:
    """Fail when somebody else has to wait."""
    for _ in range(6):  # either worker may take it
        started = time.monotonic()
        assert ask(web, QUESTION)[0] == 200
        assert time.monotonic() - started < 5


def get(path: bytes, *headers: bytes) -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"".join(one + b"\r\n" for one in headers) + b"\r\n"


def resident(web: Product) -> dict[int, int]:
    """Return the memory of each web worker in MB."""
    found = {}
    for pid in children_of(web.part("web")):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                found[pid] = int(line.split()[1]) // 1024
    return found


def worked(pid: int) -> int:
    """Return how long a process has worked, in ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
