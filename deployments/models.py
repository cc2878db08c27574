"""Deployments and their operations (seed: Deployment Management)."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.models import AppVersion
from business.models import Business
from clusters.models import Bundle, Selector
from otestack.crypto import EncryptedTextField
from otestack.models import OwnedQuerySet, Timestamped, Trailed
from otestack.sentences import SentenceField
from registry.models import RegistryAccount


class Change(models.IntegerChoices):
    """What an operation does: the seed's deployType."""

    NEW = 1, _("new deployment")
    UPGRADE = 2, _("upgrade")
    ROLLBACK = 3, _("rollback")
    DELETE = 4, _("delete")


class Status(models.IntegerChoices):
    """The seed's status of a deployment; an operation carries the same numbers."""

    PENDING = 0, _("pending")
    APPROVED = 1, _("approved")
    REFUSED = 2, _("disapproved")
    PROCESSING = 3, _("processing")
    DEPLOYING = 4, _("deploying")
    SUCCESS = 5, _("success")
    PARTIAL = 6, _("partial success")
    FAILED = 7, _("failed")
    ERROR = 8, _("internal error")
    DELETED = 9, _("deleted")


class Audit(models.IntegerChoices):
    """Status of an audit record."""

    WAITING = 0, _("waiting")
    APPROVED = 1, _("approved")
    REFUSED = 2, _("disapproved")


class DeploymentQuerySet(OwnedQuerySet["Deployment"]):
    """Reads of deployments."""

    def listed(self) -> Self:
        """Those that lists show: not deleted."""
        return self.exclude(status=Status.DELETED)


class Deployment(Timestamped):
    """An application version on a set of clusters, and the change that is shown for it."""

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="deployments")
    name = models.CharField(max_length=53)
    app_name = models.CharField(max_length=63)
    # As submitted; the selector says which of label, name or all it was then.
    cluster = models.CharField(max_length=63, blank=True)
    selector = models.CharField(max_length=10, choices=Selector.choices)
    selector_value = models.CharField(max_length=63, blank=True)
    node_label = models.CharField(max_length=63, blank=True)
    bundle = models.OneToOneField(Bundle, null=True, blank=True, on_delete=models.PROTECT, related_name="deployment")
    # Its name is taken: false once deleted, or when the new deployment was disapproved.
    live = models.BooleanField(default=True)
    # Some version is meant to be live.
    running = models.BooleanField(default=False)
    # A change is waiting or under way: false.
    editable = models.BooleanField(default=False)

    # The operation whose content is shown, and the one whose objects the bundle holds.
    shown = models.ForeignKey("Operation", null=True, on_delete=models.PROTECT, related_name="+")
    current = models.ForeignKey("Operation", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    status = models.SmallIntegerField(choices=Status.choices, default=Status.PENDING)
    audit_comment = models.CharField(max_length=255, blank=True)

    # What the placements add up to, as of the last settling (deployments/settle.py). Clusters, then pods.
    placements = models.PositiveIntegerField(default=0)
    placements_ready = models.PositiveIntegerField(default=0)
    pods_running = models.PositiveIntegerField(default=0)
    pods_error = models.PositiveIntegerField(default=0)
    pods_total = models.PositiveIntegerField(default=0)
    reason = SentenceField(blank=True)
    # What its newest event says, so that the next is written only when there is something new to say.
    told = models.JSONField(default=dict)

    objects = DeploymentQuerySet.as_manager()
    trailed = Trailed(
        ("name", "app_name", "cluster", "selector", "selector_value", "node_label", "status"), "business_id"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["business", "name"], condition=Q(live=True), name="live_deployment_name"),
        ]
        indexes = [
            models.Index(fields=["business", "id"], name="deployment_by_business"),
            # Counts and goes through what lists show without reading the rows.
            models.Index(fields=["id"], condition=~Q(status=Status.DELETED), name="deployment_listed"),
        ]

    def __str__(self) -> str:
        return self.name


# To order by, before the id: what waits for its audit comes first.
WAITING_FIRST = Case(When(audit=Audit.WAITING, then=Value(0)), default=Value(1))
# A change whose objects could not be made was never up for audit.
AUDITED = ~Q(status=Status.ERROR, audit=Audit.WAITING)


class OperationQuerySet(OwnedQuerySet["Operation"]):
    """Reads of operations."""

    owner = "deployment__business_id"


class Operation(Timestamped):
    """One change of a deployment, with its audit and the objects made at its submission."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="operations")
    kind = models.SmallIntegerField(choices=Change.choices)
    app_version = models.ForeignKey(AppVersion, null=True, on_delete=models.PROTECT, related_name="+")
    version = models.CharField(max_length=64)
    comment = models.CharField(max_length=255, blank=True)
    status = models.SmallIntegerField(choices=Status.choices, default=Status.PENDING)
    # Waiting or under way. At most one of a deployment.
    open = models.BooleanField(default=True)

    audit = models.SmallIntegerField(choices=Audit.choices, default=Audit.WAITING)
    audit_comment = models.CharField(max_length=255, blank=True)
    # Null: an operator at the command line.
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    # Kubernetes objects in the order they are applied; Secrets apart, as encrypted JSON.
    manifests = models.JSONField(default=list)
    secrets = EncryptedTextField(blank=True)
    # The values that a chart was rendered with, as JSON; they may hold passwords. Empty for an image.
    chart_values = EncryptedTextField(blank=True)
    # Whose login the pull secret holds, if it is an account in our own registry.
    registry_account = models.ForeignKey(
        RegistryAccount, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    # The bundle's generation that carries them; 0 until approved.
    generation = models.PositiveIntegerField(default=0)
    # Its pull secret got another password then, and that generation has not ended yet (deployments/settle.py).
    renewed_at = models.DateTimeField(null=True, blank=True)

    objects = OperationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["deployment"], condition=Q(open=True), name="one_open_operation"),
        ]
        indexes = [
            models.Index(fields=["open"], condition=Q(open=True), name="operation_open"),
            models.Index(fields=["renewed_at"], condition=Q(renewed_at__isnull=False), name="operation_renewed"),
            models.Index(fields=["deployment", "-id"], name="operation_history"),
            # The list of audits, as it is ordered unless asked otherwise.
            models.Index(WAITING_FIRST, F("id").desc(), condition=AUDITED, name="operation_audits"),
        ]

    def __str__(self) -> str:
        return gettext("%(kind)s of %(deployment)s") % {"kind": self.get_kind_display(), "deployment": self.deployment}


class EventQuerySet(OwnedQuerySet["Event"]):
    """Reads of events."""

    owner = "deployment__business_id"


class Event(models.Model):
    """How far a deployment was at one time, for those who follow it (deployments/live.py).

    Written while the deployment's row is locked, so that the ids of one deployment rise in the order of the commits.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(db_default=Now())
    # What is sent (deployments/services/telling.py).
    said = models.JSONField()

    objects = EventQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["deployment", "id"], name="event_of_deployment"),
            models.Index(fields=["at"], name="event_at"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} of {self.deployment_id}"
