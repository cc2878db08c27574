"""Deciding waiting changes: approval hands the stored objects to the engine, refusal shows again what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from clusters.engine.bundles import end, put
from clusters.engine.placing import lock_placements
from clusters.models import Bundle
from deployments.models import Audit, Change, Deployment, Operation, Status
from deployments.services.locks import lock_business_of, lock_deployment
from deployments.services.making import wish
from deployments.services.noting import content, of_change
from deployments.services.telling import tell
from otestack import trail
from otestack.errors import Conflict
from otestack.sentences import say
from otestack.transactions import retry_deadlock

if TYPE_CHECKING:
    from accounts.models import User


def audit(operation: Operation, *, by: User | None, status: int, comment: str) -> None:
    """Approve (1) or refuse (2) a waiting change. Source: seed, PUT /v1/admin/deploy."""
    decide = approve if status == Audit.APPROVED else refuse
    decide(operation, by=by, comment=comment)


@retry_deadlock
@transaction.atomic
def approve(operation: Operation, *, by: User | None, comment: str = "") -> None:
    """Approve a waiting change and hand its objects to the engine; calls no edge. by: None for an operator's command.

    Raises Conflict when it was decided before, another deployment holds an object of the same name by now, or it is
    one's own and four eyes are asked for.
    """
    _require_other_eyes(operation, by)
    lock_business_of(operation.deployment)
    lock_placements()
    lock_deployment(operation.deployment_id)
    carry_out(operation, by=by, comment=comment)


@retry_deadlock
@transaction.atomic
def refuse(operation: Operation, *, by: User | None, comment: str = "") -> None:
    """Refuse a waiting change. A new deployment's name is free again; else what runs is shown again.

    Raises Conflict when it was decided before.
    """
    lock_business_of(operation.deployment)
    deployment = lock_deployment(operation.deployment_id)
    _decide(operation, Audit.REFUSED, by, comment, status=Status.REFUSED, open=False, ended_at=Now())
    now = {"audit": Audit.REFUSED, "comment": comment} | content(operation)
    trail.write([of_change("refuse", deployment, operation, before={"audit": Audit.WAITING}, **now)])
    rows = Deployment.objects.filter(pk=deployment.pk)
    if operation.kind == Change.NEW:
        rows.update(status=Status.REFUSED, live=False, editable=True, audit_comment=comment, updated_at=Now())
        tell(deployment.pk)
        return
    shown = deployment.current or _shown_before(operation)
    rows.update(shown=shown, status=shown.status, editable=True, audit_comment=comment, updated_at=Now())
    tell(deployment.pk)
    # Settled anew: the fleet may have moved while the change was shown.
    Bundle.objects.filter(deployment=deployment).update(dirty_at=Now())


def carry_out(operation: Operation, *, by: User | None, comment: str = "") -> None:
    """Approve an operation whose rows are locked (deployments/services/locks.py), the placement lock included."""
    _decide(operation, Audit.APPROVED, by, comment, status=Status.APPROVED)
    operation = Operation.objects.get(pk=operation.pk)
    deployment = (
        Deployment.objects.select_related("business", "bundle", "current")
        .defer("current__manifests", "current__secrets", "current__chart_values")
        .get(pk=operation.deployment_id)
    )
    ran = {"audit": Audit.WAITING, "version": deployment.current.version if deployment.current else None}
    now = {"audit": Audit.APPROVED, "comment": comment} | content(operation)
    trail.write([of_change("approve", deployment, operation, before=ran, **now)])
    rows = Deployment.objects.filter(pk=deployment.pk)
    bundle = deployment.bundle
    if operation.kind != Change.DELETE:
        bundle = put(bundle, wish(deployment, operation))
    elif bundle is not None:
        end(bundle)
    if bundle is None:  # nothing was ever handed out, so there is nothing to wait for
        Operation.objects.filter(pk=operation.pk).update(status=Status.DELETED, open=False, ended_at=Now())
        status, live = Status.DELETED, False
        over = of_change("end", deployment, operation, before={"status": Status.APPROVED}, status=status)
        trail.write([over])
    else:
        Operation.objects.filter(pk=operation.pk).update(generation=bundle.generation)
        status, live = Status.APPROVED, True
    rows.update(
        bundle=bundle,
        shown=operation,
        current=operation,
        running=operation.kind != Change.DELETE,
        live=live,
        editable=False,
        status=status,
        reason="",
        audit_comment=comment,
        updated_at=Now(),
    )
    tell(deployment.pk, begins=True)


def _require_other_eyes(operation: Operation, by: User | None) -> None:
    if settings.OTE_FOUR_EYES and by is not None and operation.submitted_by_id == by.pk:
        raise Conflict(say("Change %(operation)s is your own; somebody else must approve it.", operation=operation.pk))


def _decide(operation: Operation, audit: Audit, by: User | None, comment: str, **fields: object) -> None:
    waiting = Operation.objects.filter(pk=operation.pk, open=True, audit=Audit.WAITING)
    if not waiting.update(
        audit=audit, audit_comment=comment, decided_by=by, decided_at=Now(), updated_at=Now(), **fields
    ):
        raise Conflict(say("Change %(operation)s was decided before.", operation=operation.pk))


def _shown_before(operation: Operation) -> Operation:
    """Return what was shown before this change of a deployment that never ran."""
    earlier = Operation.objects.filter(deployment=operation.deployment_id, pk__lt=operation.pk)
    return earlier.filter(Q(kind=Change.NEW) | ~Q(status=Status.REFUSED)).order_by("-pk")[0]
