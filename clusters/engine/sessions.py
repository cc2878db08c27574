"""This process's event loop, connection pool and drivers. Nothing here that the database does not know."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import uvloop
from django.conf import settings
from django.db.models import TextField
from django.db.models.functions import Cast

from clusters.drivers.base import Driver
from clusters.drivers.registry import Connections
from clusters.engine.bundles import centre_uid
from clusters.engine.claim import Claim
from clusters.models import Cluster
from otestack.crypto import decrypt
from otestack.memory import give_back

log = logging.getLogger(__name__)

# Drivers a process keeps, with their parsed credentials.
KEPT_DRIVERS = 20_000
# A driver is forgotten when its cluster was not driven for so many times what an unused connection is kept, which is
# closed by then; to make it again costs a tenth of a handshake.
FORGOTTEN_AFTER = 1.25
# So many forgotten at once, and the system gets their memory back.
MANY = 100


@dataclass(slots=True)
class _Held:
    """A driver. version: its cluster's uid and the version of its credentials. used_at: on the monotonic clock."""

    version: tuple[str, int]
    driver: Driver
    used_at: float = 0.0


class Sessions:
    """One event loop in a thread of its own, and one driver per cluster and version of its credentials."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        # This process, to the others.
        self.keeper = secrets.randbits(62)
        # Seconds that passes took of late; before the first, a guess.
        self.usual_seconds = 0.25
        self._loop = uvloop.new_event_loop()
        self._loop.set_exception_handler(_note)
        threading.Thread(target=self._loop.run_forever, name="edges", daemon=True).start()
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = self.run(self._connect()).result()
        self._centre = ""
        # By cluster, the longest unused first, with uid and version: a restored database gives ids out again.
        self._drivers: OrderedDict[int, _Held] = OrderedDict()
        self._drivers_lock = threading.Lock()
        self._loop.call_soon_threadsafe(self._forget_unused)

    def close(self) -> None:
        """Close every connection."""
        with contextlib.suppress(TimeoutError):
            self.run(self._connections.close()).result(timeout=1)

    def refresh(self) -> None:
        """Forget all drivers when this is another centre than before: the database was replaced."""
        centre = centre_uid()
        if centre != self._centre:
            self._centre = centre
            with self._drivers_lock:
                self._drivers.clear()

    async def _connect(self) -> Connections:
        return Connections(
            idle_seconds=settings.OTE_IDLE_SECONDS,
            request_seconds=settings.OTE_REQUEST_SECONDS,
            answer_bytes=settings.OTE_ANSWER_BYTES,
            page_objects=settings.OTE_PAGE_OBJECTS,
            list_objects=settings.OTE_LIST_OBJECTS,
        )

    def run(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Run a coroutine in the event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def start(self, passes: Sequence[Coroutine[Any, Any, None]]) -> None:
        """Start coroutines that tell for themselves what came of them: all with one wake-up of the event loop."""
        self._loop.call_soon_threadsafe(self._start, passes)

    def _start(self, passes: Sequence[Coroutine[Any, Any, None]]) -> None:
        for one in passes:
            task = self._loop.create_task(one)
            self._tasks.add(task)  # the loop itself holds them by weak references only
            task.add_done_callback(self._tasks.discard)

    def drivers(self, claims: Sequence[Claim]) -> dict[int, Driver]:
        """Return a driver for each claimed cluster; credentials are read and parsed once per version.

        A cluster is missing when it was removed meanwhile, or when what is stored for it is of no use.
        """
        wanted = {claim.cluster_id: (claim.uid, claim.credentials_version) for claim in claims}
        found = {}
        with self._drivers_lock:
            for pk, now_valid in wanted.items():
                held = self._drivers.pop(pk, None)
                if held is not None and held.version == now_valid:
                    found[pk] = held
        stale = wanted.keys() - found.keys()
        if stale:
            # Decrypted row by row: one cluster that cannot be driven is no reason not to drive the others.
            sealed = Cluster.objects.filter(pk__in=stale).annotate(sealed=Cast("credentials", TextField()))
            for pk, name, driver, uid, version, text in sealed.values_list(
                "pk", "name", "driver", "uid", "credentials_version", "sealed"
            ):
                try:
                    made = self._connections.driver(driver, decrypt(text), self._centre, name)
                except Exception:
                    log.exception("Cluster %s cannot be driven with what is stored for it", pk)
                else:
                    found[pk] = _Held((uid, version), made)
        now = time.monotonic()
        with self._drivers_lock:
            for pk, kept in found.items():
                kept.used_at = now
                self._drivers[pk] = kept
            while len(self._drivers) > KEPT_DRIVERS:
                self._drivers.popitem(last=False)
        return {pk: kept.driver for pk, kept in found.items()}

    def _forget_unused(self) -> None:
        """Forget drivers that were not used for long, again and again; in the event loop."""
        self._loop.call_later(settings.OTE_IDLE_SECONDS / 4, self._forget_unused)
        before = time.monotonic() - FORGOTTEN_AFTER * settings.OTE_IDLE_SECONDS
        forgotten = 0
        with self._drivers_lock:
            while self._drivers and next(iter(self._drivers.values())).used_at < before:
                self._drivers.popitem(last=False)
                forgotten += 1
        if forgotten >= MANY:
            give_back()


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What a connection says after its request ended; the request itself has told its own story."""
    log.debug("An edge connection ended: %s", context.get("exception") or context.get("message"))


def _close() -> None:
    if _sessions is not None and _sessions.pid == os.getpid():
        _sessions.close()


atexit.register(_close)
_sessions: Sessions | None = None
_lock = threading.Lock()


def sessions() -> Sessions:
    """Return this process's sessions; a forked child gets its own."""
    global _sessions
    with _lock:
        if _sessions is None or _sessions.pid != os.getpid():
            _sessions = Sessions()
        _sessions.refresh()
        return _sessions
