"""Requests and responses of Deployment Management."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.charts import limits
from clusters.models import Placement
from clusters.reports import PLACEMENT_STATES
from deployments.freshness import READS, Reading
from deployments.models import Audit, Change, Deployment, Operation, Status
from deployments.placements import sentence
from deployments.services.choose import NAME, NAME_LENGTH, name_fault
from otestack.api.fields import Body, JsonObject, Projected, QueryNames, Rule, Text, UnixTime, Whole
from otestack.sentences import told

HISTORY = "historyVersion"
_BIGINT = 2**63 - 1
CHANGES = "1 new deployment, 2 upgrade, 3 rollback, 4 delete."
STATUSES = (
    "0 pending, 1 approved, 2 disapproved, 3 processing, 4 deploying, 5 success, 6 partial success, 7 failed, "
    "8 internal error, 9 deleted."
)
AUDITS = "0 waiting, 1 approved, 2 disapproved."
_FIELDS = "The fields to show, separated by commas; empty: all of them."


def _values(words: str) -> JsonObject:
    return JsonObject(max_bytes=limits.VALUES, max_depth=limits.NESTING, required=False, help_text=words)


class DeployRequest(Body):
    """POST /v1/deploy. cluster and nodeLabel: empty or 'all' for every one."""

    deployName = Text(
        validators=[Rule(name_fault, maxLength=NAME_LENGTH, pattern=NAME.pattern)],
        help_text="The deployment's name, unique in the business: lower-case letters, digits and '-'.",
    )
    appName = Text(max_length=63, help_text="The application to deploy.")
    version = Text(max_length=64, help_text="Its version: a full one, or a main line x.x for the newest minor.")
    cluster = Text(
        max_length=63,
        allow_blank=True,
        help_text="A label of clusters, else a cluster's name; empty or 'all': every cluster.",
    )
    nodeLabel = Text(
        max_length=63, allow_blank=True, help_text="Only nodes that carry this label; empty or 'all': every node."
    )
    comment = Text(max_length=255, allow_blank=True, help_text="The comment; may be empty.")
    values = _values("For a chart only: values beside its defaults, as in a values.yaml.")


class UpgradeRequest(Body):
    """POST /v1/deploy/id/[id]."""

    version = Text(max_length=64, help_text="The version to change to: a full one, or a main line.")
    comment = Text(max_length=255, allow_blank=True, default="", help_text="The comment.")
    values = _values(
        "For a chart only: values beside its defaults, all of them anew; if not given, those it runs with are kept."
    )


class RollbackRequest(Body):
    """PUT /v1/deploy/id/[id]."""

    version = Text(max_length=64, help_text="A version that this deployment has run before.")
    comment = Text(max_length=255, allow_blank=True, help_text="The comment; may be empty.")
    values = _values(
        "For a chart only: values beside its defaults; if not given, those with which that version ran last."
    )


class DeploymentAuditRequest(Body):
    """PUT /v1/admin/deploy."""

    id = Whole(min_value=1, max_value=_BIGINT, help_text="The id of the audit record, not of the deployment.")
    status = Whole(min_value=Audit.APPROVED, max_value=Audit.REFUSED, help_text="1 approved, 2 disapproved.")
    comment = Text(max_length=255, allow_blank=True, help_text="The comment of the audit; may be empty.")


class DeploymentAnswer(Projected, serializers.Serializer[Deployment]):
    """A deployment."""

    # Context: `readings` (deployments.freshness).
    reads: tuple[str, ...] = READS
    id = serializers.IntegerField(help_text="The deployment's id.")
    deployName = serializers.CharField(source="name", help_text="Its name.")
    appName = serializers.CharField(source="app_name", help_text="The application that it runs.")
    version = serializers.CharField(source="shown.version", help_text="The application's full version.")
    cluster = serializers.CharField(help_text="The label or the name of the clusters that it is meant for.")
    nodeLabel = serializers.CharField(source="node_label", help_text="The label of the nodes that it is meant for.")
    deployType = serializers.ChoiceField(source="shown.kind", choices=Change.choices, help_text=CHANGES)
    status = serializers.SerializerMethodField(help_text=STATUSES)
    errorMessage = serializers.SerializerMethodField(
        help_text='JSON text that counts pods, {"running": n, "error": n, "total": n}, with a fourth key '
        "`reason` when there is one to say."
    )
    comment = serializers.CharField(source="shown.comment", help_text="The comment of the change.")
    editable = serializers.BooleanField(help_text="Whether it can be changed now.")
    running = serializers.BooleanField(help_text="Whether some version is meant to be live.")
    createTime = UnixTime(source="created_at", help_text="When it was submitted first.")
    updateTime = UnixTime(source="updated_at", help_text="When it was changed last.")
    auditComment = serializers.CharField(source="audit_comment", help_text="The comment of the last audit.")

    def _reading(self, row: Any) -> Reading:
        reading: Reading = self.context["readings"][row.id]
        return reading

    def get_status(self, row: Any) -> Status:
        """Return the status as it may be shown now."""
        return self._reading(row).status

    def get_errorMessage(self, row: Any) -> str:
        """Return the pod counts, and the reason if there is one, as JSON text."""
        return self._reading(row).error_message


class ListQuery(Body):
    """What GET /v1/deploy takes besides its filters."""

    field = QueryNames(names=tuple(DeploymentAnswer().fields), help_text=_FIELDS)


class VersionAnswer(serializers.Serializer[Operation]):
    """One change in a deployment's history."""

    # Context: `status`, as it may be shown now.
    version = serializers.CharField(help_text="The application's full version.")
    deployType = serializers.ChoiceField(source="kind", choices=Change.choices, help_text=CHANGES)
    status = serializers.SerializerMethodField(help_text=STATUSES)
    comment = serializers.CharField(help_text="The comment of the change.")
    createTime = UnixTime(source="created_at", help_text="When it was submitted.")

    def get_status(self, row: Operation) -> Status:
        """Return the status."""
        return Status(self.context["status"])


class DeploymentDetail(DeploymentAnswer):
    """A deployment, with its history if that is asked for."""

    # Context besides: `history`, if it is among the fields.
    reads = (*READS, "current_id")
    historyVersion = serializers.SerializerMethodField(help_text="Its changes, the newest first.")

    @extend_schema_field(VersionAnswer(many=True))
    def get_historyVersion(self, row: Any) -> Any:
        """Return the history."""
        return self.context["history"]


class DetailQuery(Body):
    """What GET /v1/deploy/id/[id] takes."""

    field = QueryNames(
        names=tuple(DeploymentDetail().fields), help_text=f"{_FIELDS} Only {HISTORY} has to be asked for."
    )


class PlacementAnswer(serializers.Serializer[Placement]):
    """A deployment on one cluster."""

    # Rows are annotated with `state` (clusters.reports).
    reads = ("state", "last_error", "cluster__observed_at", "cluster__away_since", "cluster__last_error")
    clusterName = serializers.CharField(source="cluster.name", help_text="The cluster's name.")
    state = serializers.ChoiceField(choices=PLACEMENT_STATES, help_text="What is to be said of it in one word.")
    generation = serializers.IntegerField(help_text="The generation that is wanted there.")
    appliedGeneration = serializers.IntegerField(
        source="applied_generation", help_text="The generation that was applied there last; 0: none."
    )
    running = serializers.IntegerField(help_text="Pods that run.")
    error = serializers.IntegerField(help_text="Pods that should run and do not.")
    total = serializers.IntegerField(help_text="Pods in all.")
    lastError = serializers.SerializerMethodField(help_text="What is wrong there, in one sentence; else empty.")
    observedAt = UnixTime(
        source="cluster.observed_at", allow_null=True, help_text="When the cluster was observed last; null: never."
    )
    nextAttemptAt = UnixTime(
        source="next_attempt_at", allow_null=True, help_text="When it is tried again after an error; else null."
    )

    def get_lastError(self, row: Any) -> str:
        """Return what is wrong there, in words."""
        observed_at, away_since, why = row.cluster__observed_at, row.cluster__away_since, row.cluster__last_error
        return told(sentence(row.state, row.last_error, observed_at, away_since, why))


class ClusterCounts(serializers.Serializer[Any]):
    """Clusters of a deployment, added up."""

    total = serializers.IntegerField(help_text="How many it is meant for; for a delete, how many held it.")
    taken = serializers.IntegerField(help_text="How many have the wanted generation; for a delete, have let go.")
    ready = serializers.IntegerField(help_text="On how many it was seen ready; for a delete, how many have let go.")
    failed = serializers.IntegerField(help_text="On how many it failed.")
    away = serializers.IntegerField(help_text="How many do not answer.")


class PodCounts(serializers.Serializer[Any]):
    """Pods of a deployment, added up over its clusters."""

    running = serializers.IntegerField(help_text="Pods that run.")
    error = serializers.IntegerField(help_text="Pods that should run and do not.")
    total = serializers.IntegerField(help_text="Pods in all.")


class ProgressEvent(serializers.Serializer[Any]):
    """How far a deployment was at one time."""

    deployId = serializers.IntegerField(help_text="The deployment's id.")
    deployName = serializers.CharField(help_text="Its name.")
    operationId = serializers.IntegerField(help_text="The id of the change that is shown: of its audit record.")
    deployType = serializers.ChoiceField(choices=Change.choices, help_text=CHANGES)
    version = serializers.CharField(help_text="The application's full version.")
    status = serializers.ChoiceField(choices=Status.choices, help_text=STATUSES)
    generation = serializers.IntegerField(help_text="The generation that is wanted on the clusters; 0: none yet.")
    clusters = ClusterCounts(help_text="Clusters, as they were counted last; of what runs while the change waits.")
    pods = PodCounts(help_text="Pods, as they were counted last.")
    message = serializers.CharField(help_text="What is wrong, or the comment of a refusal; else empty.")
    createTime = UnixTime(help_text="When it was so.")


class AuditAnswer(serializers.Serializer[Operation]):
    """An audit record: a change, and what became of it."""

    reads = ("decided_at", "created_at")
    id = serializers.IntegerField(help_text="The id of the audit record.")
    businessName = serializers.CharField(source="deployment.business.name", help_text="The business's name.")
    appName = serializers.CharField(source="deployment.app_name", help_text="The application.")
    version = serializers.CharField(help_text="The application's full version.")
    cluster = serializers.CharField(
        source="deployment.cluster", help_text="The label or the name of the clusters that it is meant for."
    )
    deployId = serializers.IntegerField(source="deployment_id", help_text="The deployment's id.")
    deployType = serializers.ChoiceField(source="kind", choices=Change.choices, help_text=CHANGES)
    status = serializers.ChoiceField(source="audit", choices=Audit.choices, help_text=AUDITS)
    comment = serializers.CharField(source="audit_comment", help_text="The comment of the audit.")
    createTime = UnixTime(source="created_at", help_text="When the change was submitted.")
    updateTime = serializers.SerializerMethodField(
        help_text="When it was audited; while it waits, when it was submitted."
    )

    def get_updateTime(self, row: Any) -> int:
        """Return the time of the audit; of the submission while it waits."""
        return int((row.decided_at or row.created_at).timestamp())
