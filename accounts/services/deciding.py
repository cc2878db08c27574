"""Decisions about users: approved, refused, forbidden, deleted."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.models import Status, User
from accounts.services.checks import lock_user, require_another_system_admin, require_not_self, require_rank
from otestack import trail
from otestack.sentences import say
from otestack.transactions import retry_deadlock

# What the audit trail calls each decision about a user.
_DECIDED = {
    Status.PENDING: "let wait again",
    Status.APPROVED: "approve",
    Status.REFUSED: "refuse",
    Status.FORBIDDEN: "forbid",
}


@retry_deadlock
@transaction.atomic
def audit(user: User, *, status: int, by: User | None = None, comment: str = "") -> None:
    """Set a user's status, from any to any; one that may not log in any more loses its tokens. comment: for the trail.

    Raises Conflict for oneself and the last system administrator, NotFound. Source: seed, PUT /v1/admin/user/[userId].
    """
    user = lock_user(user, by)
    if status != Status.APPROVED:
        require_not_self(user, by, say("You cannot take your own approval away."))
        require_another_system_admin(user)
    ends_tokens = status in {Status.REFUSED, Status.FORBIDDEN}
    User.objects.filter(pk=user.pk).update(
        status=status, token_epoch=F("token_epoch") + (1 if ends_tokens else 0), updated_at=Now()
    )
    trail.changed(_DECIDED[Status(status)], user, facts={"comment": comment} if comment else None, status=status)


@retry_deadlock
@transaction.atomic
def delete(user: User, *, by: User | None = None) -> None:
    """Delete a user: its tokens end, its name is free again, its record stays.

    Raises Conflict for oneself and the last system administrator, Forbidden, NotFound.
    Source: seed, DELETE /v1/admin/user/[userid].
    """
    user = lock_user(user, by)
    require_not_self(user, by, say("You cannot delete yourself."))
    if user.is_superuser:
        require_rank(by)
    require_another_system_admin(user)
    User.objects.filter(pk=user.pk).update(deleted_at=Now(), token_epoch=F("token_epoch") + 1, updated_at=Now())
    trail.deleted(user)
