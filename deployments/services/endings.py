"""What apps below ask of deployments, through lists that deployments/apps.py adds to."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from business.models import Business
from clusters.engine.placing import lock_placements
from deployments.models import Audit, Change, Deployment, Operation, Status
from deployments.services.decide import carry_out
from deployments.services.locks import lock_deployments
from deployments.services.noting import of_change
from otestack import trail
from otestack.sentences import say

if TYPE_CHECKING:
    from accounts.models import User

_BUSINESS_DELETED = say("The business was deleted.")


def delete_for_business(business: Business, by: User | None) -> None:
    """End all deployments of a business: waiting changes are refused, the rest is deleted.

    Called inside the deletion of the business, which holds its lock. by: None for an operator at the command line.
    """
    lock_placements()
    ids = Deployment.objects.filter(business=business).listed().values_list("pk", flat=True)
    rows = lock_deployments(list(ids))
    changes = Operation.objects.filter(deployment__in=rows, open=True)
    _write_trail(rows, changes)
    ended = {"open": False, "ended_at": Now(), "updated_at": Now()}
    changes.filter(audit=Audit.WAITING).update(
        audit=Audit.REFUSED,
        status=Status.REFUSED,
        audit_comment=_BUSINESS_DELETED,
        decided_by=by,
        decided_at=Now(),
        **ended,
    )
    # A deletion that is under way goes on; anything else is overtaken by one.
    deleting = set(changes.filter(kind=Change.DELETE).values_list("deployment", flat=True))
    changes.exclude(kind=Change.DELETE).update(status=Status.FAILED, **ended)
    for deployment in rows:
        if deployment.pk not in deleting:
            _delete(deployment, by)


def _write_trail(rows: Collection[Deployment], changes: QuerySet[Operation]) -> None:
    """Write which waiting changes are refused, and which are overtaken by the deletion."""
    by_id = {row.pk: row for row in rows}
    entries = []
    for change in changes.only("kind", "version", "audit", "deployment_id").order_by("pk"):
        if change.audit == Audit.WAITING or change.kind != Change.DELETE:
            verb = "refuse" if change.audit == Audit.WAITING else "end"
            entries.append(of_change(verb, by_id[change.deployment_id], change, comment=_BUSINESS_DELETED))
    trail.write(entries)


def _delete(deployment: Deployment, by: User | None) -> None:
    shown = Operation.objects.defer("manifests", "secrets", "chart_values").get(pk=deployment.shown_id or 0)
    operation = Operation.objects.create(
        deployment=deployment,
        kind=Change.DELETE,
        app_version=shown.app_version,
        version=shown.version,
        comment=_BUSINESS_DELETED,
        submitted_by=by,
    )
    carry_out(operation, by=by, comment=_BUSINESS_DELETED)


def in_use(ids: Collection[int]) -> str | None:
    """Return the sentence that names a live deployment that runs one of these versions, or is about to; else None."""
    runs = Q(running=True, current__app_version__in=ids)
    will = Q(
        pk__in=Operation.objects.filter(open=True, app_version__in=ids).exclude(kind=Change.DELETE).values("deployment")
    )
    found = (
        Deployment.objects.filter(runs | will, live=True)
        .order_by("pk")
        .values_list("name", "current__app_version__version")
        .first()
    )
    if found is None:
        return None
    return say("The deployment '%(found)s' uses it; delete or upgrade the deployment first.", found=found[0])
