"""One cluster's HTTP: bounded requests over the process's shared pool of connections.

Contexts and parsed credentials are built once per cluster and process; connections that stay idle are closed.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import resource
import ssl
import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec
import orjson

from clusters.drivers.base import EdgeError, Foreign, Hopeless, Unreachable
from clusters.drivers.kubernetes import wire
from clusters.drivers.kubernetes.connection import TooLong
from clusters.drivers.kubernetes.direct import Direct, Idle, lines
from clusters.drivers.kubernetes.kubeconfig import Credentials
from clusters.drivers.kubernetes.silence import silence
from clusters.drivers.kubernetes.wire import one_line
from otestack.sentences import say

if TYPE_CHECKING:
    import aiohttp

    from clusters.drivers.kubernetes.proxied import Proxied

USER_AGENT = "otestack"

# Characters of a refusal that are shown, and that are looked at for them.
SHOWN = 300
_LOOKED_AT = wire.LOOKED_AT * SHOWN

# Requests to one cluster at a time. A TLS handshake costs more than ten requests on an open connection, and an edge's
# API server is small: one connection serves nearly all its work, a second keeps a slow list from holding up the rest.
SIDE_BY_SIDE = 2

# Files that idle connections leave to what is in use, to the database and to all else.
SPARE_FILES = 2000

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


class Pool:
    """The open connections of all clusters of this process. Make it inside the event loop, and close it at the end."""

    def __init__(self, idle_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.idle = Idle(idle_seconds, most=max(files // 2, files - SPARE_FILES))
        self._proxied: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Pool:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def proxied(self, server: str, **options: Any) -> Proxied:
        """Return the way to a server behind a proxy; see Proxied."""
        from clusters.drivers.kubernetes.proxied import Proxied, session  # aiohttp is large, and few servers need it

        def shared() -> aiohttp.ClientSession:
            if self._proxied is None:
                self._proxied = session(self._idle_seconds)
            return self._proxied

        return Proxied(server, session=shared, **options)

    async def close(self) -> None:
        """Close every connection that nobody uses."""
        self.idle.close()
        if self._proxied is not None:
            await self._proxied.close()


def tls_context(credentials: Credentials) -> ssl.SSLContext | None:
    """Return the TLS context of a cluster: its own CA, its client certificate, nothing of this host's."""
    if credentials.server.startswith("http://"):
        return None
    if not credentials.client_cert_pem:
        return _shared_context(credentials.ca_pem, insecure=credentials.insecure_skip_tls_verify)
    context = _context(credentials.ca_pem, insecure=credentials.insecure_skip_tls_verify)
    # OpenSSL reads a key from a file only; this one is ours alone and gone at once.
    with tempfile.NamedTemporaryFile(prefix="otestack-", suffix=".pem") as file:
        file.write((credentials.client_cert_pem + "\n" + credentials.client_key_pem).encode())
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _context(ca_pem: str, *, insecure: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # a server could ask for one handshake after the other
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca_pem:
        context.load_verify_locations(cadata=ca_pem)
    else:
        context.load_default_certs()
    return context


# Clusters of one authority share its context: to build one costs a third of a handshake.
_shared_context = lru_cache(maxsize=256)(_context)


class Client:
    """Requests to one API server. Raises EdgeError and its subclasses only."""

    def __init__(self, credentials: Credentials, pool: Pool, limits: Limits, cluster: str = "") -> None:
        self.cluster = cluster or say("this cluster")
        self.limits = limits
        self._turn = asyncio.Semaphore(SIDE_BY_SIDE)
        # A kilobyte, of which each of thousands of clients keeps one.
        self._token = credentials.token
        lines(self._login())  # what is no header line is of no use in any request
        common: dict[str, Any] = {
            "tls": tls_context(credentials),
            "tls_name": credentials.tls_server_name,
            "headers": {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"},
            "connect_seconds": limits.request / 2,
            "limit": limits.answer_bytes,
        }
        self._carrier: Direct | Proxied
        if credentials.proxy_url:
            self._carrier = pool.proxied(credentials.server, proxy=credentials.proxy_url, **common)
        else:
            self._carrier = Direct(credentials.server, idle=pool.idle, **common)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | str = "",
        body: bytes | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> tuple[int, bytes]:
        """Return status and body of a 2xx answer. query: as text it is encoded already.

        Raises OutOfTime where the pass may no longer write, Unreachable without an answer, Foreign on a field manager's
        conflict, Hopeless where the same request cannot ever succeed, else EdgeError.
        """
        headers = {"Accept": accept} | self._login()
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            async with self._turn, asyncio.timeout(self.limits.request):
                target = quote(path, safe="/")  # names in it are what an edge calls its nodes and pods
                encoded = query if isinstance(query, str) else urlencode(query)
                answer = await self._carrier.exchange(method, target, encoded, headers, body)
        except TimeoutError as error:
            raise Unreachable(say("no answer within %(request)s s", request=f"{self.limits.request:g}")) from error
        except TooLong as error:
            raise EdgeError(say("its answer is longer than %(limit)s bytes", limit=self.limits.answer_bytes)) from error
        except (OSError, ValueError) as error:
            raise Unreachable(silence(error)) from error
        if 200 <= answer.status < 300:
            return answer.status, answer.body
        raise _refusal(answer.status, answer.body, answer.retry_after, self._hidden(body), self.cluster)

    def _login(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

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


def masked(text: str, hidden: Iterable[str], most: int) -> str:
    """Return the first `most` characters of a text without what must stay hidden, not even its beginning at the end.

    Shorter than four characters is no secret that could be found.
    """
    shown, end = [], 0
    for start, stop in sorted(_places(text, hidden, most)):
        if start >= end:  # else it lies in another, or goes on where that one ends
            shown += [text[end:start], "***"]
        end = max(end, stop)
    return "".join([*shown, text[end:most]])


def _places(text: str, hidden: Iterable[str], most: int) -> Iterator[tuple[int, int]]:
    """Where secrets are that begin within the first `most` characters, wherever they end."""
    for secret in hidden:
        if len(secret) < 4:
            continue
        start = text.find(secret, 0, most + len(secret) - 1)
        while start >= 0:
            stop = start + len(secret)
            yield start, stop
            start = text.find(secret, stop, most + len(secret) - 1)


def _refusal(
    status: int, raw: bytes, retry_after: str, hidden: Collection[str] = (), cluster: str = say("this cluster")
) -> EdgeError:
    try:
        failure = wire.decode_failure(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        failure = wire.Failure()
    said = one_line(masked(failure.message or _beginning(raw, hidden), hidden, _LOOKED_AT), SHOWN)
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


def _beginning(raw: bytes, hidden: Iterable[str]) -> str:
    """Return as much of an answer that is no Status as is looked at, with room for a secret that begins within it."""
    room = max(map(len, hidden), default=0)
    return raw[: 4 * (_LOOKED_AT + room)].decode(errors="replace")  # UTF-8 takes up to four bytes for a character


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
