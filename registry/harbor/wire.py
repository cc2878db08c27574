"""The way to Harbor: one pooled session per process, and a time that no call outlives.

A read time-out alone begins anew with each byte, so a server that sends one byte a second would hold a thread for
hours. Here each read waits only for what is left of the whole. Cookies are refused: a call that carries Harbor's
session cookie would need a CSRF token for every write.
"""

from __future__ import annotations

import http.client
import io
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from otestack.errors import Unavailable
from registry.harbor.trouble import TOO_SLOW

T = TypeVar("T")

# Seconds. Longer silences end a call even when it had more time in all.
CONNECT_SECONDS = 3.0
SILENCE_SECONDS = 10.0
# Calls of this process that run side by side.
THREADS = 8


class Deadline:
    """When all calls of one request must have ended."""

    def __init__(self, seconds: float) -> None:
        self.ends = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left. Raises Unavailable when there are none."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise Unavailable(TOO_SLOW)
        return left


_now = threading.local()  # the deadline of the call that this thread makes


class _TimedReader(io.RawIOBase):
    """A socket's bytes, each read of which waits at most until the deadline."""

    def __init__(self, raw: Any, sock: socket.socket, ends: float) -> None:
        self.raw, self.sock, self.ends = raw, sock, ends

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the call's time is over")
        self.sock.settimeout(min(left, SILENCE_SECONDS))
        count: int | None = self.raw.readinto(buffer)
        return count

    def close(self) -> None:
        self.raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        raw: Any = self.fp.detach()
        self.fp = io.BufferedReader(_TimedReader(raw, sock, _now.deadline.ends))


class _Connection(HTTPConnection):
    response_class = _Answer


class _SecureConnection(HTTPSConnection):
    response_class = _Answer


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


@lru_cache(maxsize=1)
def _session(pid: int) -> requests.Session:
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # Neither proxies nor .netrc nor another CA from the environment: the settings say all.
    session.trust_env = False
    adapter = _Adapter(pool_maxsize=2 * THREADS)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def send(method: str, url: str, deadline: Deadline, **options: Any) -> requests.Response:
    """Make one call; its body is not read yet. Raises Unavailable past the deadline, else what requests raises."""
    left = deadline.left()
    _now.deadline = deadline
    waits = (min(left, CONNECT_SECONDS), min(left, SILENCE_SECONDS))
    return _session(os.getpid()).request(method, url, timeout=waits, allow_redirects=False, stream=True, **options)


def read(response: requests.Response, most: int) -> bytes | None:
    """Return the body, None when it is longer than `most` bytes. The connection goes back to the pool."""
    with response:
        body = b""
        for piece in response.iter_content(64 * 1024):
            body += piece
            if len(body) > most:
                return None
        return body


@lru_cache(maxsize=1)
def _threads(pid: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="registry")


def side_by_side(calls: Sequence[Callable[[], T]], deadline: Deadline) -> list[T | Exception]:
    """Make calls at the same time; return their results, or what they raised, in the same order.

    They must not touch the database: their threads have connections of their own, which nobody would close.
    """
    futures: list[Future[T]] = [_threads(os.getpid()).submit(call) for call in calls]
    return [_result(future, deadline) for future in futures]


def _result(future: Future[Any], deadline: Deadline) -> Any:
    try:
        # A call ends by itself at the deadline; one that has not even begun then never will.
        return future.result(timeout=max(0.0, deadline.ends - time.monotonic()) + 1)
    except TimeoutError:
        future.cancel()
        return Unavailable(TOO_SLOW)
    except Exception as error:  # noqa: BLE001 - handed to the caller
        return error
