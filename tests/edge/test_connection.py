"""What a server may answer, in whatever pieces: taken as it is meant, within limits, or an error of one sentence."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from typing import Any

import pytest

from tests.edge.peer import LIMIT, Line, answering, outcome, outcomes, playing, run, talking
from tests.run.product import once

pytestmark = once

TOO_LONG = f"its answer is longer than {LIMIT} bytes"
NO_HTTP = "it does not speak HTTP"
BROKE_OFF = "its answer broke off"
CLOSED = "it closed the connection without an answer"
NOT_UNPACKED = "its answer cannot be unpacked"
BODY = b'{"gitVersion":"v1.37.0"}'


def packed(body: bytes) -> bytes:
    """The same at any time: tests are named by it."""
    return gzip.compress(body, mtime=0)


PACKED = packed(BODY)


def whole(body: bytes = BODY, *headers: str, status: str = "200 OK") -> bytes:
    """An answer with a length."""
    lines = "".join(f"{line}\r\n" for line in (*headers, f"Content-Length: {len(body)}"))
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


def chunked(*chunks: bytes, headers: str = "", trailers: str = "") -> bytes:
    """An answer in chunks."""
    head = f"HTTP/1.1 200 OK\r\n{headers}Transfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + f"0\r\n{trailers}\r\n".encode()


GZIP = "Content-Encoding: gzip"
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\n"  # ends with the connection


@pytest.mark.parametrize(
    "answer",
    [
        whole(),
        chunked(BODY),
        chunked(*(bytes([byte]) for byte in BODY)),
        chunked(BODY, trailers="Content-Encoding: gzip\r\nRetry-After: 9\r\n"),
        whole(PACKED, GZIP),
        chunked(PACKED[:1], PACKED[1:7], PACKED[7:], headers=f"{GZIP}\r\n"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + whole(),
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n" + whole(),
    ],
)
def test_an_answer_whole_or_in_single_bytes(answer: bytes) -> None:
    with playing(answering(answer)) as peer:
        assert outcomes(peer) == [(200, BODY)]
    single = [bytes([byte]) for byte in answer]
    with playing(lambda line, _: line.request() and line.say(*single)) as peer:
        assert outcomes(peer) == [(200, BODY)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (ENDLESS + BODY, (200, BODY)),
        (ENDLESS, (200, b"")),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + PACKED, (200, BODY)),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + PACKED[:-9], BROKE_OFF),
        (whole(PACKED[:-9], GZIP), BROKE_OFF),
        (whole(b"", GZIP), (200, b"")),
        (whole(b"no gzip", GZIP), NOT_UNPACKED),
        (whole(PACKED[:-8] + bytes(8), GZIP), NOT_UNPACKED),
        (whole(PACKED + PACKED, GZIP), NOT_UNPACKED),
        (whole()[:-1], BROKE_OFF),
        (chunked(BODY)[:-2], BROKE_OFF),
        (b"HTTP/1.1 200 OK\r\nContent-Len", BROKE_OFF),
        (b"HTTP/1.1 100 Continue\r\n\r\n", BROKE_OFF),
        (b"", CLOSED),
        (b"SSH-2.0-OpenSSH_9.2\r\n", NO_HTTP),
        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nxyz", NO_HTTP),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", NO_HTTP),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy", NO_HTTP),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", NO_HTTP),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", NO_HTTP),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "answered 304"),
        (whole(b"", "Location: /elsewhere", status="302 Found"), "answered 302"),
        (whole(status="999 "), f"answered 999: {BODY.decode()}"),
    ],
)
def test_an_answer_after_which_the_server_ends_the_connection(answer: bytes, expected: Any) -> None:
    with playing(lambda line, _: line.request() and line.say(answer)) as peer:
        assert outcomes(peer) == [expected]
    assert len(peer.asked) == 1


def _flood(line: Line, piece: bytes, first: bytes = b"") -> None:
    line.request()
    line.say(first, *repeat(piece * (60_000 // len(piece)), 10_000))


@contextmanager
def little_memory(most: int) -> Iterator[None]:
    """What is done here takes no more than so many bytes at any time."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most


HEADERS = b"HTTP/1.1 200 OK\r\n"
CHUNKS = HEADERS + b"Transfer-Encoding: chunked\r\n\r\n"
NOTHING = packed(b"")


@pytest.mark.parametrize(
    ("first", "piece", "sentence"),
    [
        (HEADERS + b"X: ", b"x", NO_HTTP),
        (HEADERS, b"X: y\r\n", NO_HTTP),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", NO_HTTP),
        (b"", b"\r\n", NO_HTTP),
        (CHUNKS + b"0\r\nX: ", b"x", NO_HTTP),
        (CHUNKS + b"0\r\n", b"X: y\r\n", NO_HTTP),
        (CHUNKS + b"1;", b"x", NO_HTTP),
        (ENDLESS, b"x", TOO_LONG),
        (CHUNKS, b"1\r\nx\r\n", NO_HTTP),
        (HEADERS + b"Content-Length: 99999999999\r\n\r\n", b"x", TOO_LONG),
        (HEADERS + b"Content-Encoding: gzip\r\n\r\n" + PACKED, b"x", NOT_UNPACKED),
        (HEADERS + b"Content-Encoding: gzip\r\n\r\n" + NOTHING[:10], b"\x00\x00\x00\xff\xff", TOO_LONG),
    ],
)
def test_what_never_ends_is_cut_long_before_the_time_is_over(first: bytes, piece: bytes, sentence: str) -> None:
    with playing(lambda line, _: _flood(line, piece, first)) as peer, little_memory(8 * LIMIT):
        assert outcomes(peer, request=60) == [sentence]
        assert peer.all_closed()


def test_a_small_answer_that_is_large_unpacked() -> None:
    bomb = packed(bytes(50 * LIMIT))
    assert len(bomb) < LIMIT / 10
    with playing(answering(whole(bomb, GZIP))) as peer, little_memory(8 * LIMIT):
        assert outcomes(peer) == [TOO_LONG]


@pytest.mark.parametrize("headers", [(), (GZIP,)])
def test_the_limit_is_to_the_byte(headers: tuple[str, ...]) -> None:
    for size, expected in ((LIMIT, (200, bytes(LIMIT))), (LIMIT + 1, TOO_LONG)):
        body = packed(bytes(size)) if headers else bytes(size)
        with playing(answering(whole(body, *headers))) as peer:
            assert outcomes(peer) == [expected]


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_three_megabytes_both_ways(method: str) -> None:
    body = bytes(range(256)) * 12_000

    def play(line: Line, number: int) -> None:
        line.request()
        line.say(whole(body))
        line.ended()

    async def ask(peer: Any) -> Any:
        async with talking(peer, limit=len(body)) as client:
            return await outcome(client, method, body=body)

    with playing(play) as peer:
        assert run(ask(peer)) == (200, body)
    assert [sent for _, sent in peer.asked] == [body]
