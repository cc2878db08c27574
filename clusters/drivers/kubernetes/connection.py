"""One HTTP/1.1 connection: a request with a body in memory, an answer up to a limit, then the next request.

What comes is parsed by httptools (llhttp, the parser of Node.js). Servers are not trusted: whatever they send, in
whatever pieces, ends in an answer or an error, takes no more memory than the limits say, and is no answer to another
request than the one it came for.
"""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from typing import Any

import httptools

# Bytes that may come besides a body, and once more the body's own size: heads, trailers, what stands between chunks.
# API servers send a few hundred.
HEAD_BYTES = 64 * 1024


class NoHttp(OSError):
    """What came is no HTTP, or no answer to what was asked."""


class Packed(OSError):
    """The answer cannot be unpacked."""


class BrokenOff(ConnectionError):
    """The connection ended before the answer did. begun: something of the answer had come."""

    def __init__(self, *, begun: bool) -> None:
        super().__init__()
        self.begun = begun


class TooLong(Exception):
    """The answer is longer than the limit."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. body: unpacked."""

    status: int
    body: bytes
    retry_after: str = ""


class Connection(asyncio.Protocol):
    """One open connection: one request at a time. limit: bytes of an answer, packed and unpacked."""

    def __init__(self, limit: int) -> None:
        self.usable = False
        self._limit = limit
        self._transport: Any = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[Answer] | None = None
        self._failure: BaseException | None = None
        self._received = 0
        self._forget()

    def _forget(self) -> None:
        """Make ready for the next head."""
        self._head_ended = False
        self._framed = False
        self._retry_after = ""
        self._unpack: Any = None
        self._packed = 0
        self._body = bytearray()

    async def ask(self, request: bytes) -> Answer:
        """Send a request and return its answer. Raises OSError, TooLong; the connection is of no use then."""
        if not self.usable:  # it ended, or the server spoke first
            raise self._failure or BrokenOff(begun=False)
        self._received = 0
        self._waiting = asyncio.get_running_loop().create_future()
        self.usable = False
        try:
            self._transport.write(request)
            return await self._waiting
        except BaseException:
            self.abort()
            raise
        finally:
            self._waiting = None
            self._forget()

    def abort(self) -> None:
        """Close at once."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready."""
        self._transport = transport
        self.usable = True

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._asked is None:
            self._fail(NoHttp())
            self.abort()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(error.__context__ if isinstance(error.__context__, TooLong | OSError) else NoHttp())
        if self._received > HEAD_BYTES + 2 * self._packed:
            self._fail(NoHttp())

    def eof_received(self) -> None:
        """The server says no more: an answer without a length is complete. Over TLS nobody else can have said so."""
        if self._head_ended and not self._framed:
            try:
                self.on_message_complete()
            except OSError as error:
                self._fail(error)
        self._fail(BrokenOff(begun=self._received > 0))
        self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Tell who waits, and let go of the buffers, and of the parser, which holds us."""
        self._fail(BrokenOff(begun=True) if self._received else error or BrokenOff(begun=False))
        self._transport = self._parser = None

    @property
    def _asked(self) -> asyncio.Future[Answer] | None:
        """Who waits for an answer that is not complete yet."""
        return None if self._waiting is None or self._waiting.done() else self._waiting

    def _fail(self, error: BaseException) -> None:
        """The connection is of no use any more: tell who waits, or who asks next."""
        self.usable = False
        self._failure = self._failure or error
        if self._asked is not None:
            self._asked.set_exception(error)

    # What the parser calls. What is raised here comes out of feed_data as the context of its own error.

    def on_message_begin(self) -> None:
        """A head begins: of the answer, of an interim one before it, or of one that nobody asked for."""
        if self._asked is None:
            raise NoHttp
        self._forget()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the few that matter."""
        if self._head_ended:  # a trailer
            return
        match name.lower():
            case b"content-length" | b"transfer-encoding":
                self._framed = True
            case b"retry-after":
                self._retry_after = value.decode("latin-1")
            case b"content-encoding" if value.strip().lower() == b"gzip":
                self._unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)

    def on_headers_complete(self) -> None:
        """The body follows, or after an interim answer the next head."""
        self._head_ended = self._parser.get_status_code() >= 200

    def on_body(self, data: bytes) -> None:
        """Keep a piece, unpacked; never more than the limit and one byte."""
        self._packed += len(data)
        if self._unpack is not None:
            data = self._unpacked(data)
        self._body += data
        if max(self._packed, len(self._body)) > self._limit:
            raise TooLong

    def _unpacked(self, data: bytes) -> bytes:
        try:
            data = self._unpack.decompress(data, self._limit - len(self._body) + 1)
        except zlib.error:
            raise Packed from None
        if self._unpack.unused_data:  # what follows the end would be gathered, and never looked at
            raise Packed
        return data

    def on_message_complete(self) -> None:
        """Hand the answer over."""
        if not self._head_ended or self._asked is None:
            return
        if self._unpack is not None and self._packed and not self._unpack.eof:
            raise BrokenOff(begun=True)
        # A server that answers before it has read the request may never read the rest.
        self.usable = self._parser.should_keep_alive() and not self._transport.get_write_buffer_size()
        self._asked.set_result(Answer(self._parser.get_status_code(), bytes(self._body), self._retry_after))
