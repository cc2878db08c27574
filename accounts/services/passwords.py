"""New passwords; with each the user's tokens end."""

from __future__ import annotations

from django.contrib.auth.hashers import make_password
from django.db import models, transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.models import User
from accounts.services.checks import require_password, require_rank
from accounts.throttles import login_failures
from otestack import trail
from otestack.errors import Conflict, Invalid, NotFound
from otestack.sentences import say


def change_password(user: User, *, old: str, new: str, address: str) -> None:
    """Change the user's own password and end its tokens.

    A wrong old one counts as a failed login from `address`: whoever found a token or a session must not guess on here.
    Raises Invalid for a wrong old or an unfit new one, TooMany, Conflict when it was changed at the same time.
    Source: seed, PUT /v1/user.
    """
    throttle = login_failures(user.username, address)
    throttle.check()
    if not user.check_password(old):
        throttle.take()
        raise Invalid(oldPassword=say("It is not the current password."))
    require_password(new)
    hashed = make_password(new)
    with transaction.atomic():
        same = User.objects.living().filter(pk=user.pk, password=user.password)
        if not _set_password(same, hashed):
            raise Conflict(say("The password was changed at the same time."))
        trail.noted("change password", user, tokens="ended")


def reset_password(user: User, password: str, *, by: User | None = None) -> None:
    """Give a user a new password and end its tokens. by: None for an operator at the command line.

    Raises Invalid, NotFound when it was deleted, Forbidden for a system administrator's unless `by` is one.
    Source: seed, PUT /v1/admin/user/[userId]/password.
    """
    require_password(password)
    if user.is_superuser:
        require_rank(by)
    hashed = make_password(password)
    with transaction.atomic():
        # The flag again in the statement: the user may be made a system administrator at the same time.
        if not _set_password(User.objects.living().filter(pk=user.pk, is_superuser=user.is_superuser), hashed):
            raise NotFound
        trail.noted("reset password", user, tokens="ended")


def _set_password(users: models.QuerySet[User], hashed: str) -> bool:
    return bool(users.update(password=hashed, token_epoch=F("token_epoch") + 1, updated_at=Now()))
