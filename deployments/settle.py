"""What the placements came to, written to deployments and operations. Repeatable; two at once do no harm.

Locks in this order, each in id order: bundles, deployments, operations. A transaction that records placements marks
their bundle in the same transaction, so once we hold the bundle we see all of what it wrote, or its mark comes later.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from clusters.engine.bulk import update_rows
from clusters.engine.clock import db_now
from clusters.models import Bundle
from deployments.counts import Tally, stored, tally
from deployments.models import Change, Deployment, Operation, Status
from deployments.services import telling
from deployments.services.noting import of_change
from deployments.status import after_end, not_green, status
from otestack import trail
from otestack.caller import as_engine
from otestack.transactions import retry_deadlock

# Bundles in one transaction: short enough that nobody waits for it.
BATCH = 200

_DEPLOYMENT_COLUMNS = (
    "id",
    "status",
    "editable",
    "live",
    "placements",
    "placements_ready",
    "pods_running",
    "pods_error",
    "pods_total",
    "reason",
    "told",
    "updated_at",
)
_OPERATION_COLUMNS = ("id", "status", "open", "ended_at", "renewed_at", "updated_at")


@as_engine
def settle() -> int:
    """Settle dirty bundles and those whose operation is under way; return how many were looked at."""
    dirty = Bundle.objects.filter(dirty_at__isnull=False).values_list("pk", flat=True)
    moving = Deployment.objects.filter(current__open=True).values_list("bundle_id", flat=True)
    # Apart: each has its index.
    renewed = Deployment.objects.filter(current__renewed_at__isnull=False).values_list("bundle_id", flat=True)
    ids = sorted({pk for pk in (*dirty, *moving, *renewed) if pk is not None})
    settle_bundles(ids)
    return len(ids)


def settle_bundles(ids: list[int]) -> None:
    """Settle these bundles, dirty or not. ids: sorted."""
    for start in range(0, len(ids), BATCH):
        _settle(ids[start : start + BATCH])


@retry_deadlock
@transaction.atomic
def _settle(bundle_ids: list[int]) -> None:
    bundles = Bundle.objects.filter(pk__in=bundle_ids)
    list(bundles.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    bundles.filter(dirty_at__isnull=False).update(dirty_at=None)

    # Statements of their own, after the locks: what was committed while we waited is seen.
    deployments = list(
        Deployment.objects.select_for_update(no_key=True)
        .filter(bundle_id__in=bundle_ids, current__isnull=False)
        .exclude(status=Status.DELETED)
        .order_by("pk")
    )
    if not deployments:
        return
    now = db_now()
    sums = tally([row.bundle_id for row in deployments if row.bundle_id is not None])
    operations = (
        Operation.objects.select_for_update(no_key=True)
        .defer("manifests", "secrets", "chart_values")
        .filter(pk__in=[row.current_id for row in deployments])
        .order_by("pk")
        .in_bulk()
    )
    shown = _shown(deployments, operations)
    moved_deployments, moved_operations, ends, news = [], [], [], []
    for row in deployments:
        operation = operations[row.current_id or 0]
        added = sums[row.bundle_id or 0]
        was_open, before = operation.open, {"status": operation.status}
        if _settle_operation(operation, row, added, now):
            moved_operations.append(operation)
        if was_open and not operation.open:
            ends.append(of_change("end", row, operation, before=before, status=operation.status))
        moved = _settle_deployment(row, operation, added, now)
        clusters = telling.clusters_of(operation.kind, added, row.placements)
        said = telling.said(row, shown[row.shown_id or 0], operation.generation, clusters)
        if said != row.told:
            moved, row.told = True, said
            news.append(row)
        if moved:
            moved_deployments.append(row)
    update_rows(Deployment, [_columns(row, _DEPLOYMENT_COLUMNS) for row in moved_deployments], match=["id"])
    telling.write(news)
    trail.write(ends)
    by_id = sorted(moved_operations, key=lambda operation: operation.pk)
    update_rows(Operation, [_columns(operation, _OPERATION_COLUMNS) for operation in by_id], match=["id"])


def _shown(deployments: list[Deployment], operations: dict[int, Operation]) -> dict[int, Operation]:
    """Return the changes that deployments show; most show the one whose objects they run."""
    others = [row.shown_id or 0 for row in deployments if row.shown_id not in operations]
    if not others:
        return operations
    return operations | Operation.objects.filter(pk__in=others).only("kind", "version").in_bulk()


def _columns(row: Deployment | Operation, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _settle_operation(operation: Operation, row: Deployment, sums: Tally, now: datetime) -> bool:
    """Move the operation whose objects the bundle holds; return whether it changed."""
    before = operation.status, operation.open, operation.renewed_at
    counts = sums.counts(operation.kind, row.placements)
    if operation.open or operation.renewed_at is not None:
        times = (operation.decided_at, operation.renewed_at, sums.last_taken_at)
        since = max(at for at in times if at is not None)
        age = (now - since).total_seconds()
        found, ended = status(operation.kind, counts, age=age, deadline=settings.OTE_PROGRESS_DEADLINE)
        if operation.open:
            # Deploying does not go back to processing when more clusters join.
            operation.status = found if ended else max(found, operation.status)
        else:  # it ended before; a new secret is on its way
            operation.status = after_end(operation.kind, counts) if ended else not_green(operation.status)
        if ended:
            operation.ended_at = operation.ended_at or now
            operation.open, operation.renewed_at = False, None
    else:
        operation.status = after_end(operation.kind, counts)
    if before == (operation.status, operation.open, operation.renewed_at):
        return False
    operation.updated_at = now
    return True


def _settle_deployment(row: Deployment, operation: Operation, sums: Tally, now: datetime) -> bool:
    """Bring the deployment's row up to date; return whether it changed."""
    new: dict[str, object] = dict(stored(operation.kind, sums))
    if row.shown_id == operation.pk:
        new["status"] = operation.status
        if operation.open is False:
            # What is stored does not age: see deployments/status.py.
            if operation.renewed_at is None:
                new["status"] = after_end(operation.kind, sums.counts(operation.kind, row.placements))
            new["editable"] = new["status"] != Status.DELETED
    if row.status != Status.ERROR or row.shown_id == operation.pk:
        new["reason"] = sums.reason(operation.kind)
    if operation.kind == Change.DELETE and operation.status == Status.DELETED:
        new |= {"live": False}
    status_moved = new.get("status", row.status) != row.status
    changed = {name: value for name, value in new.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    if status_moved:
        row.updated_at = now
    return bool(changed)
