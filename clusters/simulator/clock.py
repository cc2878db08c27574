"""One heap of due work for all clusters: an idle cluster costs nothing."""

import asyncio
import heapq
import logging
import time
from collections.abc import Callable, Hashable
from datetime import UTC, datetime

logger = logging.getLogger(__name__)

# Seconds of controller work before requests get their turn again.
SLICE_SECONDS = 0.005


def timestamp() -> str:
    """Now, as Kubernetes writes times."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp() -> str:
    """Now, with microseconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds_since(text: str) -> float:
    """Seconds since a timestamp of either form."""
    return time.time() - datetime.fromisoformat(text).timestamp()


class Clock:
    """Calls `work(item)` when the item is due; an item waits at most once."""

    def __init__(self, work: Callable[[Hashable], None]) -> None:
        self._work = work
        self._due: dict[Hashable, float] = {}
        self._heap: list[tuple[float, int, Hashable]] = []
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Work on due items in this event loop."""
        self._loop = loop
        self._arm()

    def stop(self) -> None:
        """Leave what is due undone."""
        self._loop = None
        if self._timer:
            self._timer.cancel()

    def after(self, seconds: float, item: Hashable) -> None:
        """Have the item worked on in so many seconds, or earlier if it was due earlier."""
        due = time.monotonic() + seconds
        if self._due.get(item, due + 1) <= due:
            return
        self._due[item] = due
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, item))
        if self._heap[0][2] is item:
            self._arm()

    def _arm(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._loop and self._heap:
            delay = max(0.0, self._heap[0][0] - time.monotonic())
            self._timer = self._loop.call_later(delay, self._run)

    def _run(self) -> None:
        end = time.monotonic() + SLICE_SECONDS
        while self._heap and self._heap[0][0] <= time.monotonic() < end:
            due, _, item = heapq.heappop(self._heap)
            if self._due.get(item) != due:
                continue  # moved forward: another entry stands for it
            del self._due[item]
            try:
                self._work(item)
            except Exception:
                logger.exception("A controller of the simulated edge failed at %s", item)
        self._arm()
