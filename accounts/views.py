"""User Management 1 to 11 of the seed."""

from typing import Any, cast

from django.db.models import QuerySet
from django.db.models.functions import Lower
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.tokens import Token

from accounts import services
from accounts.models import User
from accounts.policy import ANYONE, POLICY
from accounts.serializers import (
    AuditRequest,
    AuthorizationInformation,
    ChangePasswordRequest,
    LoginRequest,
    ResetPasswordRequest,
    UserRequest,
    UserRow,
)
from accounts.throttles import client_address, registrations
from otestack.api.views import TenantViewSet


class OpenViewSet(TenantViewSet):
    """Base of paths with a method that needs no token: there an old token in the header does no harm."""

    queryset = User.objects.all()

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Return none where the policy lets anyone in."""
        rule = POLICY.get(f"{self.request.method} {self.path}")
        return [] if rule is not None and rule.roles == ANYONE else super().get_authenticators()


class AuthorizationViewSet(OpenViewSet):
    """The caller's tokens, and what they stand for."""

    def login(self, request: Request) -> Response:
        """Return a token for a user name and a password."""
        body = self.body(LoginRequest)
        return Response({"token": services.login(body["user"], body["password"], address=client_address(request))})

    def renew(self, request: Request) -> Response:
        """Return a new token."""
        return Response({"token": services.renew(self.caller)})

    def logout(self, request: Request) -> Response:
        """End the presented token."""
        services.logout(cast(Token, request.auth))
        return Response()

    def retrieve(self, request: Request) -> Response:
        """Say who is logged in."""
        return Response({"data": AuthorizationInformation(self.caller).data})


class UserViewSet(OpenViewSet):
    """Registration and the caller's own password."""

    def create(self, request: Request) -> Response:
        """Register a user, who then waits for approval."""
        body = self.body(UserRequest)
        registrations(client_address(request)).take()
        services.register(**_new_user(body))
        return Response()

    def update(self, request: Request) -> Response:
        """Change the caller's password."""
        body = self.body(ChangePasswordRequest)
        services.change_password(self.caller, old=body["oldPassword"], new=body["password"])
        return Response()


class AdminUserViewSet(TenantViewSet):
    """Users as administrators see them."""

    queryset = User.objects.all()
    order_fields = {"id": "id", "user_name": "name_key"}

    def get_queryset(self) -> QuerySet[User]:
        """Return the caller's users, with the name as it is compared."""
        users: QuerySet[User] = super().get_queryset()
        return users.alias(name_key=Lower("username"))

    def list(self, request: Request) -> Response:
        """List users."""
        return self.listed(UserRow)

    def create(self, request: Request) -> Response:
        """Create a user in the caller's business."""
        services.create_sub_user(**_new_user(self.body(UserRequest)), by=self.caller)
        return Response()

    def audit(self, request: Request, id: str) -> Response:
        """Set a user's status."""
        body = self.body(AuditRequest)
        services.audit(self.one(id), status=body["status"], by=self.caller)
        return Response()

    def destroy(self, request: Request, id: str) -> Response:
        """Delete a user."""
        services.delete(self.one(id), by=self.caller)
        return Response()

    def password(self, request: Request, id: str) -> Response:
        """Give a user a new password."""
        body = self.body(ResetPasswordRequest)
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
