"""Who is calling: the token in the Authorization header, raw or after Bearer, and one query for its user."""

import time
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Exists, Model
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.tokens import Token

from accounts.models import RevokedToken, User
from accounts.tokens import EPOCH_CLAIM
from otestack.statements import Statement, holes

# Characters. Ours have about 250; what is much longer is not ours and not worth decoding.
LONGEST_HEADER = 4096


class TokenAuthentication(BaseAuthentication):
    """Accepts `Authorization: <jwt>` as the seed shows and `Authorization: Bearer <jwt>` as clients send it."""

    def authenticate_header(self, request: Request) -> str:
        """Return what WWW-Authenticate says with a 401."""
        return "Bearer"

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        """Return the user and its token; None without a header. Raises AuthenticationFailed (401) otherwise."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header.isascii() or len(header) > LONGEST_HEADER:
            raise AuthenticationFailed
        words = header.split()
        if not words:
            return None
        if len(words) == 2 and words[0].lower() == "bearer":
            del words[0]
        if len(words) != 1:
            raise AuthenticationFailed
        try:
            token = self._validated(words[0].encode())
        except (ArithmeticError, TypeError, ValueError) as error:  # a time that is none, signed with our key
            raise AuthenticationFailed from error
        return self._user_of(token), token

    def _validated(self, raw_token: bytes) -> Token:
        """Return the token, when it was signed by us and has not expired. Raises AuthenticationFailed otherwise."""
        token = _signed(raw_token)
        if token["exp"] <= time.time():
            raise AuthenticationFailed
        return token

    def _user_of(self, token: Token) -> User:
        """Return the living user that the token is still good for, in one query. Raises AuthenticationFailed."""
        uid, jti, epoch = (token.get(claim) for claim in ("uid", "jti", EPOCH_CLAIM))
        if not (isinstance(uid, str) and uid.isascii() and uid.isdigit() and len(uid) < 19):
            raise AuthenticationFailed
        if not (isinstance(jti, str) and jti.isalnum()) or type(epoch) is not int or not 0 <= epoch < 2**31:
            raise AuthenticationFailed
        user = _user(int(uid), jti, epoch)
        if user is None or not user.is_active:
            raise AuthenticationFailed
        return user


@lru_cache(maxsize=1000)
def _signed(raw_token: bytes) -> Token:
    """Return a token that was looked at whole. Kept, since nothing but the time changes what it says of itself.

    Whether it is still good for its user is another question, which is asked each time.
    """
    return JWTAuthentication().get_validated_token(raw_token)


# Not read with each request; whoever needs them gets them by a query of their own.
_UNREAD = {"password", "last_login", "introduce", "objective", "scale"}


def _user(pk: int, jti: str, epoch: int) -> User | None:
    """Return the living user whose token this is, with its business, unless the token was revoked."""
    statement, own, businesses = _statement()
    for row in statement.run(jti, pk, epoch):
        user = User.from_db(DEFAULT_DB_ALIAS, own, row[: len(own)])
        if user.business_id is not None:
            user.business = _business().from_db(DEFAULT_DB_ALIAS, businesses, row[len(own) :])
        return user
    return None


@lru_cache(maxsize=1)
def _statement() -> tuple[Statement, list[str], list[str]]:
    """Return the one query of nearly every request, and the columns of users and of businesses in it."""
    replaced = jti, pk, epoch = holes("", 0, 0)
    own, businesses = _columns(User), _columns(_business())
    rows = User.objects.living().filter(
        ~Exists(RevokedToken.objects.filter(jti=jti)), pk=pk, token_epoch=epoch
    )  # fmt: skip
    columns = (*own, *(f"business__{name}" for name in businesses))
    return Statement(rows.values_list(*columns), replaced), own, businesses


def _business() -> Any:
    return User._meta.get_field("business").related_model


def _columns(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields if field.name not in _UNREAD]
