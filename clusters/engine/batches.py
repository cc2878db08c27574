"""Passes that ended, held until it is worth while to record them together."""

from __future__ import annotations

import contextlib
import itertools
import math
import queue
import time

from clusters.engine.record import Finished

# Passes that end within this many seconds are recorded together: a batch costs as much as twenty passes.
GATHER = 0.1
# Rows of placements after which a batch waits for no more: as many take a tenth of a second to record, in which no
# change is claimed.
MOST_ROWS = 1000


class Batches:
    """Filled by the event loop, emptied by the thread that records."""

    def __init__(self) -> None:
        self._ended: queue.SimpleQueue[Finished] = queue.SimpleQueue()
        self._held: list[Finished] = []
        self._rows = self._changes = 0
        # When what is held is recorded, whatever has not ended by then; on the monotonic clock.
        self._until = math.inf

    def put(self, item: Finished) -> None:
        """Add a pass that ended."""
        self._ended.put(item)

    def take(self, seconds: float, *, enough: int, changes: int) -> list[Finished]:
        """Return a batch that is full within so many seconds; else nothing, and what has ended stays held.

        enough: passes that fill one. changes: passes with changes that are under way or held; the last one of them
        waits for no observation.
        """
        ends = time.monotonic() + seconds
        with contextlib.suppress(queue.Empty):
            while not self._full(enough, changes):
                self._hold(self._ended.get(timeout=max(0.0, min(ends, self._until) - time.monotonic())))
            while True:  # what is there already costs no waiting
                self._hold(self._ended.get_nowait())
        if not self._full(enough, changes) and time.monotonic() < self._until:
            return []
        return self._let_go()

    def _full(self, enough: int, changes: int) -> bool:
        last_change = self._changes > 0 and self._changes == changes
        return len(self._held) >= enough or self._rows >= MOST_ROWS or last_change

    def _hold(self, item: Finished) -> None:
        if not self._held:
            self._until = time.monotonic() + GATHER
        self._held.append(item)
        self._rows += item.work.unproven
        self._changes += item.work.changes

    def _let_go(self) -> list[Finished]:
        """Return what is held, changes first; of a crowd only the first rows, and the rest at the next call."""
        held = sorted(self._held, key=lambda item: not item.work.changes)
        self._held, self._rows, self._changes, self._until = [], 0, 0, math.inf
        rows = itertools.accumulate((item.work.unproven for item in held), initial=0)
        batch = [item for item, before in zip(held, rows, strict=False) if before < MOST_ROWS]
        for item in held[len(batch) :]:
            self._hold(item)
        if self._held:
            self._until = 0.0
        return batch
