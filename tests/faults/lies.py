"""API servers that say something else than what is true, with the certificate that is expected or with another one."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import ssl
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import aiohttp
from aiohttp import web

from tests.clusters.pki import Pair

_TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?=(\.\d+)?Z)")
# Clients leave in the middle of lies all the time.
_UNHEARD = logging.getLogger("tests.faults.lies")
_UNHEARD.disabled = True
_SENT_ON = ("Authorization", "Content-Type", "Accept")


@dataclass(frozen=True)
class Truth:
    """What the simulated cluster answers."""

    status: int
    body: bytes
    media: str


@dataclass(frozen=True)
class Asked:
    """A request to a cluster that lies. at: by the monotonic clock."""

    at: float
    method: str
    path: str


Tell = Callable[[], Awaitable[Truth]]
Lie = Callable[[web.BaseRequest, Tell], Awaitable[web.StreamResponse]]


class Liar:
    """Serves any number of clusters from one port, by the name in the path."""

    def __init__(self, simulator: int, ca_file: str) -> None:
        self.lies: dict[str, Lie] = {}
        self.asked: dict[str, list[Asked]] = defaultdict(list)
        self._ca_file, self._simulator = ca_file, simulator
        self._session: aiohttp.ClientSession | None = None
        self._server: web.Server | None = None
        self._listeners: list[asyncio.Server] = []

    async def listen(self, tls: ssl.SSLContext) -> int:
        """Return the port on which it serves with this certificate."""
        if self._server is None:
            connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=self._ca_file), limit=0)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=True)
            self._server = web.Server(self._serve, access_log=None, logger=_UNHEARD)
        listener = await asyncio.get_running_loop().create_server(self._server, "127.0.0.1", 0, ssl=tls)
        self._listeners.append(listener)
        return int(listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close everything."""
        for listener in self._listeners:
            listener.close()
        if self._server is not None and self._session is not None:
            await self._server.shutdown(timeout=0.1)
            await self._session.close()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        name = request.path.split("/")[2]
        self.asked[name].append(Asked(time.monotonic(), request.method, request.path))
        body = await request.read()

        async def truth() -> Truth:
            assert self._session is not None
            headers = {key: request.headers[key] for key in _SENT_ON if key in request.headers}
            url = f"https://127.0.0.1:{self._simulator}{request.path_qs}"
            async with self._session.request(request.method, url, data=body or None, headers=headers) as answer:
                return Truth(answer.status, await answer.read(), answer.headers["Content-Type"])

        return await self.lies.get(name, honest)(request, truth)


def presenting(pair: Pair, folder: Any) -> ssl.SSLContext:
    """Return the context of a server with this certificate."""
    file = folder / "presented.pem"
    file.write_bytes(pair.cert + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    file.unlink()
    return context


def _response(found: Truth, **headers: str) -> web.Response:
    return web.Response(status=found.status, body=found.body, headers={"Content-Type": found.media, **headers})


def _failure(status: int, reason: str, message: str, **headers: str) -> web.Response:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
    body |= {"code": status, "reason": reason, "message": message}
    return web.json_response(body, status=status, headers=headers)


def _is_list(request: web.BaseRequest) -> bool:
    return request.method == "GET" and "limit" in request.query


async def honest(request: web.BaseRequest, truth: Tell) -> web.StreamResponse:
    """Pass it on."""
    return _response(await truth())


def always(status: int, reason: str, message: str, **headers: str) -> Lie:
    """Answer everything with this failure."""

    async def answer(request: web.BaseRequest, truth: Tell) -> web.StreamResponse:
        return _failure(status, reason, message, **{name.replace("_", "-"): value for name, value in headers.items()})

    return answer


async def page_of_a_proxy(request: web.BaseRequest, truth: Tell) -> web.StreamResponse:
    """A 500 in HTML."""
    return web.Response(status=500, text="<html><h1>Whoops</h1>\n\n</html>", content_type="text/html")


async def no_json(request: web.BaseRequest, truth: Tell) -> web.StreamResponse:
    """A 200 whose body ends too early."""
    found = await truth()
    return _response(Truth(200, found.body[: len(found.body) // 2], found.media))


async def endless_pages(request: web.BaseRequest, truth: Tell) -> web.StreamResponse:
    """There is always one more page, the same."""
    if not _is_list(request):
        return _response(await truth())
    items = json.loads((await truth()).body).get("items") or []
    body = {"kind": "List", "apiVersion": "v1", "metadata": {"continue": "bW9yZQ"}, "items": items[:1]}
    return web.json_response(body)


async def endless_body(request: web.BaseRequest, truth: Tell) -> web.StreamResponse:
    """A list whose items come and come."""
    if not _is_list(request):
        return _response(await truth())
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(b'{"kind":"List","metadata":{},"items":[{"metadata":{"name":"x"}}')
    while True:
        await response.write(b',{"metadata":{"name":"x"}}' * 2000)
        # Writing alone waits for nothing once the client is gone, and nobody else would have a turn to notice.
        await asyncio.sleep(0)


async def drips(request: web.BaseRequest, truth: Tell) -> web.StreamResponse:
    """The head at once, then one byte a second."""
    found = await truth()
    response = web.StreamResponse(status=found.status, headers={"Content-Type": found.media})
    response.content_length = len(found.body)
    await response.prepare(request)
    for number in range(len(found.body)):
        await response.write(found.body[number : number + 1])
        await asyncio.sleep(1)
    return response


async def expired_pages(request: web.BaseRequest, truth: Tell) -> web.StreamResponse:
    """The first page is good; by then its token for the next is too old."""
    if "continue" in request.query:
        return _failure(410, "Expired", "The provided continue parameter is too old to display a consistent list.")
    return _response(await truth())


def clock(hours: float) -> Lie:
    """The cluster's clock is so much ahead: every time that it tells."""
    shift = timedelta(hours=hours)

    def later(match: re.Match[bytes]) -> bytes:
        return (datetime.fromisoformat(match[0].decode()) + shift).isoformat().encode()

    async def answer(request: web.BaseRequest, truth: Tell) -> web.StreamResponse:
        found = await truth()
        date = format_datetime(datetime.now(UTC) + shift, usegmt=True)
        return _response(Truth(found.status, _TIME.sub(later, found.body), found.media), Date=date)

    return answer
