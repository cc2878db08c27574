"""Businesses: the tenants (seed: Business Management)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from otestack.models import Timestamped, Trailed

if TYPE_CHECKING:
    from accounts.models import User


class Status(models.IntegerChoices):
    """Business status, as the seed numbers it."""

    PENDING = 0, _("pending")
    APPROVED = 1, _("approved")
    REFUSED = 2, _("disapproved")
    DELETED = 3, _("deleted")


class BusinessQuerySet(models.QuerySet["Business"]):
    """Reads of businesses."""

    def visible_to(self, user: User) -> Self:
        """System administrators see all; others the one they belong to and those they applied for."""
        if user.is_superuser:
            return self
        own = Q(applicant_id=user.pk)
        if user.business_id is not None:
            own |= Q(pk=user.business_id)
        return self.filter(own).exclude(status=Status.DELETED)


class Business(Timestamped):
    """A tenant. Its namespace, once approved, is the same in every cluster."""

    name = models.CharField(max_length=255)
    introduce = models.TextField(max_length=4000)
    objective = models.TextField(max_length=4000)
    scale = models.CharField(max_length=255)
    comment = models.CharField(max_length=255, blank=True)
    status = models.SmallIntegerField(choices=Status.choices, default=Status.PENDING)
    # Null for the built-in business only; the API shows it as userId 0.
    applicant = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="applications"
    )
    is_system = models.BooleanField(default=False)
    namespace = models.CharField(max_length=63, blank=True)
    bundle = models.OneToOneField("clusters.Bundle", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    objects = BusinessQuerySet.as_manager()
    trailed = Trailed(("name", "status", "comment", "namespace", "applicant_id"), "pk")

    class Meta:
        verbose_name_plural = "businesses"
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=Q(status__in=[0, 1]), name="living_business_name"),
            models.UniqueConstraint(fields=["applicant"], condition=Q(status=0), name="one_waiting_application"),
            models.UniqueConstraint(fields=["is_system"], condition=Q(is_system=True), name="one_system_business"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_approved(self) -> bool:
        """Its users may work."""
        return self.status == Status.APPROVED
