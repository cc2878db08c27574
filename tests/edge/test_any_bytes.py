"""Whatever bytes a server sends, cut wherever: an answer or an EdgeError, in time, and over two connections at most."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clusters.drivers.base import EdgeError
from clusters.drivers.kubernetes.client import SIDE_BY_SIDE
from tests.edge.peer import talking
from tests.edge.test_connection import packed
from tests.run.product import once

pytestmark = once

LIMIT = 2000
# Of one request. What is asked three times waits for its turn as well.
SECONDS = 0.1

FRAGMENTS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 404 Not Found\r\n",
        b"HTTP/1.1 204 No Content\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 3000\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Connection: close\r\n",
        b"Connection: upgrade\r\nUpgrade: h2c\r\n",
        b"Retry-After: 9\r\n",
        b"\xff\xfe: \x00\r\n",
        b": \r\n",
        b" folded\r\n",
        b"\r\n",
        b"\n",
        b"hello",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"fffffffffffffffff\r\n",
        b"5;a=b\r\nhello\r\n",
        b"x" * 3000,
        b"X: " + b"y" * 70_000 + b"\r\n",
        packed(b"hello"),
        packed(bytes(100_000)),
        packed(b"hello")[:-4],
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n19\r\n"
        + packed(b"hello")
        + b"\r\n0\r\n\r\n",
    ]
)
ANSWERS = st.lists(FRAGMENTS | st.binary(max_size=20), max_size=8).map(b"".join)
CUTS = st.lists(st.floats(0, 1), max_size=6)


class Server:
    """Plays the same bytes to whoever asks; in the client's event loop, so that each piece arrives on its own."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.stays = False
        self.first = False
        self.open = 0
        self.port = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while self.first or await reader.read(4096):
                for piece in self.pieces:
                    writer.write(piece)
                    for _ in range(3):  # turns of the event loop: it is written, and it is read
                        await asyncio.sleep(0)
                if not self.stays:
                    break
                if self.first:
                    await reader.read()
                    break
        except (OSError, RuntimeError):  # the latter is how uvloop says that a connection is closed
            pass
        finally:
            self.open -= 1
            writer.close()


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as one:
        yield one


@pytest.fixture(scope="module")
def server(runner: asyncio.Runner) -> Server:
    made = Server()

    async def start() -> None:
        listening = await asyncio.start_server(made, "127.0.0.1", 0)
        made.port = listening.sockets[0].getsockname()[1]
        made.listening = listening  # type: ignore[attr-defined]

    runner.run(start())
    return made


async def _ask(server: Server) -> None:
    def raised(_: Any, context: dict[str, Any]) -> None:
        unexpected.append(context)

    unexpected: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(raised)
    async with asyncio.timeout(60), talking(f"http://127.0.0.1:{server.port}", request=SECONDS, limit=LIMIT) as client:

        async def one(method: str) -> None:
            try:
                status, body = await client.request(method, "/", body=b"{}")
            except EdgeError as error:
                assert str(error).isprintable()
            else:
                assert 200 <= status < 300 and len(body) <= LIMIT

        await asyncio.gather(one("GET"), one("PATCH"), one("GET"))
        while server.open > SIDE_BY_SIDE:  # it takes a moment to see that the other side closed
            await asyncio.sleep(0)
    while server.open:
        await asyncio.sleep(0)
    assert not unexpected


@given(ANSWERS, CUTS, st.booleans(), st.booleans())
@example(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nhello", [], False, False)
@example(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + packed(b"hello")[:-4], [], False, False)
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", [], False, True)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes(
    runner: asyncio.Runner, server: Server, answer: bytes, cuts: list[float], stays: bool, first: bool
) -> None:
    """stays: the server keeps the connection open. first: it speaks before it is asked."""
    places = sorted({0, len(answer), *(int(cut * len(answer)) for cut in cuts)})
    server.pieces = [answer[start:end] for start, end in pairwise(places)]
    server.stays, server.first = stays, first
    runner.run(_ask(server))
