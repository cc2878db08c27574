"""What several changes check, and lock, before they write."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Q

from accounts import rules
from accounts.models import Status, User
from otestack.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from otestack.sentences import say


def businesses() -> models.Manager[Any]:
    """Return the manager of the app above this one, which may not be imported here."""
    manager: models.Manager[Any] = apps.get_model("business", "Business")._default_manager
    return manager


def lock_user(user: User, by: User | None) -> User:
    """Lock and return the user as it is now, with `by` and all system administrators.

    So two who act on each other go one after the other. Raises NotFound when the user is gone or not in the business
    of `by` any more, Unauthorized when `by` is gone.
    """
    ids = [user.pk] if by is None else [user.pk, by.pk]
    rows = User.objects.living().filter(Q(pk__in=ids) | Q(is_superuser=True))
    locked = {row.pk: row for row in rows.order_by("id").select_for_update()}
    if by is not None and (by.pk not in locked or not locked[by.pk].is_active):
        raise Unauthorized(say("You may not log in any more."))
    if user.pk not in locked or (by is not None and not _reaches(locked[by.pk], locked[user.pk])):
        raise NotFound
    return locked[user.pk]


def _reaches(by: User, user: User) -> bool:
    """Return whether `by`, who may administer, has this user to administer: its business may just have ended."""
    return by.is_superuser or (by.business_id is not None and by.business_id == user.business_id)


def require_not_self(user: User, by: User | None, sentence: str) -> None:
    """Raise Conflict with the sentence for who acts on itself."""
    if by is not None and user.pk == by.pk:
        raise Conflict(sentence)


def require_rank(by: User | None) -> None:
    """Raise Forbidden for who is no system administrator. by: None for an operator at the command line."""
    if by is not None and not by.is_superuser:
        raise Forbidden(say("Only a system administrator may do this to a system administrator."))


def require_another_system_admin(user: User) -> None:
    """Raise Conflict where the locked `user` is the only one that can administer the system."""
    if not user.is_superuser:
        return
    able = User.objects.living().filter(is_superuser=True, status=Status.APPROVED)
    if not able.exclude(pk=user.pk).exists():
        raise Conflict(say("This is the last system administrator."))


def require_password(password: str) -> None:
    """Raise Invalid for a password that does not follow the rule."""
    if fault := rules.password_fault(password):
        raise Invalid(password=fault)


def require_name_and_password(user_name: str, password: str) -> None:
    """Raise Invalid for what a new user may not be called, or not log in with."""
    if fault := rules.user_name_fault(user_name):
        raise Invalid(user=fault)
    require_password(password)
