"""A registry account's new password, for everything that pulls by it (joined in deployments/apps.py)."""

from __future__ import annotations

import json

from django.db.models import Q
from django.db.models.functions import Now

from clusters.engine.bundles import put
from clusters.engine.placing import lock_ends
from deployments.models import Change, Deployment, Operation, Status
from deployments.pull_secrets import renewed
from deployments.services.locks import lock_deployments
from deployments.services.making import wish
from otestack import trail
from registry.models import RegistryAccount


def renew_pull_secrets(account: RegistryAccount) -> None:
    """Give all deployments that pull by the account its new password, as a new generation on all their clusters.

    What waits for audit gets it too. Called inside the transaction that stores the password, with the business locked.
    """
    using = Operation.objects.filter(registry_account=account).exclude(kind=Change.DELETE)
    held = Q(pk__in=using.filter(open=True).values("deployment")) | Q(current__in=using)
    ids = list(Deployment.objects.filter(held).listed().order_by("pk").values_list("pk", flat=True))
    bundles = Deployment.objects.filter(pk__in=ids, bundle__isnull=False, current__in=using)
    lock_ends(bundles.values_list("bundle", flat=True))
    locked = lock_deployments(ids)
    trail.write([trail.entry("renew pull secret", deployment) for deployment in locked])
    for deployment in locked:
        rows = using.filter(Q(open=True) | Q(pk=deployment.current_id), deployment=deployment).exclude(secrets="")
        for operation in rows.select_for_update(no_key=True).order_by("pk"):
            secrets = renewed(json.loads(operation.secrets), deployment.name, account)
            rows.filter(pk=operation.pk).update(secrets=json.dumps(secrets), updated_at=Now())
            if operation.pk == deployment.current_id:
                _hand_out(deployment.pk)


def _hand_out(pk: int) -> None:
    """Put what a deployment's current operation holds now on its clusters. It is proven when it was seen there anew."""
    deployment = Deployment.objects.select_related("business", "bundle", "current").get(pk=pk)
    operation, bundle = deployment.current, deployment.bundle
    if operation is None or bundle is None or bundle.ended_at is not None:
        return
    bundle = put(bundle, wish(deployment, operation))
    rows = Operation.objects.filter(pk=operation.pk)
    rows.update(generation=bundle.generation, renewed_at=Now())
    # At once, not with the next settling: what was proven is proven of the generation before.
    rows.filter(status=Status.SUCCESS).update(status=Status.PARTIAL)
    shown = Deployment.objects.filter(pk=pk, shown=operation, status=Status.SUCCESS)
    shown.update(status=Status.PARTIAL, updated_at=Now())
