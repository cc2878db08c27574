"""What followers of a deployment are told (deployments/live.py): an event whenever there is something new to say.

The rows of deployments are locked by whoever writes, so the ids of a deployment's events rise as they are committed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef

from deployments.counts import Tally
from deployments.models import Deployment, Event, Operation, Status
from otestack.sentences import packed

Said = dict[str, Any]

# Of one deployment. Who was away for longer gets these; each of them says all there was to say.
KEPT = 1000
# Rows of one DELETE: short enough that nobody waits for it.
_BATCH = 5000
_NONE_YET = {"taken": 0, "ready": 0, "failed": 0, "away": 0}


def said(row: Deployment, shown: Operation, generation: int, clusters: dict[str, int]) -> Said:
    """Return what there is to say of a deployment. shown: the change that it shows; its kind and version are read.

    The message is packed: whoever reads it is told in their own language.
    """
    return {
        "deployId": row.pk,
        "deployName": row.name,
        "operationId": shown.pk,
        "deployType": shown.kind,
        "version": shown.version,
        "status": row.status,
        "generation": generation,
        "clusters": clusters,
        "pods": {"running": row.pods_running, "error": row.pods_error, "total": row.pods_total},
        "message": row.audit_comment if row.status == Status.REFUSED else packed(row.reason),
    }


def clusters_of(kind: int, sums: Tally, meant: int) -> dict[str, int]:
    """Return how many clusters it is meant for, have taken it, have it ready, failed and are away.

    For a delete those that have let go have taken it and are ready.
    """
    counts = sums.counts(kind, meant)
    return {
        "total": counts.total,
        "taken": counts.taken,
        "ready": counts.ready,
        "failed": counts.failed,
        "away": counts.away,
    }


def tell(pk: int, *, begins: bool = False) -> None:
    """Write what a change has made of a deployment, whose row is locked. begins: no cluster has anything of it yet.

    Otherwise the counts stay those of what runs; what placements add up to, settling says.
    """
    row = (
        Deployment.objects.select_related("shown", "bundle")
        .only(
            *(
                "name",
                "status",
                "reason",
                "audit_comment",
                "pods_running",
                "pods_error",
                "pods_total",
                "placements",
                "told",
            ),
            *("shown__kind", "shown__version", "bundle__generation"),
        )
        .get(pk=pk)
    )
    if row.shown is None:
        return
    generation = row.bundle.generation if row.bundle is not None else 0
    before = row.told.get("clusters") or {"total": row.placements} | _NONE_YET
    new = said(row, row.shown, generation, before | _NONE_YET if begins else before)
    if new != row.told:
        row.told = new
        Deployment.objects.filter(pk=pk).update(told=new)
        write([row])


def write(rows: Iterable[Deployment]) -> None:
    """Write one event for each, of what is told of it; the rows are locked and in id order."""
    Event.objects.bulk_create(Event(deployment_id=row.pk, said=row.told) for row in rows)


def forget_events(before: datetime) -> int:
    """Delete the events from before then, but the newest of each deployment; return how many. Repeatable."""
    later = Event.objects.filter(deployment=OuterRef("deployment"), pk__gt=OuterRef("pk"))
    number = 0
    while ids := list(Event.objects.filter(Exists(later), at__lt=before).values_list("pk", flat=True)[:_BATCH]):
        number += Event.objects.filter(pk__in=ids).delete()[0]
    return number


def trim_events() -> int:
    """Delete the events beyond the newest KEPT of each deployment; return how many. Repeatable."""
    many = Event.objects.order_by().values("deployment").annotate(number=Count("pk")).filter(number__gt=KEPT)
    number = 0
    for deployment in [row["deployment"] for row in many]:
        events = Event.objects.filter(deployment=deployment)
        last = events.order_by("-pk").values_list("pk", flat=True)[KEPT]
        number += events.filter(pk__lte=last).delete()[0]
    return number
