"""Requests to servers that are reached through a proxy: aiohttp knows how."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable

import aiohttp
from aiohttp.abc import AbstractResolver, AbstractStreamWriter, ResolveResult
from yarl import URL

from clusters.drivers.base import OutOfTime, Unreachable, write_until
from clusters.drivers.kubernetes.connection import Answer, BrokenOff, NoHttp, TooLong
from clusters.drivers.kubernetes.names import addresses
from clusters.drivers.kubernetes.silence import silence
from otestack.sentences import say


class _Resolver(AbstractResolver):
    """Resolves names as direct connections do: aiohttp's own way shares the event loop's two threads."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return a name's addresses."""
        return [
            ResolveResult(
                hostname=host, host=at[0], port=port, family=kind, proto=protocol, flags=socket.AI_NUMERICHOST
            )
            for kind, _, protocol, _, at in await addresses(host)
            if family in {socket.AF_UNSPEC, kind}
        ]

    async def close(self) -> None:
        """Nothing to give back."""


def session(idle_seconds: float) -> aiohttp.ClientSession:
    """Return the pool of connections to all such clusters of this process. Call inside the event loop."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=idle_seconds,
            enable_cleanup_closed=False,
            use_dns_cache=True,
            resolver=_Resolver(),
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        raise_for_status=False,
        skip_auto_headers=("Accept", "User-Agent", "Content-Type"),
    )


class _Timely(aiohttp.BytesPayload):
    """A body that is not sent once its pass may no longer write.

    Looked at last of all: a worker may have stood still while it waited for its turn or for the connection.
    """

    def __init__(self, body: bytes, until: float) -> None:
        super().__init__(body)
        self._until = until

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        if time.monotonic() > self._until:
            raise OSError("too late to write")
        await super().write_with_length(writer, content_length)


class Proxied:
    """As direct.Direct, through a proxy. session: returns the pool; clients are made outside of the event loop too."""

    def __init__(
        self,
        server: str,
        *,
        session: Callable[[], aiohttp.ClientSession],
        tls: ssl.SSLContext | None,
        tls_name: str,
        proxy: str,
        headers: dict[str, str],
        connect_seconds: float,
        limit: int,
    ) -> None:
        self._base = server.rstrip("/")
        self._session = session
        self._tls = tls or False
        self._tls_name = tls_name or None
        self._proxy = proxy
        self._headers = headers
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds)
        self._limit = limit

    async def exchange(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes | None) -> Answer:
        """Return the answer; see Direct.exchange. Raises Unreachable as well."""
        until = write_until.get()
        try:
            async with self._session().request(
                method,
                URL(self._base + path + ("?" + query if query else ""), encoded=True),
                data=None if body is None else _Timely(body, until),
                headers=self._headers | headers,
                timeout=self._timeout,
                allow_redirects=False,
                ssl=self._tls,
                server_hostname=self._tls_name,
                proxy=self._proxy,
            ) as response:
                return Answer(response.status, await self._read(response), response.headers.get("Retry-After", ""))
        except (aiohttp.ClientError, OSError) as error:
            if body is not None and time.monotonic() > until:
                raise OutOfTime from None
            if isinstance(error, aiohttp.ClientError) and not isinstance(error, TimeoutError):
                raise Unreachable(_silence(error)) from error
            raise

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > self._limit:
                response.close()
                raise TooLong
            chunks.append(chunk)
        return b"".join(chunks)


def _silence(error: aiohttp.ClientError) -> str:
    """Return what went wrong, in the words for connections of our own where it is the same."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return say("its name cannot be resolved")
        case aiohttp.ClientConnectorCertificateError():
            return silence(error.certificate_error)
        case aiohttp.ClientProxyConnectionError():
            return say("its proxy cannot be reached: %(cause)s", cause=silence(error.os_error))
        case aiohttp.ClientHttpProxyError():
            return say("its proxy answered %(status)s", status=error.status)
        case aiohttp.ClientConnectorError():
            return silence(error.os_error)
        case aiohttp.ClientPayloadError():
            return silence(BrokenOff(begun=True))
        case aiohttp.ClientResponseError():
            return silence(NoHttp())
        case aiohttp.ServerDisconnectedError():
            return silence(BrokenOff(begun=False))
        case _:
            return silence(error)
