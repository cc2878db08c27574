"""Access tokens: signed, short-lived, and ended before their time by a number on the user or a row per token."""

from datetime import UTC, datetime

from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken, Token

from accounts.models import RevokedToken, User

EPOCH_CLAIM = "epoch"


def issue(user: User) -> str:
    """Return a new token of `user`. It is dead as soon as the user's token_epoch is another one."""
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
