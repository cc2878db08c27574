"""Forgetting changes that ended long ago. The audit trail keeps what they were."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from deployments.models import Audit, Change, Deployment, Operation, Status
from otestack import trail

# Rows of one transaction: short enough that nobody waits for it.
_BATCH = 500
_RAN = Q(audit=Audit.APPROVED, generation__gt=0, kind__in=[Change.NEW, Change.UPGRADE, Change.ROLLBACK])


def purgeable(before: datetime) -> QuerySet[Operation]:
    """Return changes that ended before then and that nothing needs.

    Kept are what is shown or runs, of a living deployment the newest run of each version (a rollback may want it), and
    all of a living one of which nothing ran yet: refusing its waiting change shows again what was shown before.
    """
    newer = Operation.objects.filter(
        _RAN, deployment=OuterRef("deployment"), app_version=OuterRef("app_version"), pk__gt=OuterRef("pk")
    )
    needed = Deployment.objects.filter(Q(shown=OuterRef("pk")) | Q(current=OuterRef("pk")))
    for_rollback = _RAN & ~Q(deployment__status=Status.DELETED) & ~Exists(newer)
    never_ran = Q(deployment__current=None) & ~Q(deployment__status=Status.DELETED)
    ended = Operation.objects.filter(~Exists(needed), open=False, ended_at__lt=before)
    return ended.exclude(for_rollback).exclude(never_ran)


def purge_operations(before: datetime) -> int:
    """Delete them, and return how many there were. Repeatable."""
    number = 0
    while True:
        with transaction.atomic():
            ids = list(purgeable(before).order_by("pk").values_list("pk", flat=True)[:_BATCH])
            if not ids:
                return number
            # The condition again: a deployment may show one of them by now. Only keys are read: a row whose secrets are
            # under a lost key can go too.
            gone = purgeable(before).filter(pk__in=ids).only("pk").delete()[0]
            number += gone
            after = {"number": gone, "endedBefore": before, "first": ids[0], "last": ids[-1]}
            trail.write([trail.of("operation", "", "ended changes", "purge", after=after)])
