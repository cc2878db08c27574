"""Leasing due clusters: one worker at a time drives a cluster, and one connection serves all its work."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from clusters.engine.clock import db_now
from clusters.models import SILENT, Cluster
from otestack.sentences import say
from otestack.statements import Statement

# Claims without a record after which a cluster waits: each time the worker died or was stopped.
DEADLY_CLAIMS = 3
# Seconds by which an observation is late that no longer waits for changes. The first looks at what a large push has
# just applied would else take places from the rest of that push.
LATE = 1.0
# Seconds after which a worker takes what another one drove last: with a new connection, which costs as much as ten
# requests on an open one.
PATIENCE = 0.5
# Seconds after which nobody's preference counts any more.
STRANDED = 10.0

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
    with transaction.atomic():
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


def change_is_due() -> bool:
    """Return whether a claim of changes would find any. One cheap statement, which locks nothing."""
    return bool(_free_change().run())


@lru_cache(maxsize=1)
def _free_change() -> Statement:
    free = Cluster.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=Now()))
    return Statement(free.filter(change_due_at__lte=Now()).values_list("pk")[:1])


def release_stranded() -> None:
    """Make anybody's what its keeper does not come for: it was killed, or has too much to do."""
    now = db_now()
    before = now - timedelta(seconds=STRANDED)
    overdue = Q(change_due_at__lt=before) | Q(observe_due_at__lt=before)
    with transaction.atomic():
        stranded = _locked(_unleased(now).filter(overdue, kept_by__isnull=False))
        Cluster.objects.filter(pk__in=list(stranded.values_list("pk", flat=True))).update(kept_by=None)


def _choose(quota: Quota, keeper: int | None, now: datetime) -> list[tuple[Any, ...]]:
    """Lock and return rows of due clusters, `_COLUMNS` of each."""
    free = _unleased(now)
    answering, silent = free.exclude(SILENT), free.filter(SILENT)
    is_mine = Q(kept_by=keeper) | Q(kept_by__isnull=True)
    mine, others = answering.filter(is_mine), answering.exclude(is_mine)
    late, overdue = now - timedelta(seconds=LATE), now - timedelta(seconds=PATIENCE)
    most = quota.clusters
    chosen = _Chosen(most)
    share = min(quota.probes, _rounded(most / 4)) if quota.looks else 0
    probed = chosen.probe(silent, share, now)
    own = chosen.add(_looks(mine, late), _rounded(most / 4)) if quota.looks else 0
    own += chosen.add(_changes(mine, now), most)
    chosen.add(_changes(others, now if quota.idle and not own else overdue), most)
    if quota.looks:
        chosen.add(_looks(mine, now), most)
        chosen.add(_looks(others, overdue), most)
        if probed == share:  # there may be more
            chosen.probe(silent, quota.probes - probed, now)
    return list(chosen.rows.values())


def _rounded(places: float) -> int:
    """Up or down by chance, so that also who has one place at a time keeps a part of them in the long run."""
    return int(places + random.random())


def _unleased(now: datetime) -> QuerySet[Cluster]:
    return Cluster.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=now))


def _looks(rows: QuerySet[Cluster], before: datetime) -> QuerySet[Cluster]:
    return rows.filter(observe_due_at__lte=before).order_by("observe_due_at")


def _changes(rows: QuerySet[Cluster], before: datetime) -> QuerySet[Cluster]:
    return rows.filter(change_due_at__lte=before).order_by("change_due_at")


def _locked(rows: QuerySet[Cluster]) -> QuerySet[Cluster]:
    """Lock those that nobody else has locked, so that two of us never wait for each other."""
    if connection.features.has_select_for_update_skip_locked:
        return rows.select_for_update(skip_locked=True)
    return rows


class _Chosen:
    """Locked rows of clusters, by id. most: how many there is room for."""

    def __init__(self, most: int) -> None:
        self.rows: dict[int, tuple[Any, ...]] = {}
        self._most = most

    def add(self, due: QuerySet[Cluster], most: int) -> int:
        """Add the first so many that nobody holds and that are not there yet; return how many."""
        most = min(most, self._most - len(self.rows))
        if most <= 0:
            return 0
        found = list(_locked(due).exclude(pk__in=list(self.rows)).values_list(*_COLUMNS)[:most])
        self.rows.update((row[0], row) for row in found)
        return len(found)

    def probe(self, silent: QuerySet[Cluster], most: int, now: datetime) -> int:
        """Add the first so many that are to be probed; return how many."""
        # No change hastens the probe of a cluster that is away; one that may only have hiccuped is tried at once.
        due, changed = Q(observe_due_at__lte=now), Q(change_due_at__lte=now)
        away = silent.filter(due, away_since__isnull=False).order_by("observe_due_at")
        hiccuped = silent.filter(due | changed, away_since__isnull=True).order_by("observe_due_at")
        share = most - _rounded(most / 2)
        added = probed = self.add(away, share)
        added += self.add(hiccuped, most - added)
        if probed == share:  # there may be more
            added += self.add(away, most - added)
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
