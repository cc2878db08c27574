"""Access tokens: signed, short-lived, and ended before their time by a number on the user or a row per token."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.utils import timezone

from accounts.models import RevokedToken, User

if TYPE_CHECKING:
    from rest_framework_simplejwt.tokens import Token

EPOCH_CLAIM = "epoch"


def issue(user: User) -> str:
    """Return a new token of `user`. It is dead as soon as the user's token_epoch is another one."""
    from rest_framework_simplejwt.tokens import AccessToken  # large, and workers tidy here without issuing any

    token = AccessToken()
    token["uid"] = str(user.pk)
    token[EPOCH_CLAIM] = user.token_epoch
    return str(token)


def revoke(token: Token) -> None:
    """End this one token at once, in every process. Doing it twice is no error."""
    expires_at = datetime.fromtimestamp(token["exp"], tz=UTC)
    RevokedToken.objects.bulk_create([RevokedToken(jti=token["jti"], expires_at=expires_at)], ignore_conflicts=True)


def forget_expired() -> int:
    """Delete the rows of revoked tokens that have expired by themselves; return how many."""
    return RevokedToken.objects.filter(expires_at__lt=timezone.now()).delete()[0]
