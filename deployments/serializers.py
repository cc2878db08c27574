"""Requests and responses of Deployment Management."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from clusters.models import Placement
from deployments.freshness import Reading
from deployments.models import Audit, Deployment, Operation
from deployments.placements import sentence
from otestack.api.fields import Body, QueryNames, Text, UnixTime, Whole

HISTORY = "historyVersion"
_BIGINT = 2**63 - 1


class DeployRequest(Body):
    """POST /v1/deploy. cluster and nodeLabel: empty or 'all' for every one."""

    deployName = Text(max_length=53)
    appName = Text(max_length=63)
    version = Text(max_length=64)
    cluster = Text(max_length=63, allow_blank=True)
    nodeLabel = Text(max_length=63, allow_blank=True)
    comment = Text(max_length=255, allow_blank=True)


class UpgradeRequest(Body):
    """POST /v1/deploy/id/[id]."""

    version = Text(max_length=64)
    comment = Text(max_length=255, allow_blank=True, default="")


class RollbackRequest(Body):
    """PUT /v1/deploy/id/[id]."""

    version = Text(max_length=64)
    comment = Text(max_length=255, allow_blank=True)


class AuditRequest(Body):
    """PUT /v1/admin/deploy. id: that of the audit record."""

    id = Whole(min_value=1, max_value=_BIGINT)
    status = Whole(min_value=Audit.APPROVED, max_value=Audit.REFUSED)
    comment = Text(max_length=255, allow_blank=True)


class DeploymentAnswer(serializers.Serializer[Deployment]):
    """A deployment. Context: `readings` (deployments.freshness), `only` (field names; empty: all)."""

    id = serializers.IntegerField()
    deployName = serializers.CharField(source="name")
    appName = serializers.CharField(source="app_name")
    version = serializers.CharField(source="shown.version")
    cluster = serializers.CharField()
    nodeLabel = serializers.CharField(source="node_label")
    deployType = serializers.IntegerField(source="shown.kind")
    status = serializers.SerializerMethodField()
    errorMessage = serializers.SerializerMethodField()
    comment = serializers.CharField(source="shown.comment")
    editable = serializers.BooleanField()
    running = serializers.BooleanField()
    createTime = UnixTime(source="created_at")
    updateTime = UnixTime(source="updated_at")
    auditComment = serializers.CharField(source="audit_comment")

    def get_fields(self) -> dict[str, Any]:
        """Return the fields asked for."""
        only: list[str] = self.context.get("only", [])
        return {name: field for name, field in super().get_fields().items() if not only or name in only}

    def _reading(self, row: Deployment) -> Reading:
        reading: Reading = self.context["readings"][row.pk]
        return reading

    def get_status(self, row: Deployment) -> int:
        """Return the status as it may be shown now."""
        return int(self._reading(row).status)

    def get_errorMessage(self, row: Deployment) -> str:
        """Return the pod counts, and the reason if there is one, as JSON text."""
        return self._reading(row).error_message


class ListQuery(Body):
    """What GET /v1/deploy takes besides its filters."""

    field = QueryNames(names=DeploymentAnswer().fields)


class DetailQuery(Body):
    """What GET /v1/deploy/id/[id] takes."""

    field = QueryNames(names=[*DeploymentAnswer().fields, HISTORY])


class VersionAnswer(serializers.Serializer[Operation]):
    """One change in a deployment's history. Context: `status`, as it may be shown now."""

    version = serializers.CharField()
    deployType = serializers.IntegerField(source="kind")
    status = serializers.SerializerMethodField()
    comment = serializers.CharField()
    createTime = UnixTime(source="created_at")

    def get_status(self, row: Operation) -> int:
        """Return the status."""
        return int(self.context["status"])


class PlacementAnswer(serializers.Serializer[Placement]):
    """A deployment on one cluster; rows are annotated with `state` (clusters.reports)."""

    clusterName = serializers.CharField(source="cluster.name")
    state = serializers.CharField()
    generation = serializers.IntegerField()
    appliedGeneration = serializers.IntegerField(source="applied_generation")
    running = serializers.IntegerField()
    error = serializers.IntegerField()
    total = serializers.IntegerField()
    lastError = serializers.SerializerMethodField()
    observedAt = UnixTime(source="cluster.observed_at")
    nextAttemptAt = UnixTime(source="next_attempt_at")

    def get_lastError(self, row: Any) -> str:
        """Return what is wrong there, in words."""
        cluster = row.cluster
        return sentence(row.state, row.last_error, cluster.observed_at, cluster.away_since, cluster.last_error)


class AuditAnswer(serializers.Serializer[Operation]):
    """One audit record."""

    id = serializers.IntegerField()
    businessName = serializers.CharField(source="deployment.business.name")
    appName = serializers.CharField(source="deployment.app_name")
    version = serializers.CharField()
    cluster = serializers.CharField(source="deployment.cluster")
    deployId = serializers.IntegerField(source="deployment_id")
    deployType = serializers.IntegerField(source="kind")
    status = serializers.IntegerField(source="audit")
    comment = serializers.CharField(source="audit_comment")
    createTime = UnixTime(source="created_at")
    updateTime = serializers.SerializerMethodField()

    def get_updateTime(self, row: Operation) -> int:
        """Return the time of the audit; of the submission while it waits."""
        return int((row.decided_at or row.created_at).timestamp())
