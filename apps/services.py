"""Changes of applications. Nothing else writes their tables."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from apps.models import AppVersion, Status, VersionLine
from business.models import Business
from business.services import lock_approved
from otestack.errors import Conflict, Invalid
from otestack.transactions import retry_deadlock
from registry.models import ExternalRepository

if TYPE_CHECKING:
    from accounts.models import User

# Who runs application versions lies above this app and is not imported here: whoever does adds a function when
# Django starts (deployments.apps). It gets ids of versions, inside the transaction that has locked them, and returns
# the sentence that names who needs one of them, or None.
in_use: list[Callable[[Collection[int]], str | None]] = []


def own_business(user: User) -> Business:
    """Return the business that the user acts in by name: a system administrator always in the built-in one."""
    if user.is_superuser or user.business is None:
        return Business.objects.get(is_system=True)
    return user.business


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
        raise Invalid(repositoryId=f"There is no repository '{repository}'.")
    line = spec["version"]
    minor = next_minor(business, spec["appName"], line)
    return AppVersion.objects.create(
        business=business,
        app_name=spec["appName"],
        line=line,
        minor=minor,
        version=f"{line}.{minor}",
        status=Status.READY,
        deploy_type=spec["deployType"],
        image=spec["image"],
        repository_id=repository,
        spec=spec,
    )


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
    found = set(rows.select_for_update().order_by("pk").values_list("pk", flat=True))
    if missing := sorted(set(ids) - found):
        raise Invalid(appId=f"There is no application {', '.join(map(str, missing))}.")
    for user_of in in_use:
        if sentence := user_of(found):
            raise Conflict(sentence)
    AppVersion.objects.filter(pk__in=found).update(status=Status.DELETED, updated_at=timezone.now())
