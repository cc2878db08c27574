"""Which business a user belongs to, and as what."""

from __future__ import annotations

from typing import Any

from django.db import models, transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.models import Status, User
from accounts.services.checks import businesses, lock_user, require_another_system_admin, require_not_self
from otestack import trail
from otestack.errors import Conflict
from otestack.models import TrailEntry
from otestack.sentences import say
from otestack.transactions import retry_deadlock


@retry_deadlock
@transaction.atomic
def set_business(user: User, business: models.Model, *, is_admin: bool | None = None, by: User | None = None) -> None:
    """Put an approved user that has no business into one. is_admin: None leaves it to what the user registered as.

    Raises Conflict when the user has a business or is not approved, or the business is not. For the back-office.
    """
    locked = businesses().select_for_update().get(pk=business.pk)
    if not locked.is_approved:
        raise Conflict(say("The business %(locked)s is not approved.", locked=locked))
    user = lock_user(user, by)
    if user.is_superuser or user.status != Status.APPROVED:
        raise Conflict(say("%(user)s is not an approved user without a business.", user=user))
    if user.business is not None and user.business.is_approved:
        raise Conflict(say("%(user)s belongs to the business %(business)s.", user=user, business=user.business))
    is_admin = user.is_admin if is_admin is None else is_admin
    User.objects.filter(pk=user.pk).update(business_id=locked.pk, is_admin=is_admin, updated_at=Now())
    entry = trail.change("give a business", user, business_id=locked.pk, is_admin=is_admin)
    entry.business_id = locked.pk  # so that its administrators see it
    trail.write([entry])


@retry_deadlock
@transaction.atomic
def move(user: User, business: models.Model | None, *, is_admin: bool, by: User | None = None) -> None:
    """Give an approved user another role or business, or none (business: None); leaving one ends the tokens.

    Raises Conflict for a system administrator, a user or a business that is not approved, NotFound.
    """
    locked = None if business is None else businesses().select_for_update().get(pk=business.pk)
    if locked is not None and not locked.is_approved:
        raise Conflict(say("The business %(locked)s is not approved.", locked=locked))
    user = lock_user(user, by)
    if user.is_superuser:
        raise Conflict(say("%(user)s is a system administrator.", user=user))
    if user.status != Status.APPROVED:
        raise Conflict(say("%(user)s is not approved.", user=user))
    wanted = None if locked is None else locked.pk
    leaves = user.business_id is not None and user.business_id != wanted
    User.objects.filter(pk=user.pk).update(
        business_id=wanted, is_admin=is_admin, token_epoch=F("token_epoch") + int(leaves), updated_at=Now()
    )
    trail.write(_moved(user, wanted, is_admin=is_admin))


def _moved(user: User, wanted: int | None, *, is_admin: bool) -> list[TrailEntry]:
    """Return what the trail says of a move: to the business that is left, and to the one that is joined."""
    if user.business_id == wanted:
        return [trail.change("change role", user, is_admin=is_admin)]
    entries = []
    if user.business_id is not None:
        entries.append(trail.change("take the business", user, facts={"tokens": "ended"}, business_id=None))
        user.business_id = None  # where it came from is not the next one's
    if wanted is not None:
        joined = trail.change("give a business", user, business_id=wanted, is_admin=is_admin)
        joined.business_id = wanted  # so that its administrators see it
        entries.append(joined)
    return entries


@retry_deadlock
@transaction.atomic
def make_system_admin(user: User, *, by: User | None = None) -> None:
    """Make an approved user a system administrator, in the built-in business. Raises Conflict, NotFound."""
    system = businesses().select_for_update().get(is_system=True)
    user = lock_user(user, by)
    if user.status != Status.APPROVED:
        raise Conflict(say("%(user)s is not approved.", user=user))
    now = {"is_superuser": True, "is_admin": True, "business_id": system.pk}
    User.objects.filter(pk=user.pk).update(**now, updated_at=Now())
    trail.changed("make system administrator", user, **now)


@retry_deadlock
@transaction.atomic
def remove_system_admin(user: User, *, by: User | None = None) -> None:
    """Make a system administrator an approved user without a business.

    Raises Conflict for oneself and the last one, NotFound.
    """
    user = lock_user(user, by)
    require_not_self(user, by, say("You cannot take your own role away."))
    require_another_system_admin(user)
    now: dict[str, Any] = {"is_superuser": False, "business_id": None}
    rows = User.objects.filter(pk=user.pk, is_superuser=True)
    if rows.update(**now, token_epoch=F("token_epoch") + 1, updated_at=Now()):
        trail.changed("remove system administrator", user, **now)
