"""User Management 1 to 11 of the seed."""

from typing import Any, cast

from django.db.models import QuerySet
from django.db.models.functions import Lower
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework_simplejwt.tokens import Token as PresentedToken

from accounts import schema, services
from accounts.models import User
from accounts.policy import ANYONE, POLICY
from accounts.serializers import (
    AuthorizationInformation,
    ChangePasswordRequest,
    LoginRequest,
    ResetPasswordRequest,
    Token,
    UserAuditRequest,
    UserRequest,
    UserRow,
)
from accounts.throttles import registrations
from otestack.api.renderers import Response
from otestack.api.rows import shape
from otestack.api.schema import Keys, One, Page, endpoint
from otestack.api.views import TenantViewSet
from otestack.caller import client_address

_TAKEN = "The user is the caller, or the last system administrator."


class OpenViewSet(TenantViewSet):
    """Base of paths with a method that needs no token: there an old token in the header does no harm."""

    queryset = User.objects.all()
    chapter = "User Management"

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Return none where the policy lets anyone in."""
        rule = POLICY.get(f"{self.request.method} {self.path}")
        return [] if rule is not None and rule.roles == ANYONE else super().get_authenticators()


class AuthorizationViewSet(OpenViewSet):
    """The caller's tokens, and what they stand for."""

    @endpoint(
        "Log in",
        body=LoginRequest,
        answer=Keys(Token),
        refuses={
            401: "The user name or the password is wrong; which of them is not said.",
            403: "The user is not approved, or forbidden. Said after the right password only.",
            429: "Too many failed logins of this user from this address.",
        },
        sent=schema.LOGIN,
        answered=schema.TOKEN,
    )
    def login(self, request: Request) -> Response:
        """Return a token for a user name and a password. It is good for one hour."""
        body = self.body()
        return self.answer({"token": services.login(body["user"], body["password"], address=client_address(request))})

    @endpoint("Renew token", answer=Keys(Token), answered=schema.RENEWED)
    def renew(self, request: Request) -> Response:
        """Return a new token for the one in the header, which lives out its hour."""
        return self.answer({"token": services.renew(self.caller)})

    @endpoint("Log out")
    def logout(self, request: Request) -> Response:
        """End the presented token, and only that one."""
        services.logout(self.caller, cast(PresentedToken, request.auth))
        return Response()

    @endpoint("Get authorization", answer=One(AuthorizationInformation), answered=schema.INFORMATION)
    def retrieve(self, request: Request) -> Response:
        """Say who is logged in, and which settings steer a client."""
        return self.answer_shown(shape(AuthorizationInformation).row_of(self.caller))


class UserViewSet(OpenViewSet):
    """Registration and the caller's own password."""

    @endpoint(
        "Register user",
        body=UserRequest,
        refuses={429: "Too many registrations from this address."},
        sent=schema.NEW_USER,
    )
    def create(self, request: Request) -> Response:
        """Register a user, who then waits for a system administrator's approval."""
        body = self.body()
        registrations(client_address(request)).take()
        services.register(**_new_user(body))
        return Response()

    @endpoint(
        "Change password",
        body=ChangePasswordRequest,
        refuses={
            409: "The password was changed at the same time.",
            429: "Too many failed logins of this user from this address; a wrong old password counts as one.",
        },
        sent=schema.CHANGED_PASSWORD,
    )
    def update(self, request: Request) -> Response:
        """Change the caller's password. All tokens of the caller end."""
        body = self.body()
        address = client_address(request)
        services.change_password(self.caller, old=body["oldPassword"], new=body["password"], address=address)
        return Response()


class AdminUserViewSet(TenantViewSet):
    """Users as administrators see them."""

    queryset = User.objects.all()
    chapter = "User Management"
    path_words = {"id": "The user's id."}
    order_fields = {"id": "id", "user_name": "name_key"}

    def get_queryset(self) -> QuerySet[User]:
        """Return the caller's users, with the name as it is compared."""
        users: QuerySet[User] = super().get_queryset()
        return users.alias(name_key=Lower("username"))

    @endpoint("List users", answer=Page(UserRow), answered=schema.USERS)
    def list(self, request: Request) -> Response:
        """List users: those of the caller's business, or all for a system administrator."""
        return self.listed()

    @endpoint("Create user", body=UserRequest, sent=schema.NEW_USER)
    def create(self, request: Request) -> Response:
        """Create an approved user in the caller's own business."""
        services.create_sub_user(**_new_user(self.body()), by=self.caller)
        return Response()

    @endpoint("Audit user", body=UserAuditRequest, refuses={409: _TAKEN}, sent=schema.AUDIT)
    def audit(self, request: Request, id: str) -> Response:
        """Set a user's status. One that is not approved any more loses its tokens at once."""
        body = self.body()
        services.audit(self.one(id), status=body["status"], by=self.caller)
        return Response()

    @endpoint("Delete user", refuses={409: _TAKEN})
    def destroy(self, request: Request, id: str) -> Response:
        """Delete a user. Its tokens end, and its name is free again."""
        services.delete(self.one(id), by=self.caller)
        return Response()

    @endpoint("Reset password", body=ResetPasswordRequest, sent=schema.NEW_PASSWORD)
    def password(self, request: Request, id: str) -> Response:
        """Give a user a new password. All tokens of that user end."""
        body = self.body()
        services.reset_password(self.one(id), body["password"], by=self.caller)
        return Response()


def _new_user(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "user_name": body["user"],
        "password": body["password"],
        "phone": body["phone"],
        "real_name": body["realName"],
        "is_admin": body["isAdmin"],
    }
