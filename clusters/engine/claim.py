"""Leasing due clusters: one worker at a time drives a cluster, and one connection serves all its work."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from clusters.engine.bulk import update_rows
from clusters.engine.by_index import by_index
from clusters.engine.clock import db_now
from clusters.models import SILENT, Cluster
from otestack.sentences import say
from otestack.statements import Statement, holes

# Claims without a record after which a cluster waits: each time the worker died or was stopped.
DEADLY_CLAIMS = 3
# Seconds by which an observation is late that no longer waits for changes, and at most this share of the interval. The
# first looks at what a large push has just applied would else take places from the rest of that push.
LATE = 5.0
LATE_SHARE = 1 / 6
# Seconds after which a worker takes what another one drove last: with a new connection, which costs as much as ten
# requests on an open one.
PATIENCE = 0.5
# Seconds after which nobody's preference counts any more.
STRANDED = 10.0
# The keeper of whoever keeps nothing.
NOBODY = -1

_COLUMNS = ("pk", "name", "lease_epoch", "change_seq", "driver", "uid", "credentials_version", "away_since",
            "failed_probes", "observed_at", "claims_unrecorded")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease on one cluster. Results count only while `epoch` is still the cluster's."""

    cluster_id: int
    name: str
    epoch: int
    seq: int
    driver: str
    uid: str
    credentials_version: int
    away: bool
    failed_probes: int
    observed_at: datetime | None
    # This process's monotonic clock before the lease began.
    asked_at: float

    @property
    def probe(self) -> bool:
        """It did not answer the last time, so that a place may be lost to it until a time-out."""
        return self.away or self.failed_probes > 0


@dataclass(frozen=True, slots=True)
class Quota:
    """How many clusters a claim may take: in all, and of these such as did not answer the last time.

    idle: whoever asks has nothing under way. looks: observations and probes too, not only changes.
    """

    clusters: int
    probes: int
    idle: bool = True
    looks: bool = True


def claim(quota: Quota, keeper: int | None = None) -> tuple[list[Claim], datetime]:
    """Lease due clusters and return them with the database's time: changes before observations.

    A quarter of the places is kept for probes of silent clusters and a quarter for observations that are late, or a
    long storm of changes would let the whole fleet go stale. Half of the probes' places is kept for what does not count
    as away yet, or a cluster that missed one probe would stand behind half a fleet that is gone.

    keeper: the process. It takes what it drove last, over connections that are open, before it helps others. None: one
    that keeps nothing.
    """
    asked_at = time.monotonic()
    with transaction.atomic(), by_index():
        now = db_now()
        chosen = _choose(quota, keeper, now)
        deadly = [row[0] for row in chosen if row[-1] >= DEADLY_CLAIMS]
        if deadly:
            _set_aside(deadly, now)
            chosen = [row for row in chosen if row[0] not in deadly]
        if chosen:
            Cluster.objects.filter(pk__in=[row[0] for row in chosen]).update(
                lease_epoch=F("lease_epoch") + 1,
                lease_until=now + timedelta(seconds=settings.OTE_LEASE_SECONDS),
                claims_unrecorded=F("claims_unrecorded") + 1,
                kept_by=keeper,
            )
    claims = [
        Claim(pk, name, epoch + 1, seq, driver, uid, version, away is not None, failed, observed_at, asked_at)
        for pk, name, epoch, seq, driver, uid, version, away, failed, observed_at, _ in chosen
    ]
    return claims, now


def release(claims: Sequence[Claim]) -> None:
    """Give back clusters on which nothing was begun: what was due there still is."""
    rows = [{"id": c.cluster_id, "lease_epoch": c.epoch, "lease_until": None} for c in claims]
    unclaimed = {"claims_unrecorded": "t.claims_unrecorded - 1"}
    with transaction.atomic():
        update_rows(
            Cluster,
            sorted(rows, key=lambda row: int(row["id"])),
            match=("id", "lease_epoch"),
            expressions=unclaimed,
        )


def change_is_due() -> bool:
    """Return whether a claim of changes would find any. One cheap statement, which locks nothing."""
    return bool(_free_change().run())


@lru_cache(maxsize=1)
def _free_change() -> Statement:
    free = Cluster.objects.filter(_unleased(Now()), change_due_at__lte=Now())
    return Statement(free.values_list("pk")[:1])


def late_after() -> float:
    """Return by how many seconds an observation is late that no longer waits for changes."""
    return min(LATE, LATE_SHARE * settings.OTE_OBSERVE_INTERVAL)


def release_stranded() -> None:
    """Make anybody's what its keeper does not come for: it was killed, or has too much to do."""
    now = db_now()
    before = now - timedelta(seconds=STRANDED)
    overdue = Q(change_due_at__lt=before) | Q(observe_due_at__lt=before)
    with transaction.atomic():
        stranded = _locked(Cluster.objects.filter(_unleased(now), overdue, kept_by__isnull=False))
        Cluster.objects.filter(pk__in=list(stranded.values_list("pk", flat=True))).update(kept_by=None)


def _choose(quota: Quota, keeper: int | None, now: datetime) -> list[tuple[Any, ...]]:
    """Lock and return rows of due clusters, `_COLUMNS` of each."""
    due = _due()
    late, overdue = now - timedelta(seconds=late_after()), now - timedelta(seconds=PATIENCE)
    most = quota.clusters
    chosen = _Chosen(most, now, keeper)
    share = min(quota.probes, _rounded(most / 4)) if quota.looks else 0
    probed = chosen.probe(share)
    own = chosen.add(due.looks, _rounded(most / 4), late) if quota.looks else 0
    own += chosen.add(due.changes, most)
    chosen.add(due.changes_of_others, most, now if quota.idle and not own else overdue)
    if quota.looks:
        chosen.add(due.looks, most)
        chosen.add(due.looks_of_others, most, overdue)
        if probed == share:  # there may be more
            chosen.probe(quota.probes - probed)
    return list(chosen.rows.values())


def _rounded(places: float) -> int:
    """Up or down by chance, so that also who has one place at a time keeps a part of them in the long run."""
    return int(places + random.random())


def _unleased(now: Any) -> Q:
    return Q(lease_until__isnull=True) | Q(lease_until__lt=now)


def _locked(rows: QuerySet[Cluster]) -> QuerySet[Cluster]:
    """Lock those that nobody else has locked, so that two of us never wait for each other."""
    if connection.features.has_select_for_update_skip_locked:
        return rows.select_for_update(skip_locked=True)
    return rows


@dataclass(frozen=True, slots=True)
class _Due:
    """Statements that lock due clusters, what has waited longest first. looks, changes: of one's own, or nobody's."""

    looks: Statement
    looks_of_others: Statement
    changes: Statement
    changes_of_others: Statement
    away: Statement
    # Silent, but not away yet.
    hiccuped: Statement


@lru_cache(maxsize=1)
def _due() -> _Due:
    """Return the statements. What differs from claim to claim: keeper, time, by when due, what has a place."""
    replaced = keeper, now, before, taken = holes(0, datetime.max, datetime.max, [])
    free = Cluster.objects.filter(_unleased(now)).exclude(pk__among=taken)
    is_mine = Q(kept_by=keeper) | Q(kept_by__isnull=True)
    mine, others = free.exclude(SILENT).filter(is_mine), free.exclude(SILENT).exclude(is_mine)
    look, change = Q(observe_due_at__lte=before), Q(change_due_at__lte=before)

    def statement(rows: QuerySet[Cluster], order: str) -> Statement:
        return Statement(_locked(rows.order_by(order)).values_list(*_COLUMNS), replaced)

    return _Due(
        looks=statement(mine.filter(look), "observe_due_at"),
        looks_of_others=statement(others.filter(look), "observe_due_at"),
        changes=statement(mine.filter(change), "change_due_at"),
        changes_of_others=statement(others.filter(change), "change_due_at"),
        # No change hastens the probe of a cluster that is away; one that may only have hiccuped is tried at once.
        away=statement(free.filter(SILENT, look, away_since__isnull=False), "observe_due_at"),
        hiccuped=statement(free.filter(SILENT, look | change, away_since__isnull=True), "observe_due_at"),
    )


class _Chosen:
    """Locked rows of clusters, by id. most: how many there is room for."""

    def __init__(self, most: int, now: datetime, keeper: int | None) -> None:
        self.rows: dict[int, tuple[Any, ...]] = {}
        self._most = most
        self._now = now
        self._keeper = NOBODY if keeper is None else keeper

    def add(self, due: Statement, most: int, before: datetime | None = None) -> int:
        """Add the first so many that nobody holds and that are not there yet; return how many. before: else now."""
        most = min(most, self._most - len(self.rows))
        if most <= 0:
            return 0
        found = due.page(0, most, self._keeper, self._now, before or self._now, list(self.rows))
        self.rows.update((row[0], row) for row in found)
        return len(found)

    def probe(self, most: int) -> int:
        """Add the first so many that are to be probed; return how many."""
        due = _due()
        share = most - _rounded(most / 2)
        added = probed = self.add(due.away, share)
        added += self.add(due.hiccuped, most - added)
        if probed == share:  # there may be more
            added += self.add(due.away, most - added)
        return added


def _set_aside(ids: list[int], now: datetime) -> None:
    """Let clusters wait that three workers in a row did not survive; then they get one try each time."""
    Cluster.objects.filter(pk__in=ids).update(
        claims_unrecorded=DEADLY_CLAIMS - 1,
        # Nobody's lease, so that no mark cuts the wait short.
        lease_until=now + timedelta(seconds=settings.OTE_RETRY_CAP),
        last_error=say(
            "Set aside: %(deadly_claims)s workers in a row ended while they worked on this cluster.",
            deadly_claims=DEADLY_CLAIMS,
        ),
    )
