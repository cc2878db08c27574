"""Connections to servers that are given by name. Names are resolved in threads of our own.

The event loop's own lookups share two threads, where one that nobody waits for any more goes on, and those queued
behind it too: a few names that DNS never answers keep all others of the process from being resolved.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from aiohappyeyeballs import AddrInfoType, start_connection

# Lookups at a time. One that DNS never answers takes ten seconds, and its cluster is asked for again every thirty.
AT_ONCE = 64
# Seconds after which a thread ends that has nothing to do.
IDLE = 60.0
# Seconds that an address has to itself before the next one is tried as well.
HEAD_START = 0.25


@dataclass(eq=False, slots=True)
class _Lookup:
    """One name's lookup, under way or queued. waiting: how many do."""

    host: str
    answer: Future[list[AddrInfoType]] = field(default_factory=Future)
    waiting: int = 0

    def __post_init__(self) -> None:
        # From here on it cannot be cancelled, which who gives up does to what it waits for.
        self.answer.set_running_or_notify_cancel()

    def make(self) -> None:
        """Tell all who wait."""
        try:
            self.answer.set_result(list(socket.getaddrinfo(self.host, None, type=socket.SOCK_STREAM)))
        except Exception as error:  # noqa: BLE001 - it is theirs who wait
            self.answer.set_exception(error)


class _Names:
    """The lookups of a process, at most one of a name. Its threads come as they are needed, and keep no process up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lookups: dict[str, _Lookup] = {}
        self._queue: SimpleQueue[_Lookup] = SimpleQueue()
        self._threads = 0

    async def addresses(self, host: str) -> list[AddrInfoType]:
        """Return a name's addresses, without a port. Raises OSError, UnicodeError."""
        with self._lock:
            lookup = self._lookups.get(host) or self._begin(host)
            lookup.waiting += 1
        try:
            return await asyncio.wrap_future(lookup.answer)
        finally:
            with self._lock:
                lookup.waiting -= 1

    def _begin(self, host: str) -> _Lookup:
        if self._threads < min(len(self._lookups) + 1, AT_ONCE):
            self._start()
        lookup = self._lookups[host] = _Lookup(host)
        lookup.answer.add_done_callback(lambda _: self._forget(lookup))  # before those who wait are told
        self._queue.put(lookup)
        return lookup

    def _forget(self, lookup: _Lookup) -> None:
        with self._lock:
            del self._lookups[lookup.host]

    def _start(self) -> None:
        try:
            threading.Thread(target=self._work, name="names", daemon=True).start()
            self._threads += 1
        except RuntimeError:  # the system gives no more: those there are must do
            if not self._threads:
                raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from None

    def _work(self) -> None:
        while self._work_once():
            pass

    def _work_once(self) -> bool:
        """Make the next lookup; False when there was none for long."""
        try:
            lookup = self._queue.get(timeout=IDLE)
        except Empty:
            with self._lock:
                if self._queue.empty():
                    self._threads -= 1
                    return False
            return True
        with self._lock:
            wanted = lookup.waiting > 0
            if not wanted:  # all have given up before its turn
                del self._lookups[lookup.host]
        if wanted:
            lookup.make()
        return True


def _begin_anew() -> None:
    global _names
    _names = _Names()


_names = _Names()
# A forked process has none of the threads.
os.register_at_fork(after_in_child=_begin_anew)


def is_name(host: str) -> bool:
    """Whether it takes a lookup to connect there: it is no address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


async def addresses(host: str) -> list[AddrInfoType]:
    """Return what a name stands for, a link-local address with its interface. Raises OSError, UnicodeError."""
    found = await _names.addresses(host)
    return [(family, kind, protocol, "", _with_zone(at)) for family, kind, protocol, _, at in found]


async def connected(host: str, port: int) -> socket.socket:
    """Connect to the first of a name's addresses that answers. Raises OSError, UnicodeError."""
    there = [(*rest, (at[0], port, *at[2:])) for *rest, at in await addresses(host)]
    return await start_connection(there, happy_eyeballs_delay=HEAD_START)  # type: ignore[arg-type]


def _with_zone(address: tuple[Any, ...]) -> tuple[Any, ...]:
    """Of the result uvloop looks at host and port only, so a link-local address tells its interface in the host."""
    host, port, *more = address
    zone = more[1] if more else 0
    return (f"{host}%{zone}" if zone else host, port, *more)
