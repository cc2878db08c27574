"""The beginning of a stream: what a thread answers before the event loop goes on with it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse

from otestack.streams.hub import HUB, Listener

# Where nobody keeps the stream, the client comes again after so many milliseconds.
AGAIN_MILLISECONDS = 2000


class HandedOver(OSError):
    """The event loop goes on with the connection. gunicorn lets errors of the socket through without a word."""

    def __init__(self) -> None:
        super().__init__(errno.EPIPE, "handed over to the event loop")


def stream(request: HttpRequest, listener: Listener, first: bytes, *, ends: bool = False) -> StreamingHttpResponse:
    """Return the answer that sends `first` and, unless it ends there, what the listener's source brings afterwards.

    Raises TooMany or Unavailable when too many listen already.
    """
    wire = request.META.get("gunicorn.socket")
    goes_on = not ends and request.method == "GET" and hasattr(wire, "listener")
    pieces: Any = _once(first if ends or goes_on else b"retry: %d\n\n" % AGAIN_MILLISECONDS + first)
    if goes_on:
        HUB.take_place(listener.user_id, most=settings.OTE_STREAMS, most_of_user=settings.OTE_STREAMS_OF_USER)
        listener.chunked = request.META.get("SERVER_PROTOCOL") != "HTTP/1.0"
        pieces = _Beginning(wire, listener, first)
    # No proxy keeps a stream for later: nginx asks for the last of these.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(pieces, content_type="text/event-stream", headers=headers)


def _once(first: bytes) -> Iterator[bytes]:
    yield first


class _Beginning:
    """The first bytes, then the handing over. Closed without it, it gives the listener's place back."""

    def __init__(self, wire: Any, listener: Listener, first: bytes) -> None:
        self._wire, self._listener, self._first = wire, listener, first
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        yield self._first
        self._open = False
        self._wire.listener = self._listener
        raise HandedOver

    def close(self) -> None:
        """Give the place back unless the event loop has it."""
        if self._open:
            self._open = False
            self._listener.left()
