"""Changes of applications. Nothing else writes their tables."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from apps import charts
from apps.models import AppVersion, ChartArchive, DeployType, Status, VersionLine
from business.models import Business
from business.services import lock_approved, own_business
from otestack import trail
from otestack.errors import Conflict, Invalid
from otestack.sentences import say
from otestack.transactions import retry_deadlock
from registry.models import ExternalRepository

if TYPE_CHECKING:
    from accounts.models import User

# Letters of a release's name, helm's own limit; a deployment's name has no more.
LONGEST_RELEASE = 53

# Who runs application versions lies above this app and is not imported here: whoever does adds a function when
# Django starts (deployments.apps). It gets ids of versions, inside the transaction that has locked them, and returns
# the sentence that names who needs one of them, or None.
in_use: list[Callable[[Collection[int]], str | None]] = []


@retry_deadlock
@transaction.atomic
def create(by: User, spec: dict[str, Any]) -> AppVersion:
    """Create the next version of an application's main line, and the application with its first.

    spec: validated by apps.serializers.AppRequest; `version` is the main line.
    Raises Invalid for an unknown repositoryId, Forbidden when the business has just been deleted.
    Source: seed, POST /v1/app.
    """
    business = lock_approved(own_business(by).pk)
    repository = spec["repositoryId"]
    if repository and not ExternalRepository.objects.filter(business=business, repository_id=repository).exists():
        raise Invalid(repositoryId=say("There is no repository '%(repository)s'.", repository=repository))
    return _create(
        business,
        spec["appName"],
        spec["version"],
        deploy_type=spec["deployType"],
        image=spec["image"],
        repository_id=repository,
        spec=spec,
    )


def create_from_chart(by: User, *, app_name: str, line: str, packed: bytes) -> AppVersion:
    """Create the next version of an application's main line from a Helm chart, a gzipped tar.

    The chart must render with its default values, to what a tenant may deploy. Raises Invalid saying why it does not,
    Unavailable where there is no helm, Forbidden when the business has just been deleted.
    Source: seed, POST /v1/app/chart.
    """
    business = own_business(by)
    try:
        release = app_name[:LONGEST_RELEASE].rstrip("-")
        chart = charts.make(packed, release=release, namespace=business.namespace, values={}).chart
    except charts.ChartError as error:
        raise Invalid(chart=error.sentence) from error
    about = {"name": chart.name, "version": chart.version, "appVersion": chart.app_version}
    spec = {"appName": app_name, "version": line, "deployType": DeployType.CHART.value, "chart": about}
    return _store(business, spec, packed)


@retry_deadlock
@transaction.atomic
def _store(business: Business, spec: dict[str, Any], packed: bytes) -> AppVersion:
    business = lock_approved(business.pk)
    version = _create(business, spec["appName"], spec["version"], deploy_type=DeployType.CHART, spec=spec)
    ChartArchive.objects.create(app_version=version, digest=hashlib.sha256(packed).hexdigest(), packed=packed)
    return version


def _create(business: Business, app_name: str, line: str, **fields: Any) -> AppVersion:
    minor = next_minor(business, app_name, line)
    version = AppVersion.objects.create(
        business=business,
        app_name=app_name,
        line=line,
        minor=minor,
        version=f"{line}.{minor}",
        status=Status.READY,
        **fields,
    )
    trail.created(version)
    return version


def next_minor(business: Business, app_name: str, line: str) -> int:
    """Take the next minor of a main line. The row stays locked until the caller's transaction ends."""
    lines = VersionLine.objects.select_for_update()
    row, _ = lines.get_or_create(business=business, app_name=app_name, line=line)
    row.last_minor += 1
    row.save(update_fields=["last_minor"])
    return row.last_minor


@retry_deadlock
@transaction.atomic
def delete(by: User, ids: Collection[int]) -> None:
    """Delete application versions, all or none. They leave the lists and stay readable.

    Raises Invalid naming ids that are unknown or deleted before, Conflict naming who runs one of them.
    Source: seed, DELETE /v1/app.
    """
    rows = AppVersion.objects.visible_to(by).listed().filter(pk__in=ids)
    # In id order, so that two deletions of the same versions cannot wait for each other.
    locked = rows.select_for_update().order_by("pk").only("app_name", "version", "status", "business_id")
    versions = {version.pk: version for version in locked}
    found = set(versions)
    if missing := sorted(set(ids) - found):
        raise Invalid(appId=say("There is no application %(str)s.", str=", ".join(map(str, missing))))
    for user_of in in_use:
        if sentence := user_of(found):
            raise Conflict(sentence)
    AppVersion.objects.filter(pk__in=found).update(status=Status.DELETED, updated_at=timezone.now())
    trail.write([trail.change("delete", version, status=Status.DELETED) for version in versions.values()])
