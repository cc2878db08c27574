"""The rolling window: claim, reconcile, record, and claim again as each cluster ends, for at most a minute."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time

from django.conf import settings
from django.db import Error, OperationalError, connection

from clusters.drivers.base import Driver
from clusters.drivers.registry import ALL_KINDS
from clusters.engine.batches import Batches
from clusters.engine.claim import Quota, change_is_due, claim, release
from clusters.engine.load import Work, load
from clusters.engine.nudge import nudge
from clusters.engine.outcome import PassOutcome
from clusters.engine.places import Places
from clusters.engine.reconcile import Rules, reconcile
from clusters.engine.record import Finished, record
from clusters.engine.sessions import Sessions, sessions
from clusters.freshness import FRESH_INTERVALS
from clusters.models import observe_interval
from otestack.caller import as_engine
from otestack.sentences import say

log = logging.getLogger(__name__)

# Seconds to wait for passes to end before looking for newly due clusters.
LOOK_FOR_MORE = 0.05
# Seconds from one claim of observations to the next, while no more are due than there are places. A change is claimed
# at once; observations have no haste, and sixteen of them cost little more to claim, load and record than four.
LOOKS_EVERY = 1.0


@as_engine
def drive_due(stay: float = 0.0) -> int:
    """Drive due clusters until none is due or the window is over; return how many passes ended.

    stay: also wait for clusters of this window that are due again within so many seconds.
    Safe to run twice, late or never: leases keep two from the same cluster, and what is due stays due.
    """
    return _Window(sessions(), stay).run()


class _Window:
    def __init__(self, runtime: Sessions, stay: float) -> None:
        self._runtime = runtime
        self._stay = stay
        self._ends = time.monotonic() + settings.OTE_WINDOW_SECONDS
        self._ended = Batches()
        self._places = Places(settings.OTE_CONCURRENCY, runtime.usual_seconds)
        self._probes = 0
        self._changes = 0
        self._most_probes = max(1, settings.OTE_CONCURRENCY // 4)
        # More may be due to be probed than there were places for.
        self._crowded = False
        # From when on observations are claimed too, on the monotonic clock.
        self._looks_from = 0.0
        # When what was recorded together is due again, the first of each, on the monotonic clock.
        self._due_again: list[float] = []
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
        while self._places.under_way or self._due_soon():
            ended = self._gather()
            if ended:
                self._places.end({item.work.claim.cluster_id: item.outcome.answered for item in ended})
                self._runtime.usual_seconds = self._places.usual
                self._probes -= sum(item.work.claim.probe for item in ended)
                self._changes -= sum(item.work.changes for item in ended)
                if self._crowded and not self._places.under_way:
                    self._looks_from = 0.0
                passes += len(ended)
                self._due_again.append(record(ended) + time.monotonic())
            if time.monotonic() < self._ends:
                self._start_more()
        return passes

    def _start_more(self) -> None:
        """A database that does not answer now is no reason to lose what edges have answered."""
        try:
            self._start_due()
        except OperationalError as error:
            if not self._places.under_way:
                raise
            log.warning("Nothing more is claimed in this window: %s", error)
            connection.close_if_unusable_or_obsolete()
            self._ends = 0.0

    def _due_soon(self) -> bool:
        now = time.monotonic()
        return now < self._ends and min(self._due_again, default=math.inf) < now + self._stay

    def _start_due(self) -> None:
        now = time.monotonic()
        places = self._places.free
        looks = places > 0 and now >= min([self._looks_from, *self._due_again])
        self._due_again = [due for due in self._due_again if due > now]
        if not looks:
            places += self._places.spare
        if places <= 0 or not (looks or change_is_due()):
            return
        quota = Quota(places, self._most_probes - self._probes, idle=not self._places.under_way, looks=looks)
        claims, at = claim(quota, self._runtime.keeper)
        if quota.idle and claims and (len(claims) == places or change_is_due()):
            # As this worker was woken itself; the next one begins while this one still loads.
            nudge()
        if looks:
            self._looks_from = now + (LOOKS_EVERY if len(claims) < places else 0.0)
            self._crowded = sum(item.probe for item in claims) >= quota.probes
        if not claims:
            return
        try:
            drivers, works = self._runtime.drivers(claims), load(claims, at)
        except Exception:
            connection.close_if_unusable_or_obsolete()
            with contextlib.suppress(Error):  # else their leases run out
                release(claims)
            raise
        passes = []
        for work in works:
            driver = drivers.get(work.claim.cluster_id)
            self._places.begin(work.claim.cluster_id)
            self._probes += work.claim.probe
            self._changes += work.changes
            if driver is None:
                text = say(
                    "%(name)s cannot be driven with its stored credentials; the reason has been logged.",
                    name=work.claim.name,
                )
                self._ended.put(Finished(work, PassOutcome(error=text)))
                continue
            passes.append(self._pass(work, driver))
        self._runtime.start(passes)

    async def _pass(self, work: Work, driver: Driver) -> None:
        try:
            outcome = await reconcile(work, driver, self._rules)
        except (Exception, asyncio.CancelledError) as error:
            log.error("The pass over cluster %s failed", work.claim.name, exc_info=error)
            text = say(
                "An internal error occurred while working on %(name)s; it has been logged.", name=work.claim.name
            )
            outcome = PassOutcome(answered=True, error=text)
        self._ended.put(Finished(work, outcome))

    def _gather(self) -> list[Finished]:
        if not self._places.under_way:
            time.sleep(min(LOOK_FOR_MORE, max(0.0, min(self._due_again) - time.monotonic())))
            return []
        # Half the places at most: what waits for its record keeps a place that another cluster could have.
        enough = min(self._places.under_way, (settings.OTE_CONCURRENCY + 1) // 2)
        return self._ended.take(LOOK_FOR_MORE, enough=enough, changes=self._changes)
