"""Leasing due clusters: one worker at a time drives a cluster, and one connection serves all its work."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from clusters.engine.clock import db_now
from clusters.models import Cluster
from otestack.sentences import say

# Claims without a record after which a cluster waits: each time the worker died or was stopped.
DEADLY_CLAIMS = 3


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


@dataclass(frozen=True, slots=True)
class Quota:
    """How many clusters a claim may take: in all, and of these away ones."""

    clusters: int
    probes: int


def claim(quota: Quota) -> tuple[list[Claim], datetime]:
    """Lease due clusters and return them with the database's time: changes before observations.

    A quarter of the places is kept for probes of away clusters and a quarter for observations, or a long storm of
    changes would let the whole fleet go stale.
    """
    asked_at = time.monotonic()
    with transaction.atomic():
        now = db_now()
        free = Cluster.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=now))
        here = free.filter(away_since__isnull=True)
        kept = quota.clusters // 4
        probes = free.filter(away_since__isnull=False, observe_due_at__lte=now).order_by("observe_due_at")
        chosen = _take(probes, min(quota.probes, kept))
        probed = len(chosen)
        looks = here.filter(observe_due_at__lte=now).order_by("observe_due_at")
        chosen += _take(looks, min(kept, quota.clusters - len(chosen)))
        changes = here.filter(change_due_at__lte=now).exclude(pk__in=chosen).order_by("change_due_at")
        chosen += _take(changes, quota.clusters - len(chosen))
        if len(chosen) < quota.clusters:
            chosen += _take(looks.exclude(pk__in=chosen), quota.clusters - len(chosen))
        room = min(quota.probes - probed, quota.clusters - len(chosen))
        chosen += _take(probes.exclude(pk__in=chosen), room)
        if not chosen:
            return [], now
        due = Cluster.objects.filter(pk__in=set(chosen) - _set_aside(chosen, now))
        fields = ("pk", "name", "lease_epoch", "change_seq", "driver", "uid", "credentials_version", "away_since",
                  "failed_probes", "observed_at")  # fmt: skip
        claims = [
            Claim(
                pk, name, epoch + 1, seq, driver, uid, version, away is not None, probes_failed, observed_at, asked_at
            )
            for pk, name, epoch, seq, driver, uid, version, away, probes_failed, observed_at in due.values_list(*fields)
        ]
        due.update(
            lease_epoch=F("lease_epoch") + 1,
            lease_until=now + timedelta(seconds=settings.OTE_LEASE_SECONDS),
            claims_unrecorded=F("claims_unrecorded") + 1,
        )
    return claims, now


def _take(rows: QuerySet[Cluster], most: int) -> list[int]:
    if most <= 0:
        return []
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True)
    return list(rows.values_list("pk", flat=True)[:most])


def _set_aside(ids: list[int], now: datetime) -> set[int]:
    """Return clusters that three workers in a row did not survive; they wait, then get one try each time."""
    deadly = Cluster.objects.filter(pk__in=ids, claims_unrecorded__gte=DEADLY_CLAIMS)
    found = set(deadly.values_list("pk", flat=True))
    if found:
        Cluster.objects.filter(pk__in=found).update(
            claims_unrecorded=DEADLY_CLAIMS - 1,
            # Nobody's lease, so that no mark cuts the wait short.
            lease_until=now + timedelta(seconds=settings.OTE_RETRY_CAP),
            last_error=say(
                "Set aside: %(deadly_claims)s workers in a row ended while they worked on this cluster.",
                deadly_claims=DEADLY_CLAIMS,
            ),
        )
    return found
