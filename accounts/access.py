"""Whether somebody who was let in may still be there: what a request asks once, asked again while a stream lasts."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import RevokedToken, User
from accounts.tokens import EPOCH_CLAIM
from otestack.sentences import say

EXPIRED = say("The token has expired.")
ENDED = say("The login has ended.")
NOT_ALLOWED = say("You are not allowed to do this any more.")


@dataclass(frozen=True)
class Access:
    """By what a user was let in: a token of the API, or a session of the back-office.

    roles: who may be there. business_id: whose things were shown; system administrators see everybody's.
    expires: Unix seconds; 0: the session's row says it.
    """

    user_id: int
    business_id: int | None
    roles: frozenset[int]
    epoch: int
    jti: str = ""
    expires: float = 0
    session: str = ""
    session_hash: str = ""


def by_token(user: User, token: Any, roles: frozenset[int]) -> Access:
    """Return the access of a request to the API. token: as it was validated."""
    return Access(
        user.pk, user.business_id, roles, token[EPOCH_CLAIM], jti=str(token["jti"]), expires=float(token["exp"])
    )


def by_session(user: User, session_key: str, roles: frozenset[int]) -> Access:
    """Return the access of a request to the back-office."""
    return Access(
        user.pk,
        user.business_id,
        roles,
        user.token_epoch,
        session=session_key,
        session_hash=user.get_session_auth_hash(),
    )


def expired(access: Access) -> bool:
    """Tell whether its time is over; asks nobody."""
    return 0 < access.expires <= time.time()


def lost(accesses: Iterable[Access]) -> dict[Access, str]:
    """Return those that are not good any more, with the sentence that says why. At most three queries."""
    asked = set(accesses)
    users = User.objects.living().select_related("business").in_bulk({one.user_id for one in asked})
    tokens = {one.jti for one in asked if one.jti}
    revoked = set(RevokedToken.objects.filter(jti__in=tokens).values_list("jti", flat=True)) if tokens else set()
    keys = {one.session for one in asked if one.session}
    living = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    sessions = set(living.values_list("session_key", flat=True)) if keys else set()
    found = {}
    for one in asked:
        if why := _why(one, users.get(one.user_id), revoked, sessions):
            found[one] = why
    return found


def _why(access: Access, user: User | None, revoked: set[str], sessions: set[str]) -> str:
    if expired(access):
        return EXPIRED
    if user is None or not user.is_active or user.token_epoch != access.epoch or access.jti in revoked:
        return ENDED
    if access.session:
        same = constant_time_compare(access.session_hash, user.get_session_auth_hash())
        if access.session not in sessions or not same:
            return ENDED
    if user.role not in access.roles or not (user.is_superuser or user.business_id == access.business_id):
        return NOT_ALLOWED
    return ""
