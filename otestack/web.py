"""The web server's worker: gunicorn's threads, and the envelope also for what gunicorn refuses by itself."""

from __future__ import annotations

import json
import socket
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker

_SENTENCES = {
    400: "The request is no HTTP that can be read.",
    414: "The address is too long.",
    417: "The expectation in the Expect header cannot be met.",
    431: "The headers are too long or too many.",
    500: "An unexpected internal error occurred; it has been logged.",
    501: "The Transfer-Encoding is not supported.",
}


class EnvelopeWorker(ThreadWorker):  # type: ignore[misc]
    """Answers in the envelope where Django is never asked."""

    def init_process(self) -> None:
        """Put our error answer in the place of gunicorn's page; it has no setting for that."""
        util.write_error = write_error
        super().init_process()


def write_error(sock: socket.socket, status_int: int, reason: str, mesg: Any) -> None:
    """Answer a request that gunicorn could not read; its own words may quote the request and are left out."""
    body = json.dumps({"code": status_int, "message": _SENTENCES.get(status_int, f"{reason}.")})
    head = f"HTTP/1.1 {status_int} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
    util.write_nonblock(sock, f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode("latin-1"))
