"""The rolling window: claim, reconcile, record, and claim again as each cluster ends, for at most a minute."""

from __future__ import annotations

import contextlib
import logging
import queue
import time
from concurrent.futures import Future

from django.conf import settings

from clusters.drivers.registry import ALL_KINDS
from clusters.engine.claim import Quota, claim
from clusters.engine.load import Work, load
from clusters.engine.outcome import PassOutcome
from clusters.engine.reconcile import Rules, reconcile
from clusters.engine.record import Finished, record
from clusters.engine.sessions import Sessions, sessions
from clusters.freshness import FRESH_INTERVALS
from clusters.models import observe_interval
from otestack.caller import as_engine
from otestack.sentences import say

log = logging.getLogger(__name__)

# Seconds to wait for a pass to end before looking for newly due clusters.
LOOK_FOR_MORE = 0.2
# Passes that end within this many seconds of each other are recorded together.
GATHER = 0.01


@as_engine
def drive_due() -> int:
    """Drive due clusters until none is due or the window is over; return how many passes ended.

    Safe to run twice, late or never: leases keep two from the same cluster, and what is due stays due.
    """
    return _Window(sessions()).run()


class _Window:
    def __init__(self, runtime: Sessions) -> None:
        self._runtime = runtime
        self._ends = time.monotonic() + settings.OTE_WINDOW_SECONDS
        self._ended: queue.SimpleQueue[Finished] = queue.SimpleQueue()
        self._under_way = 0
        self._probes = 0
        self._rules = Rules(
            pass_seconds=settings.OTE_PASS_SECONDS,
            fresh_seconds=FRESH_INTERVALS * observe_interval(),
            reapply_seconds=settings.OTE_REAPPLY_SECONDS,
            progress_deadline=settings.OTE_PROGRESS_DEADLINE,
            all_kinds=ALL_KINDS,
            longest_seconds=0.9 * settings.OTE_LEASE_SECONDS,
        )

    def run(self) -> int:
        """Roll until there is nothing to do. Work is claimed at least once, however short the window."""
        passes = 0
        self._start_due()
        while self._under_way:
            ended = self._gather()
            if ended:
                self._under_way -= len(ended)
                self._probes -= sum(item.work.claim.away for item in ended)
                passes += len(ended)
                record(ended)
            if time.monotonic() < self._ends:
                self._start_due()
        return passes

    def _start_due(self) -> None:
        most = settings.OTE_CONCURRENCY
        quota = Quota(clusters=most - self._under_way, probes=max(1, most // 4) - self._probes)
        if quota.clusters <= 0:
            return
        claims, now = claim(quota)
        if not claims:
            return
        drivers = self._runtime.drivers(claims)
        for work in load(claims, now):
            driver = drivers.get(work.claim.cluster_id)
            self._under_way += 1
            self._probes += work.claim.away
            if driver is None:
                text = say(
                    "%(name)s cannot be driven with its stored credentials; the reason has been logged.",
                    name=work.claim.name,
                )
                self._ended.put(Finished(work, PassOutcome(error=text)))
                continue
            future = self._runtime.run(reconcile(work, driver, self._rules))
            future.add_done_callback(lambda done, work=work: self._ended.put(_finished(work, done)))  # type: ignore[misc]

    def _gather(self) -> list[Finished]:
        ended = []
        with contextlib.suppress(queue.Empty):
            ended.append(self._ended.get(timeout=LOOK_FOR_MORE))
            time.sleep(GATHER)
            while True:
                ended.append(self._ended.get_nowait())
        return ended


def _finished(work: Work, done: Future[PassOutcome]) -> Finished:
    try:
        return Finished(work, done.result())
    except Exception as error:
        log.error("The pass over cluster %s failed", work.claim.name, exc_info=error)
        text = say("An internal error occurred while working on %(name)s; it has been logged.", name=work.claim.name)
        return Finished(work, PassOutcome(answered=True, error=text))
