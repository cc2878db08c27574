"""This process's event loop, connection pool and drivers. Nothing here that the database does not know."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
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

log = logging.getLogger(__name__)

# Drivers a process keeps, with their parsed credentials.
KEPT_DRIVERS = 20_000


class Sessions:
    """One event loop in a thread of its own, and one driver per cluster and version of its credentials."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        # This process, to the others.
        self.keeper = secrets.randbits(62)
        self._loop = uvloop.new_event_loop()
        self._loop.set_exception_handler(_note)
        threading.Thread(target=self._loop.run_forever, name="edges", daemon=True).start()
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = self.run(self._connect()).result()
        self._centre = ""
        # By cluster, with uid and version: a restored database gives ids out again.
        self._drivers: OrderedDict[int, tuple[tuple[str, int], Driver]] = OrderedDict()

    def close(self) -> None:
        """Close every connection."""
        with contextlib.suppress(TimeoutError):
            self.run(self._connections.close()).result(timeout=1)

    def refresh(self) -> None:
        """Forget all drivers when this is another centre than before: the database was replaced."""
        centre = centre_uid()
        if centre != self._centre:
            self._centre = centre
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
        stale = [pk for pk, version in wanted.items() if pk not in self._drivers or self._drivers[pk][0] != version]
        if stale:
            # Decrypted row by row: one cluster that cannot be driven is no reason not to drive the others.
            sealed = Cluster.objects.filter(pk__in=stale).annotate(sealed=Cast("credentials", TextField()))
            for pk, name, driver, uid, version, text in sealed.values_list(
                "pk", "name", "driver", "uid", "credentials_version", "sealed"
            ):
                self._drivers.pop(pk, None)
                try:
                    made = self._connections.driver(driver, decrypt(text), self._centre, name)
                except Exception:
                    log.exception("Cluster %s cannot be driven with what is stored for it", pk)
                else:
                    self._drivers[pk] = ((uid, version), made)
        found = {}
        for claim in claims:
            held = self._drivers.get(claim.cluster_id)
            if held is not None:
                self._drivers.move_to_end(claim.cluster_id)
                found[claim.cluster_id] = held[1]
        while len(self._drivers) > KEPT_DRIVERS:
            self._drivers.popitem(last=False)
        return found


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
