"""Who is at work in this thread, from where: what the audit trail and the log lines say of it.

Set in one place for each way in: the middleware below for requests, otestack.management.base for commands,
`as_engine` for the engine. Whoever comes in any other way is somebody at this machine's Python, as a command is.
"""

from __future__ import annotations

import getpass
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.core.signals import request_finished
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase

P = ParamSpec("P")
R = TypeVar("R")

API, OFFICE, COMMAND, ENGINE = "api", "back-office", "command", "engine"

HEADER = "X-Request-ID"
# What a client may call its request: short, and nothing that means something in a log, a header or a page.
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Caller:
    """channel: the way in. name: of an operator of this machine, or of the engine; a request knows its user itself."""

    channel: str
    name: str = ""
    address: str = ""
    request_id: str = ""
    request: HttpRequest | None = None

    def actor(self) -> tuple[int | None, str]:
        """Return the id and the name of who is at work; nothing for a request without a user."""
        user = getattr(self.request, "user", None)
        if self.request is None or user is None:
            return None, self.name
        return user.pk, user.get_username()


_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


def current() -> Caller:
    """Return who is at work."""
    return _caller.get() or Caller(COMMAND, operator())


def request_id() -> str:
    """Return the id of what is being worked on; empty when nothing has one."""
    caller = _caller.get()
    return caller.request_id if caller else ""


@lru_cache(maxsize=1)
def operator() -> str:
    """Return the user of this machine that this process runs as."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in a container
        return "unknown"


def new_id() -> str:
    """Return an id that nobody has used."""
    return secrets.token_hex(16)


@contextmanager
def working(caller: Caller) -> Iterator[None]:
    """Let `caller` be who is at work."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


def as_engine(work: Callable[P, R]) -> Callable[P, R]:
    """Return `work`, done by the engine whoever calls it."""

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with working(Caller(ENGINE, ENGINE, request_id=request_id() or new_id())):
            return work(*args, **kwargs)

    return run


def client_address(request: HttpRequest) -> str:
    """Return the client's address; what X-Forwarded-For says counts only behind OTE_TRUSTED_PROXIES proxies.

    Each trusted proxy appends the address that it was called from, so with n of them ours is the n-th from the right;
    whatever stands left of it was written by the client.
    """
    peer: str = request.META.get("REMOTE_ADDR", "")
    count: int = settings.OTE_TRUSTED_PROXIES
    if not count:
        return peer
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    return hops[-count] if len(hops) >= count else peer


@receiver(request_finished, dispatch_uid="otestack.caller")
def _forget(**_: Any) -> None:
    """Nobody is at work in this thread until the next request."""
    _caller.set(None)


class CallerMiddleware:
    """Says who sent a request, gives it an id unless it brings one, and returns that with the answer.

    It is said until the answer is sent and closed: Django still logs behind the middleware, and streams still read.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request."""
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        number = given if _REQUEST_ID.fullmatch(given) else new_id()
        channel = OFFICE if request.path_info.startswith("/admin") else API
        _caller.set(Caller(channel, address=client_address(request), request_id=number, request=request))
        response = self.get_response(request)
        response.headers[HEADER] = number
        return response
