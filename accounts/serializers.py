"""Shapes of requests and responses (seed: User Management)."""

from functools import lru_cache
from typing import Any

from django.conf import settings
from rest_framework import serializers

from accounts import rules
from accounts.models import Status, User
from otestack.api.fields import Body, Flag, Rule, Text, UnixTime, Whole
from otestack.statements import Statement, holes

# Any password that was ever set may log in; this only keeps nonsense from the hasher.
LOGIN_LENGTH = 1024
STATUSES = "0 pending, 1 approved, 2 not approved, 3 forbidden."


class NewPassword(Text):
    """A password to be set."""

    def __init__(self, **options: Any) -> None:
        least, most = rules.PASSWORD_LENGTHS
        rule = Rule(rules.password_fault, minLength=least, maxLength=most, format="password")
        words = (
            f"{least} to {most} characters with at least one upper-case letter, one lower-case letter and one digit."
        )
        super().__init__(validators=[rule], help_text=words, **options)


class LoginRequest(Body):
    """POST /v1/authorization."""

    user = Text(max_length=LOGIN_LENGTH, help_text="The user name.")
    password = Text(max_length=LOGIN_LENGTH, help_text="The user's password.")


class UserRequest(Body):
    """POST /v1/user and POST /v1/admin/user."""

    user = Text(
        validators=[Rule(rules.user_name_fault, maxLength=rules.USER_NAME_LENGTH, pattern=rules.USER_NAME.pattern)],
        help_text="The user name; unique without regard to case.",
    )
    password = NewPassword()
    phone = Text(
        validators=[Rule(rules.phone_fault, maxLength=rules.PHONE_LENGTH, pattern=rules.PHONE.pattern)],
        help_text="The phone number: 5 to 20 digits, with an optional leading '+'.",
    )
    isAdmin = Flag(help_text="true: an administrator of a business; false: a general user.")
    realName = Text(max_length=rules.REAL_NAME_LENGTH, help_text="The person's name.")


class ChangePasswordRequest(Body):
    """PUT /v1/user."""

    oldPassword = Text(max_length=LOGIN_LENGTH, help_text="The current password.")
    password = NewPassword()


class ResetPasswordRequest(Body):
    """PUT /v1/admin/user/[id]/password."""

    password = NewPassword()


class UserAuditRequest(Body):
    """PUT /v1/admin/user/[id]."""

    status = Whole(max_value=max(Status), help_text=STATUSES)


class Token(serializers.Serializer[Any]):
    """What a login returns."""

    token = serializers.CharField(help_text="The token for the Authorization header, good for one hour.")


class UserRow(serializers.Serializer[User]):
    """A user."""

    id = serializers.IntegerField(help_text="The user's id.")
    user = serializers.CharField(source="username", help_text="The user name.")
    status = serializers.ChoiceField(choices=Status.choices, help_text=STATUSES)
    realName = serializers.CharField(source="real_name", help_text="The person's name.")
    phone = serializers.CharField(help_text="The phone number.")
    createTime = UnixTime(source="created_at", help_text="When the user was created.")
    updateTime = UnixTime(source="updated_at", help_text="When the user was changed last.")


class AuthorizationInformation(serializers.Serializer[User]):
    """Who is logged in, and the settings that steer a client."""

    reads = ("is_superuser", "business_id")
    displayName = serializers.CharField(source="username", help_text="The user name.")
    hasRepoAccount = serializers.SerializerMethodField(
        help_text="Whether the caller's business has its account in the image registry."
    )
    role = serializers.ChoiceField(
        choices=range(5),
        help_text="0 waits for approval, 1 approved and without a business, 2 general user, 3 business administrator, "
        "4 system administrator.",
    )
    privateProject = serializers.SerializerMethodField(help_text="Whether projects of the registry must be private.")
    enableIngress = serializers.SerializerMethodField(help_text="Whether charts may hold an Ingress.")
    enableAlert = serializers.SerializerMethodField(help_text="Whether alerts are enabled.")
    enableAdminAutoDeploy = serializers.SerializerMethodField(
        help_text="Whether a deployment that an administrator submits needs no audit."
    )

    def get_hasRepoAccount(self, user: Any) -> bool:
        """Return whether it has; a system administrator's business is the built-in one."""
        return bool(_registry_accounts(user.is_superuser).run(user.business_id or 0))

    def get_privateProject(self, user: Any) -> bool:
        """Return the setting."""
        return bool(settings.OTE_PRIVATE_PROJECT)

    def get_enableIngress(self, user: Any) -> bool:
        """Return the setting."""
        return bool(settings.OTE_ENABLE_INGRESS)

    def get_enableAlert(self, user: Any) -> bool:
        """Return the setting."""
        return bool(settings.OTE_ENABLE_ALERT)

    def get_enableAdminAutoDeploy(self, user: Any) -> bool:
        """Return the setting."""
        return bool(settings.OTE_ADMIN_AUTO_DEPLOY) and not settings.OTE_FOUR_EYES


@lru_cache(maxsize=2)
def _registry_accounts(of_system: bool) -> Statement:
    """Return the statement that finds the business with a registry account: the built-in one, or that of an id."""
    businesses: Any = User._meta.get_field("business").related_model
    (pk,) = holes(0)
    mine = {"is_system": True} if of_system else {"pk": pk}
    accounts = {"registry_account__harbor_user_id__isnull": False}
    return Statement(businesses._default_manager.filter(**mine, **accounts).values_list("pk"), [pk])
