"""The HTTPS listener: /clusters/NAME/... and /control."""

import asyncio
import gzip
import logging
import ssl
from collections.abc import Callable
from typing import Any

from aiohttp import web

from . import faults
from .api import describing, paths, resources, status, tables
from .api.answers import Answer, error_answer, plain, typed
from .api.bodies import media_type
from .api.watching import Watch
from .cluster import Cluster

logger = logging.getLogger(__name__)

# Kubernetes refuses larger bodies.
BODY_LIMIT = 3 * 1024 * 1024
# Smaller answers are not worth compressing, as in Kubernetes.
GZIP_FROM = 128 * 1024
HEALTH = frozenset({"healthz", "livez", "readyz"})

Find = Callable[[str], Cluster | None]
Control = Callable[[web.BaseRequest, bytes], Answer]


class EdgeServer:
    """Serves every cluster that `find` knows from one port."""

    def __init__(self, find: Find, control: Control) -> None:
        self.latency = 0.0
        self._find = find
        self._control = control
        self._web: web.Server | None = None
        self._listener: asyncio.Server | None = None
        self._watches: set[asyncio.Task[Any]] = set()

    async def start(self, host: str, port: int, tls: ssl.SSLContext) -> int:
        """Listen; returns the port."""
        loop = asyncio.get_running_loop()
        self._web = web.Server(self._handle, access_log=None, keepalive_timeout=300)
        self._listener = await loop.create_server(self._web, host, port, ssl=tls, backlog=1024)
        return int(self._listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the listener and end watches."""
        if self._listener:
            self._listener.close()
        for task in list(self._watches):
            task.cancel()
        if self._web:
            await self._web.shutdown(timeout=1.0)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        parts = request.path.split("/")
        if len(parts) > 2 and parts[1] == "clusters":
            cluster = self._find(parts[2])
            if cluster is None:
                return _response(request, plain("404 page not found\n", 404))
            return await self._serve(request, cluster, [part for part in parts[3:] if part])
        if parts[1] == "control":
            return _response(request, self._control(request, await request.read()))
        return _response(request, plain("404 page not found\n", 404))

    async def _serve(self, request: web.BaseRequest, cluster: Cluster, parts: list[str]) -> web.StreamResponse:
        if self.latency:
            await asyncio.sleep(self.latency)
        if cluster.away:
            await _stay_silent(request, cluster)
        try:
            length = request.content_length or 0
            if length > BODY_LIMIT:
                raise status.too_large(BODY_LIMIT)
            body = await _read(request) if request.body_exists else b""
            if parts and parts[0] in HEALTH:
                return _response(request, plain("ok"))
            if request.headers.get("Authorization") != f"Bearer {cluster.token}":
                raise status.unauthorized()
            target = paths.parse(parts) if parts else None
            kind = target.kind.name if target else ""
            cluster.requests[request.method, kind] += 1
            if cluster.faults:
                faults.take(cluster.faults, request.method, kind, target.name if target else "")
            if target is None:
                return _response(
                    request, describing.describe(request.method, cluster.name, parts, request.headers.get("Accept", ""))
                )
            if request.method == "GET" and request.query.get("watch") in ("1", "true"):
                return await self._watch(request, cluster, target)
            call = resources.Call(
                request.method,
                request.query,
                request.headers.get("Accept", ""),
                media_type(request.headers.get("Content-Type", "")),
                request.headers.get("User-Agent", ""),
                body,
            )
            return _response(request, resources.handle(cluster, target, call))
        except status.ApiError as error:
            return _response(request, error_answer(error))
        except Exception:
            logger.exception("The simulated edge failed at %s %s", request.method, request.path)
            return _response(request, error_answer(status.ApiError(500, "InternalError", "internal error")))

    async def _watch(self, request: web.BaseRequest, cluster: Cluster, target: paths.Target) -> web.StreamResponse:
        watch = Watch(cluster, target.kind, target.namespace, target.name, request.query)
        form = tables.negotiate(request.headers.get("Accept", ""))
        render = tables.event_object(target.kind, form, request.query.get("includeObject", "Metadata"))
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
        )
        response.enable_chunked_encoding()
        await response.prepare(request)
        task = asyncio.current_task()
        if task:
            self._watches.add(task)
        first = True
        try:
            async for event in watch.events():
                if cluster.away:
                    await _stay_silent(request, cluster)
                if event is None:
                    await response.write(watch.bookmark() + b"\n")
                    continue
                kind, stored = event
                body = render(stored.read(), first) if form else typed(target.kind, stored.data)
                first = False
                await response.write(b'{"type":"%b","object":%b}\n' % (kind.encode(), body))
            await response.write_eof()
        except (ConnectionError, asyncio.CancelledError):
            if request.transport:
                request.transport.close()
        finally:
            if task:
                self._watches.discard(task)
        return response


async def _read(request: web.BaseRequest) -> bytes:
    """The body, refused as soon as it is too large."""
    chunks, size = [], 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > BODY_LIMIT:
            raise status.too_large(BODY_LIMIT)
        chunks.append(chunk)
    return b"".join(chunks)


async def _stay_silent(request: web.BaseRequest, cluster: Cluster) -> None:
    """Cut the connection, or hold it without an answer until the cluster is back, then cut it."""
    if cluster.away == "hang":
        if cluster.away_changed is None:
            cluster.away_changed = asyncio.Event()
        await cluster.away_changed.wait()
    if request.transport:
        request.transport.abort()
    raise asyncio.CancelledError


def _response(request: web.BaseRequest, answer: Answer) -> web.Response:
    headers = {"Content-Type": answer.content_type, "Cache-Control": "no-cache, private"} | answer.headers
    body = answer.body
    if len(body) > GZIP_FROM and "gzip" in request.headers.get("Accept-Encoding", ""):
        body = gzip.compress(body, compresslevel=1)
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return web.Response(body=body, status=answer.code, headers=headers)
