"""What every table shares, and the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from accounts.models import User

M = TypeVar("M", bound=models.Model)


class OwnedQuerySet(models.QuerySet[M]):
    """Rows that belong to businesses. Who sees which is decided here."""

    # The way from a row to its business's id.
    owner: ClassVar[str] = "business_id"

    def visible_to(self, user: User) -> Self:
        """System administrators see all, others their own business's."""
        if user.is_superuser:
            return self
        if user.business_id is None:  # filter(fk=None) would mean IS NULL
            return self.none()
        return self.filter(**{self.owner: user.business_id})


class Timestamped(models.Model):
    """createTime and updateTime of the API."""

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


@dataclass(frozen=True)
class Trailed:
    """What the audit trail may hold of a table's rows: these columns and no others, so never a secret.

    Nor what is only personal: nothing leaves the trail again. business: where the id of a row's business is.
    """

    fields: tuple[str, ...]
    business: str = ""


class Channel(models.TextChoices):
    """The way in which a change came (otestack/caller.py)."""

    API = "api", _("API")
    OFFICE = "back-office", _("back-office")
    COMMAND = "command", _("command")
    ENGINE = "engine", _("engine")


class TrailQuerySet(OwnedQuerySet["TrailEntry"]):
    """Reads of the trail. To others than system administrators only what concerns their own business is visible."""


class TrailEntry(models.Model):
    """Who changed what, from where, when. Written by otestack.trail; triggers refuse to change or delete it.

    No foreign keys: it outlives what it speaks of, and writing it locks nothing.
    """

    # The database's clock.
    at = models.DateTimeField("time", db_default=Now(), db_index=True)
    channel = models.CharField(max_length=16, choices=Channel.choices)
    # Null where no user was at work: a registration, a command, the engine.
    actor_id = models.BigIntegerField(null=True)
    # A user, the operator of this machine who ran a command, or "engine".
    actor_name = models.CharField("who", max_length=150, blank=True)
    address = models.CharField(max_length=64, blank=True)
    request_id = models.CharField("request id", max_length=64, blank=True)
    kind = models.CharField(max_length=32)
    verb = models.CharField(max_length=32)
    # A number of ours, or a name in the registry.
    object_id = models.CharField("object id", max_length=255, blank=True)
    object_name = models.CharField("object", max_length=512, blank=True)
    # Null: it concerns no business, or all.
    business_id = models.BigIntegerField("business id", null=True)
    before = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(null=True, encoder=DjangoJSONEncoder)

    objects = TrailQuerySet.as_manager()

    class Meta:
        db_table = "audit_trail"
        verbose_name = "audit trail entry"
        verbose_name_plural = "audit trail"
        indexes = [
            models.Index(fields=["business_id", "id"], name="trail_by_business"),
            models.Index(fields=["kind", "object_id", "id"], name="trail_by_object"),
            models.Index(fields=["actor_name", "id"], name="trail_by_actor"),
            models.Index(fields=["object_name", "id"], name="trail_by_name"),
            models.Index(fields=["request_id"], name="trail_by_request"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_name or self.object_id}: {self.verb}"
