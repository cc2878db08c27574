"""A worker with one claimed cluster, and the pass that it is at."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from clusters.engine.load import Work
from clusters.engine.outcome import PassOutcome
from clusters.engine.reconcile import Rules, reconcile
from tests.engine.protocol.edges import Edge
from tests.engine.protocol.gated import KINDS, Gated

# No pass ends by its own clock, and nothing is applied again without a reason: a test says when time passes.
RULES = Rules(
    pass_seconds=1e6, fresh_seconds=90, reapply_seconds=1e9, progress_deadline=600, all_kinds=KINDS, longest_seconds=1e6
)


class Worker:
    """Its requests go when they are let; what came of them is recorded by the test, or is not. keeper: its process."""

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Work, edge: Edge, keeper: int | None) -> None:
        self._loop = loop
        self.work = work
        self.keeper = keeper
        resting = {p.bundle_uid for p in work.placements if p.next_attempt_at and p.next_attempt_at > work.now}
        self.driver = Gated(edge, resting)
        self._task = loop.create_task(reconcile(work, self.driver, RULES))
        self._spin()

    @property
    def outcome(self) -> PassOutcome | None:
        """What came of the pass; None while it is under way."""
        return self._task.result() if self._task.done() else None

    @property
    def cluster(self) -> int:
        return self.work.claim.cluster_id

    def step(self, fate: str = "done") -> None:
        """Let the request go that has waited longest."""
        self.driver.waiting.pop(0).set_result(fate)
        self._spin()

    def let(self, requests: int, fate: str = "done") -> None:
        """Some requests are answered, and this is what becomes of the last of them."""
        for left in reversed(range(requests)):
            if self.driver.waiting:
                self.step("done" if left else fate)

    def finish(self) -> PassOutcome:
        """Let everything go."""
        self.driver.free = True
        while self.driver.waiting:
            self.step()
        while not self._task.done():
            self._spin()
        return self._task.result()

    def die(self) -> None:
        """As the process does: nothing more is asked, and nothing recorded."""
        self._task.cancel()
        self._spin()

    def age(self, by: timedelta) -> None:
        """Time has passed by as much; what it knows of times lies that much further back."""
        work = self.work
        work.now -= by
        work.observe_due_at = _earlier(work.observe_due_at, by)
        work.claim = replace(work.claim, observed_at=_earlier(work.claim.observed_at, by))
        self.driver.list_began = _earlier(self.driver.list_began, by)
        for placement in work.placements:
            placement.applied_at = _earlier(placement.applied_at, by)
            placement.next_attempt_at = _earlier(placement.next_attempt_at, by)

    def _spin(self) -> None:
        """Run until nothing moves without an answer."""
        self._loop.run_until_complete(_turns())
        self.driver.waiting = [waits for waits in self.driver.waiting if not waits.done()]


async def _turns() -> None:
    for _ in range(12):
        await asyncio.sleep(0)


def _earlier(at: Any, by: timedelta) -> Any:
    return at - by if at is not None else None
