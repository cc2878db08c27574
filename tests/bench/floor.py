"""The floor: what it costs at the least to send these bytes to these servers and to read the answers. Stores nothing.

python -m tests.bench.floor, with the work as JSON on standard input: clusters (host, port, path, token), CA, and rounds
of requests (method, path, body) that go to every cluster in order, over one connection each that stays open between
the rounds. Prints for each round its wall time and the CPU of this process, in seconds.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import ssl
import sys
import time
from typing import Any

import uvloop


class Client(asyncio.Protocol):
    """One connection to one cluster."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._buffer = b""
        self._answered: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error or ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self._buffer.lower().find(b"content-length: ", 0, end)
        length = int(self._buffer[at + 16 : self._buffer.find(b"\r", at)])
        if len(self._buffer) < end + 4 + length:
            return
        status = int(self._buffer[9:12])
        self._buffer = self._buffer[end + 4 + length :]
        if self._answered is not None:
            self._answered.set_result(status)

    async def send(self, request: bytes) -> None:
        """Send one request and wait for its answer. Raises ConnectionError when it is no success."""
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        status = await self._answered
        if not 200 <= status < 300:
            raise ConnectionError(f"answered {status}")


class Floor:
    """All clusters, so many at a time."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        self._places = wanted["clusters"]
        self._side_by_side = wanted["side_by_side"]
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.load_verify_locations(cadata=wanted["ca"])
        self._clients: list[Client | None] = [None] * len(self._places)

    async def round(self, requests: list[dict[str, str]]) -> dict[str, float]:
        """Send these to every cluster; return wall and CPU seconds."""
        raw = [self._bytes(place, requests) for place in self._places]
        waiting = iter(range(len(self._places)))
        began, cpu = time.monotonic(), time.process_time()
        workers = [self._work(waiting, raw) for _ in range(self._side_by_side)]
        await asyncio.gather(*workers)
        return {"wall": time.monotonic() - began, "cpu": time.process_time() - cpu}

    async def _work(self, waiting: Any, raw: list[list[bytes]]) -> None:
        loop = asyncio.get_running_loop()
        for number in waiting:
            client = self._clients[number]
            if client is None:
                place = self._places[number]
                _, client = await loop.create_connection(
                    Client, place["host"], place["port"], ssl=self._context, server_hostname=place["host"]
                )
                self._clients[number] = client
            for request in raw[number]:
                await client.send(request)

    @staticmethod
    def _bytes(place: dict[str, Any], requests: list[dict[str, str]]) -> list[bytes]:
        """Built beforehand: they are the same for every cluster but for its path and token."""
        return [
            (
                f"{one['method']} {place['path']}{one['path']} HTTP/1.1\r\nHost: {place['host']}:{place['port']}\r\n"
                f"Authorization: Bearer {place['token']}\r\nAccept: application/json\r\nUser-Agent: floor\r\n"
                f"Content-Type: {one['content_type']}\r\nContent-Length: {len(one['body'].encode())}\r\n\r\n"
                f"{one['body']}"
            ).encode()
            for one in requests
        ]


async def main(wanted: dict[str, Any]) -> None:
    floor = Floor(wanted)
    for requests in wanted["rounds"]:
        print(json.dumps(await floor.round(requests)), flush=True)
    print(json.dumps({"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


if __name__ == "__main__":
    work = json.load(sys.stdin)
    gc.freeze()
    uvloop.run(main(work))
