"""Locks, always in this order, each table in id order:

business, placement lock, application version, bundles, deployments, operations. The engine's clusters and placements
come after all of these. deployments/settle.py begins at the bundles.
"""

from __future__ import annotations

from collections.abc import Collection

from apps.models import AppVersion
from apps.models import Status as AppStatus
from business.models import Business
from clusters.models import Bundle
from deployments.models import Deployment
from otestack.errors import Invalid
from otestack.sentences import say


def lock_business_of(deployment: Deployment) -> None:
    """Lock the business, so that its deletion comes before or after this change and never in between."""
    list(Business.objects.select_for_update().filter(pk=deployment.business_id).values_list("pk"))


def lock_version(version: AppVersion) -> None:
    """Lock a version that is about to be used. Raises Invalid when it was deleted meanwhile."""
    row = AppVersion.objects.select_for_update(no_key=True).only("status").get(pk=version.pk)
    if row.status == AppStatus.DELETED:
        raise Invalid(version=say("Version %(version)s was deleted.", version=version.version))


def lock_deployments(ids: Collection[int]) -> list[Deployment]:
    """Lock deployments, and their bundles before them, and return them as they are now, in id order."""
    bundle_ids = Deployment.objects.filter(pk__in=ids, bundle__isnull=False).values("bundle")
    bundles = Bundle.objects.select_for_update(no_key=True).filter(pk__in=bundle_ids).order_by("pk")
    list(bundles.values_list("pk"))
    rows = Deployment.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    return list(rows)


def lock_deployment(pk: int) -> Deployment:
    """Lock one deployment and its bundle, and return it as it is now."""
    return lock_deployments([pk])[0]
