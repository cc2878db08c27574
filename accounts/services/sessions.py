"""Logging in to the API and out of it: tokens."""

from __future__ import annotations

from django.contrib.auth.hashers import make_password
from django.db import transaction
from rest_framework_simplejwt.tokens import Token

from accounts import tokens
from accounts.models import Status, User
from accounts.throttles import login_failures
from otestack import trail
from otestack.errors import Forbidden, Unauthorized
from otestack.sentences import say

_REFUSED_AT_LOGIN = {
    Status.REFUSED: say("The system administrator did not approve this user."),
    Status.FORBIDDEN: say("This user is forbidden to log in."),
}


def login(user_name: str, password: str, *, address: str) -> str:
    """Return a new token.

    Raises Unauthorized (one sentence for an unknown user and a wrong password), Forbidden for a user that was refused
    or forbidden, after the right password only, TooMany. Source: seed, POST /v1/authorization.
    """
    throttle = login_failures(user_name, address)
    throttle.check()
    user = User.objects.living().named(user_name).first()
    if user is None:
        make_password(password)  # as long as checking one takes, so that time does not tell which names exist
    if user is None or not user.check_password(password):
        throttle.take()
        raise Unauthorized(say("The user name or the password is wrong."))
    throttle.check()  # others may have failed meanwhile: guesses sent at once gain nothing
    if sentence := _REFUSED_AT_LOGIN.get(Status(user.status)):
        raise Forbidden(sentence)
    return tokens.issue(user)


def renew(user: User) -> str:
    """Return another token; the one at hand lives out its time. Source: seed, PUT /v1/authorization."""
    return tokens.issue(user)


@transaction.atomic
def logout(user: User, token: Token) -> None:
    """End the presented token. Source: seed, DELETE /v1/authorization."""
    tokens.revoke(token)
    trail.noted("log out", user)
