"""Who is calling: the token in the Authorization header, raw or after Bearer, and one query for its user."""

from django.db.models import Exists
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.tokens import Token

from accounts.models import RevokedToken, User
from accounts.tokens import EPOCH_CLAIM

# Characters. Ours have about 250; what is much longer is not ours and not worth decoding.
LONGEST_HEADER = 4096


class TokenAuthentication(JWTAuthentication):
    """Accepts `Authorization: <jwt>` as the seed shows and `Authorization: Bearer <jwt>` as clients send it."""

    def authenticate_header(self, request: Request) -> str:
        """Return what WWW-Authenticate says with a 401."""
        return "Bearer"

    def authenticate(self, request: Request) -> tuple[User, Token] | None:  # type: ignore[override]
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
            token = self.get_validated_token(words[0].encode())
        except (ArithmeticError, TypeError, ValueError) as error:  # a time that is none, signed with our key
            raise AuthenticationFailed from error
        return self.get_user(token), token

    def get_user(self, validated_token: Token) -> User:  # type: ignore[override]
        """Return the living user that the token is still good for, in one query. Raises AuthenticationFailed."""
        uid, jti, epoch = (validated_token.get(claim) for claim in ("uid", "jti", EPOCH_CLAIM))
        if not (isinstance(uid, str) and uid.isascii() and uid.isdigit() and len(uid) < 19):
            raise AuthenticationFailed
        if not (isinstance(jti, str) and jti.isalnum()) or type(epoch) is not int or not 0 <= epoch < 2**31:
            raise AuthenticationFailed
        user = (
            User.objects.living()
            .select_related("business")
            .filter(~Exists(RevokedToken.objects.filter(jti=jti)), pk=int(uid), token_epoch=epoch)
            .first()
        )
        if user is None or not user.is_active:
            raise AuthenticationFailed
        return user
