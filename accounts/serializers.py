"""Shapes of requests and responses (seed: User Management)."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from rest_framework import serializers

from accounts import rules
from accounts.models import User
from otestack.api.fields import Body, Flag, Text, UnixTime, Whole

# Any password that was ever set may log in; this only keeps nonsense from the hasher.
LOGIN_LENGTH = 1024


def follows(fault: Callable[[str], str | None]) -> Callable[[str], None]:
    """Return the validator of a rule in accounts/rules.py."""

    def validate(value: str) -> None:
        if sentence := fault(value):
            raise serializers.ValidationError(sentence)

    return validate


class NewPassword(Text):
    """A password to be set."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validators=[follows(rules.password_fault)], **options)


class LoginRequest(Body):
    """POST /v1/authorization."""

    user = Text(max_length=LOGIN_LENGTH)
    password = Text(max_length=LOGIN_LENGTH)


class UserRequest(Body):
    """POST /v1/user and POST /v1/admin/user."""

    user = Text(validators=[follows(rules.user_name_fault)])
    password = NewPassword()
    phone = Text(validators=[follows(rules.phone_fault)])
    isAdmin = Flag()
    realName = Text(max_length=255)


class ChangePasswordRequest(Body):
    """PUT /v1/user."""

    oldPassword = Text(max_length=LOGIN_LENGTH)
    password = NewPassword()


class ResetPasswordRequest(Body):
    """PUT /v1/admin/user/[id]/password."""

    password = NewPassword()


class AuditRequest(Body):
    """PUT /v1/admin/user/[id]. 0 pending, 1 approved, 2 not approved, 3 forbidden."""

    status = Whole(max_value=3)


class UserRow(serializers.Serializer[User]):
    """One user of the list."""

    id = serializers.IntegerField()
    user = serializers.CharField(source="username")
    status = serializers.IntegerField()
    realName = serializers.CharField(source="real_name")
    phone = serializers.CharField()
    createTime = UnixTime(source="created_at")
    updateTime = UnixTime(source="updated_at")


class AuthorizationInformation(serializers.Serializer[User]):
    """Who is logged in, and the settings that steer a client."""

    displayName = serializers.CharField(source="username")
    hasRepoAccount = serializers.SerializerMethodField()
    role = serializers.IntegerField()

    def get_hasRepoAccount(self, user: User) -> bool:
        """No: an account is made in the image registry, and none is configured."""
        return False

    def to_representation(self, instance: User) -> dict[str, Any]:
        """Add the deployment-wide settings."""
        return super().to_representation(instance) | {
            "privateProject": settings.OTE_PRIVATE_PROJECT,
            "enableIngress": settings.OTE_ENABLE_INGRESS,
            "enableAlert": settings.OTE_ENABLE_ALERT,
            "enableAdminAutoDeploy": settings.OTE_ADMIN_AUTO_DEPLOY,
        }
