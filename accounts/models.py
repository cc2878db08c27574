"""Users and revoked tokens (seed: User Management; contract: Users and roles)."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from otestack.models import OwnedQuerySet, Timestamped, Trailed


class Status(models.IntegerChoices):
    """User status, as the seed numbers it."""

    PENDING = 0, _("pending")
    APPROVED = 1, _("approved")
    REFUSED = 2, _("not approved")
    FORBIDDEN = 3, _("forbidden")


class Role(models.IntegerChoices):
    """Role, derived and never stored."""

    REGISTERED = 0, _("registered, waiting for approval")
    APPROVED = 1, _("approved, without a business")
    MEMBER = 2, _("general user")
    ADMIN = 3, _("business administrator")
    SYSTEM = 4, _("system administrator")


class UserQuerySet(OwnedQuerySet["User"]):
    """Reads of users."""

    def living(self) -> Self:
        """Users that were not deleted."""
        return self.filter(deleted_at__isnull=True)

    def named(self, name: str) -> Self:
        """Those of that user name, without regard to case; by the index of living_user_name."""
        return self.alias(name_key=Lower("username")).filter(name_key=name.lower())

    def visible_to(self, user: User) -> Self:
        """System administrators see all living users, others those of their own business."""
        return super().visible_to(user).living()


class UserManager(BaseUserManager["User"]):
    """Creates users for Django's own tools; the API creates them through services."""

    def get_queryset(self) -> UserQuerySet:
        """All users, deleted ones too."""
        return UserQuerySet(self.model, using=self._db)

    def living(self) -> UserQuerySet:
        """See UserQuerySet.living."""
        return self.get_queryset().living()

    def visible_to(self, user: User) -> UserQuerySet:
        """See UserQuerySet.visible_to."""
        return self.get_queryset().visible_to(user)

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the living user of that name, without regard to case."""
        return self.living().named(username or "").get()

    def create_superuser(self, username: str, password: str, **extra: Any) -> User:
        """Create a system administrator (createsuperuser): like all of them, in the built-in business."""
        businesses = self.model._meta.get_field("business").related_model._default_manager
        extra.setdefault("business", businesses.filter(is_system=True).first())
        user = self.model(username=username, is_superuser=True, is_admin=True, status=Status.APPROVED, **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin, Timestamped):
    """A person who logs in. Deleted ones stay as records, their name is free again."""

    username = models.CharField("user name", max_length=64)
    phone = models.CharField(max_length=21, blank=True)
    real_name = models.CharField(max_length=255, blank=True)
    is_admin = models.BooleanField("administrator of its business", default=False)
    status = models.SmallIntegerField(choices=Status.choices, default=Status.PENDING)
    business = models.ForeignKey(
        "business.Business", null=True, blank=True, on_delete=models.PROTECT, related_name="users"
    )
    # Raised to end all live tokens at once: they carry the number they were issued under.
    token_epoch = models.PositiveIntegerField(default=0)
    deleted_at = models.DateTimeField(null=True, blank=True)

    trailed: ClassVar = Trailed(("username", "status", "is_admin", "is_superuser", "business_id"), "business_id")

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("username"), condition=Q(deleted_at__isnull=True), name="living_user_name"),
        ]
        indexes = [models.Index(fields=["business", "id"], name="user_by_business")]

    def __str__(self) -> str:
        return self.username

    def get_session_auth_hash(self) -> str:
        """Return what a session of the back-office must hold: what ends the tokens ends sessions, and for good."""
        text = f"{self.password} {self.token_epoch}"
        return salted_hmac("accounts.User.session", text, algorithm="sha256").hexdigest()

    @property
    def role(self) -> Role:
        """The role, from status, flags and business. Needs `business` loaded where there is one."""
        if self.status != Status.APPROVED:
            return Role.REGISTERED
        if self.is_superuser:
            return Role.SYSTEM
        if self.business is None or not self.business.is_approved:
            return Role.APPROVED
        return Role.ADMIN if self.is_admin else Role.MEMBER

    @property
    def scope(self) -> tuple[int | None, ...]:
        """What `visible_to` goes by: users of one scope see the same rows."""
        return () if self.is_superuser else (self.pk, self.business_id)

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """May log in at all."""
        return self.deleted_at is None and self.status in {Status.PENDING, Status.APPROVED}

    @property
    def is_staff(self) -> bool:
        """May enter the back-office; a business administrator sees its own business there."""
        return self.is_active and self.role in {Role.ADMIN, Role.SYSTEM}


class RevokedToken(models.Model):
    """A token that was logged out before its end; kept until it would have expired."""

    jti = models.CharField(max_length=64, primary_key=True)
    expires_at = models.DateTimeField(db_index=True)
