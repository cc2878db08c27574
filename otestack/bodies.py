"""Around Django: request bodies as the connection carries them.

Django reads no body without a Content-Length, so a chunked one would look empty. And a connection that is closed while
the client still sends is reset, so that the client never sees the answer. Last, Django believes any charset that
Content-Type names, also for the query string, and some of those that Python knows raise in the middle of a request.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.utils.http import parse_header_parameters

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

# Bytes of a chunked body that are read: more than the largest body that any path takes, a chart of 10 MB.
LONGEST_CHUNKED = 16 * 2**20
# Bytes that are taken off the wire although nobody wants them. Who sends more is cut off.
MOST_DRAINED = 64 * 2**20
_PIECE = 64 * 2**10


class WithBodies:
    """A WSGI application that gets chunked bodies whole, and whose unread bodies are taken off the wire."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        stream = environ["wsgi.input"]
        if not _is_usable(environ.get("CONTENT_TYPE", "")):
            environ["CONTENT_TYPE"] = ""  # as good as none: where there must be one, the answer says which
        if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            body = b"".join(_pieces(stream, LONGEST_CHUNKED))
            environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return _Answer(self.application(environ, start_response), stream)


def _is_usable(content_type: str) -> bool:
    """Tell whether the header can be read, and means UTF-8 where it names a charset."""
    try:
        charset = parse_header_parameters(content_type)[1].get("charset", "utf-8")
        return codecs.lookup(charset).name == "utf-8"
    except (LookupError, ValueError):
        return False


class _Answer:
    """The answer's bytes; closing it, which the server does when all is sent, drains the request."""

    def __init__(self, answer: Iterable[bytes], stream: Any) -> None:
        self.answer, self.stream = answer, stream

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.answer)

    def close(self) -> None:
        """Close the answer, then read what is left of the request."""
        try:
            close = getattr(self.answer, "close", None)
            if close is not None:
                close()
        finally:
            for _ in _pieces(self.stream, MOST_DRAINED):
                pass


def _pieces(stream: Any, most: int) -> Iterator[bytes]:
    """Yield what the stream holds, at most so many bytes."""
    left = most
    while left > 0 and (piece := stream.read(min(_PIECE, left))):
        left -= len(piece)
        yield piece
