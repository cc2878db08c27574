"""A gate before each edge: it passes bytes on, TLS and all, or does with connections what a test says."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

SIZE = 65536
# A close that is a reset.
_AT_ONCE = struct.pack("ii", 1, 0)
# What a server without TLS says to a client that speaks it.
_PLAIN = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


class Gate:
    """One port. opened: when connections came, by the monotonic clock."""

    def __init__(self, name: str, target: int, chance: random.Random) -> None:
        self.name, self.target, self.chance = name, target, chance
        self.treat: Treat = passed_on
        self.opened: list[float] = []
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, listener: socket.socket) -> None:
        """Serve this bound socket."""
        self.port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._serve, sock=listener)

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def cut(self) -> None:
        """Reset every connection."""
        for writer in list(self._writers):
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened.append(time.monotonic())
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError):
                await self.treat(self, reader, writer)
        finally:
            self._writers.discard(writer)
            writer.close()

    async def through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: Pump, up: Pump) -> None:
        """Connect to what is behind, and pump until either end closes."""
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        ways = [asyncio.ensure_future(up(reader, far_writer)), asyncio.ensure_future(back(far_reader, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            far_writer.close()


Treat = Callable[[Gate, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Pump = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _reset(writer: asyncio.StreamWriter) -> None:
    found = writer.get_extra_info("socket")
    if found is not None and not writer.transport.is_closing():
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(SIZE):
        writer.write(data)
        await writer.drain()


async def passed_on(gate: Gate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As if there were no gate."""
    await gate.through(reader, writer, _pump, _pump)


async def silent(gate: Gate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take the connection and whatever is sent, and never answer."""
    while await reader.read(SIZE):
        pass


async def reset(gate: Gate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset it as soon as something is said."""
    await reader.read(1)
    _reset(writer)


async def without_tls(gate: Gate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a TLS client in plain words."""
    await reader.read(1)
    writer.write(_PLAIN)
    await writer.drain()


async def dripping(gate: Gate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass the answer on with one byte a second."""

    async def drip(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(1):
            sink.write(data)
            await asyncio.sleep(1)

    await gate.through(reader, writer, drip, _pump)


async def torn(gate: Gate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset it somewhere in the answer: in the handshake, in a head or in a body."""
    left = gate.chance.randrange(1, 4000)

    async def tear(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        nonlocal left
        while left > 0 and (data := await source.read(left)):
            left -= len(data)
            sink.write(data)
            await sink.drain()
        _reset(writer)

    await gate.through(reader, writer, tear, _pump)


async def flapping(gate: Gate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Every other connection is reset at once, the others after a moment."""
    if gate.chance.random() < 0.5:
        await reset(gate, reader, writer)
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(gate.chance.uniform(0.05, 2)):
            await passed_on(gate, reader, writer)
    _reset(writer)


async def far_away(gate: Gate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A round trip of 300 ms, on which 2 % of what is sent comes after a retransmission: what TCP makes of a loss."""

    async def delay(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(SIZE):
            await asyncio.sleep(0.15)
            while gate.chance.random() < 0.02:
                await asyncio.sleep(0.5)
            sink.write(data)
            await sink.drain()

    await gate.through(reader, writer, delay, delay)


class Loop:
    """An event loop in a thread of its own, behind plain calls."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda *_: None)  # connections break here all the time
        self._thread = threading.Thread(target=self._loop.run_forever, name="gates", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it there and return what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def stop(self) -> None:
        """End it, and what still runs in it."""
        self.run(self._cancel())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _cancel(self) -> None:
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
