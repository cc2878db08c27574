"""Applications and their versions (seed: Application Management)."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from business.models import Business
from otestack.models import OwnedQuerySet, Timestamped, Trailed


class Status(models.IntegerChoices):
    """Application status (contract, Applications)."""

    INITIALISING = 0, _("initialising")
    READY = 1, _("ready")
    FAILED = 2, _("failed")
    DELETED = 3, _("deleted")


class DeployType(models.TextChoices):
    """How the application runs."""

    DEPLOYMENT = "deployment", _("deployment")
    DAEMONSET = "daemonset", _("daemonset")
    CHART = "chart", _("chart")


class VersionLine(models.Model):
    """The numbering of one application's main line: '1.2' counts 1.2.1, 1.2.2, … and never uses one twice."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="+")
    app_name = models.CharField(max_length=63)
    line = models.CharField(max_length=32)
    last_minor = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["business", "app_name", "line"], name="version_line")]


class AppVersionQuerySet(OwnedQuerySet["AppVersion"]):
    """Reads of application versions."""

    def listed(self) -> Self:
        """Those that lists show: not deleted."""
        return self.exclude(status=Status.DELETED)


class AppVersion(Timestamped):
    """One version of an application. Never changes after its creation; deleted ones stay readable."""

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="app_versions")
    app_name = models.CharField(max_length=63)
    line = models.CharField(max_length=32)
    minor = models.PositiveIntegerField()
    version = models.CharField(max_length=64)
    status = models.SmallIntegerField(choices=Status.choices, default=Status.READY)
    deploy_type = models.CharField(max_length=16, choices=DeployType.choices)
    image = models.CharField(max_length=512, blank=True)
    repository_id = models.CharField(max_length=255, blank=True)
    # The validated request in its own units (percent, MB), camelCase, every default filled in (apps/serializers.py).
    spec = models.JSONField(default=dict)

    objects = AppVersionQuerySet.as_manager()
    trailed = Trailed(("app_name", "version", "status", "deploy_type", "image", "repository_id"), "business_id")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["business", "app_name", "line", "minor"], name="app_version"),
        ]
        indexes = [models.Index(fields=["business", "app_name", "version"], name="app_version_by_name")]

    def __str__(self) -> str:
        return f"{self.app_name} {self.version}"


class ChartArchive(models.Model):
    """The Helm chart of a version, as it was uploaded. Kept as long as the version's row: a rollback may want it."""

    app_version = models.OneToOneField(AppVersion, primary_key=True, on_delete=models.CASCADE, related_name="archive")
    # SHA-256 of the bytes, in hexadecimal.
    digest = models.CharField(max_length=64)
    packed = models.BinaryField()

    def __str__(self) -> str:
        return f"chart of {self.app_version}"
