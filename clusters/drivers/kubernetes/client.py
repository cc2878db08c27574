"""One cluster's HTTP: bounded requests over the process's shared connection pool.

Contexts and parsed credentials are built once per cluster and process; the pool closes idle connections.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import ssl
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
import orjson
from aiohttp.abc import AbstractStreamWriter

from clusters.drivers.base import EdgeError, Foreign, Hopeless, OutOfTime, Unreachable, write_until
from clusters.drivers.kubernetes import wire
from clusters.drivers.kubernetes.kubeconfig import Credentials
from clusters.drivers.kubernetes.silence import silence
from clusters.drivers.kubernetes.wire import one_line
from otestack.sentences import say

USER_AGENT = "otestack"

# Requests to one cluster at a time. A TLS handshake costs more than ten requests on an open connection, and an edge's
# API server is small: one connection serves nearly all its work, a second keeps a slow list from holding up the rest.
SIDE_BY_SIDE = 2


# How an API server says that its authorizer refused; what admission refuses is a 403 in other words.
_MAY_NOT = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)


class NoApi(EdgeError):
    """The server has no such API at all: 404 without an object, or a namespace, that is missing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """request: seconds a request may take, half of it to connect. answer_bytes: of one answer, unpacked."""

    request: float
    answer_bytes: int


def pool(idle_seconds: float) -> aiohttp.ClientSession:
    """Return the connection pool that all clusters of this process share. Call inside the event loop."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0, keepalive_timeout=idle_seconds, enable_cleanup_closed=False, use_dns_cache=True
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        raise_for_status=False,
        skip_auto_headers=("Accept", "User-Agent", "Content-Type"),
    )


def tls_context(credentials: Credentials) -> ssl.SSLContext | bool:
    """Return the TLS context of a cluster: its own CA, its client certificate, nothing of this host's."""
    if credentials.server.startswith("http://"):
        return False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if credentials.insecure_skip_tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif credentials.ca_pem:
        context.load_verify_locations(cadata=credentials.ca_pem)
    else:
        context.load_default_certs()
    if credentials.client_cert_pem:
        # OpenSSL reads a key from a file only; this one is ours alone and gone at once.
        with tempfile.NamedTemporaryFile(prefix="otestack-", suffix=".pem") as file:
            file.write((credentials.client_cert_pem + "\n" + credentials.client_key_pem).encode())
            file.flush()
            context.load_cert_chain(file.name)
    return context


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


class Client:
    """Requests to one API server. Raises EdgeError and its subclasses only."""

    def __init__(
        self, credentials: Credentials, session: aiohttp.ClientSession, limits: Limits, cluster: str = ""
    ) -> None:
        self.cluster = cluster or say("this cluster")
        self._base = credentials.server.rstrip("/")
        self._session = session
        self._limits = limits
        self._turn = asyncio.Semaphore(SIDE_BY_SIDE)
        self._timeout = aiohttp.ClientTimeout(total=limits.request, sock_connect=limits.request / 2)
        self._headers = {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip"}
        self._token = credentials.token
        if credentials.token:
            self._headers["Authorization"] = f"Bearer {credentials.token}"
        self._options: dict[str, Any] = {"ssl": tls_context(credentials), "allow_redirects": False}
        if credentials.tls_server_name:
            self._options["server_hostname"] = credentials.tls_server_name
        if credentials.proxy_url:
            self._options["proxy"] = credentials.proxy_url

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = "application/json",
        accept: str = "",
    ) -> tuple[int, bytes]:
        """Return status and body of a 2xx answer.

        Raises OutOfTime where the pass may no longer write, Unreachable without an answer, Foreign on a field manager's
        conflict, Hopeless where the same request cannot ever succeed, else EdgeError.
        """
        headers = dict(self._headers)
        if accept:
            headers["Accept"] = accept
        if body is not None:
            headers["Content-Type"] = content_type
        until = write_until.get()
        sent = None if body is None else _Timely(body, until)
        try:
            async with (
                self._turn,
                self._session.request(
                    method,
                    self._base + path,
                    params=query,
                    data=sent,
                    headers=headers,
                    timeout=self._timeout,
                    **self._options,
                ) as response,
            ):
                raw = await self._read(response)
                if 200 <= response.status < 300:
                    return response.status, raw
                retry_after = response.headers.get("Retry-After", "")
                raise _refusal(response.status, raw, retry_after, self._hidden(body), self.cluster)
        except EdgeError:
            raise
        except TimeoutError as error:
            raise Unreachable(say("no answer within %(request)s s", request=f"{self._limits.request:g}")) from error
        except (aiohttp.ClientError, OSError, ssl.SSLError, ValueError) as error:
            if sent is not None and time.monotonic() > until:
                raise OutOfTime from error
            raise Unreachable(silence(error)) from error

    def _hidden(self, body: bytes | None) -> set[str]:
        """What an edge must not tell anybody: what we log in with, and the values of a Secret that we sent."""
        hidden = {self._token} if self._token else set()
        if body is None or b'"Secret"' not in body:
            return hidden
        document = orjson.loads(body)
        if document.get("kind") == "Secret":
            for value in [*(document.get("data") or {}).values(), *(document.get("stringData") or {}).values()]:
                hidden |= {value, *_decoded(value)}
        return hidden

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        limit = self._limits.answer_bytes
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > limit:
                response.close()
                raise EdgeError(say("its answer is longer than %(limit)s bytes", limit=limit))
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _decoded(value: str) -> list[str]:
    """Return the text behind a Secret's base64, and the strings in it if it is JSON, as a pull secret's is."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except ValueError:
        return []
    found = [text]
    with contextlib.suppress(ValueError):
        todo = [orjson.loads(text)]
        while todo:
            item = todo.pop()
            if isinstance(item, str):
                found.append(item)
            elif isinstance(item, dict):
                todo += item.values()
    return found


def masked(text: str, hidden: Iterable[str]) -> str:
    """Return a text without what must stay hidden. Shorter than four characters is no secret that could be found."""
    for secret in sorted(hidden, key=len, reverse=True):
        if len(secret) >= 4:
            text = text.replace(secret, "***")
    return text


def _refusal(
    status: int, raw: bytes, retry_after: str, hidden: Iterable[str] = (), cluster: str = say("this cluster")
) -> EdgeError:
    try:
        failure = wire.decode_failure(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        failure = wire.Failure()
    said = one_line(masked(failure.message or raw[:2000].decode(errors="replace"), hidden))
    if status == 403 and (missing := _MAY_NOT.search(said)):
        said = _missing_right(missing, cluster)
    text = (
        say("answered %(status)s: %(said)s", status=status, said=said)
        if said
        else say("answered %(status)s", status=status)
    )
    if status == 404 and (not failure.reason or said.startswith("the server could not find the requested resource")):
        return NoApi(text, status=status)
    causes = (failure.details or {}).get("causes")
    causes = causes if isinstance(causes, list) else []
    if status == 409 and any(isinstance(c, dict) and c.get("reason") == "FieldManagerConflict" for c in causes):
        return Foreign(text, status=status)
    if status == 409 and failure.reason == "AlreadyExists":
        return Foreign(text, status=status)
    if status in {400, 405, 413, 415, 422}:
        return Hopeless(text, status=status)
    wait = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
    return EdgeError(text, status=status, retry_after=min(wait, 300.0))


def _missing_right(missing: re.Match[str], cluster: str) -> str:
    what = ".".join(part for part in (missing["resource"], missing["group"]) if part)
    values = {"cluster": cluster, "verb": missing["verb"], "what": what}
    if not missing["namespace"]:
        return say("the credentials of %(cluster)s may not %(verb)s %(what)s", **values)
    return say(
        "the credentials of %(cluster)s may not %(verb)s %(what)s in namespace %(namespace)s",
        **values,
        namespace=missing["namespace"],
    )
