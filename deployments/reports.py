"""What the operators' commands show of deployments, as plain values; reads only."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet

from clusters.models import Placement
from clusters.reports import placement_state
from deployments.freshness import readings
from deployments.models import Audit, Change, Deployment, Operation, Status
from otestack.sentences import told

_LARGE = ("manifests", "secrets", "chart_values")
# Sentences of failures that one answer holds.
_MOST_REASONS = 20


def deployments(rows: QuerySet[Deployment]) -> list[dict[str, Any]]:
    """Return deployments in brief, their status judged now. A constant number of queries."""
    found = list(
        rows.select_related("business", "shown")
        .defer(*(f"shown__{name}" for name in _LARGE))
        .order_by("business__name", "name", "pk")
    )
    read = readings(found)
    return [_brief(row, read[row.pk].status, read[row.pk].error_message) for row in found]


def deployment(row: Deployment) -> dict[str, Any]:
    """Return one deployment in detail: clusters by state, what fails where, and its changes."""
    placements = Placement.objects.filter(bundle=row.bundle_id) if row.bundle_id else Placement.objects.none()
    states = placements.annotate(state=placement_state()).order_by().values_list("state")
    reasons = placements.exclude(last_error="").order_by().values_list("last_error").annotate(number=Count("pk"))
    changes = Operation.objects.filter(deployment=row).defer(*_LARGE).select_related("submitted_by", "decided_by")
    return deployments(Deployment.objects.filter(pk=row.pk))[0] | {
        "cluster": row.cluster or "all",
        "nodeLabel": row.node_label,
        "clusterStates": dict(states.annotate(number=Count("pk")).order_by("state")),
        "reasons": [
            {"reason": told(text), "clusters": number}
            for text, number in reasons.order_by("-number", "last_error")[:_MOST_REASONS]
        ],
        "changes": [_change(one) for one in changes.order_by("-pk")[:10]],
    }


def waiting() -> list[dict[str, Any]]:
    """Return the changes that wait for audit, the oldest first."""
    rows = Operation.objects.filter(open=True, audit=Audit.WAITING).defer(*_LARGE)
    return [
        _change(row) | {"deployment": row.deployment.name, "business": row.deployment.business.name}
        for row in rows.select_related("deployment__business", "submitted_by", "decided_by").order_by("pk")
    ]


def _brief(row: Deployment, status: Status, message: str) -> dict[str, Any]:
    told = json.loads(message)
    return {
        "id": row.pk,
        "name": row.name,
        "business": row.business.name,
        "app": row.app_name,
        "version": row.shown.version if row.shown else "",
        "status": int(status),
        "state": status.name.lower(),
        "underWay": not row.editable and status != Status.DELETED,
        "clusters": row.placements,
        "clustersReady": row.placements_ready,
        "podsRunning": told["running"],
        "podsError": told["error"],
        "pods": told["total"],
        "reason": told.get("reason", ""),
    }


def _change(row: Operation) -> dict[str, Any]:
    return {
        "id": row.pk,
        "change": Change(row.kind).name.lower(),
        "version": row.version,
        "state": Status(row.status).name.lower(),
        "audit": Audit(row.audit).name.lower(),
        "comment": row.comment,
        "by": row.submitted_by.username if row.submitted_by else "",
        "auditComment": row.audit_comment,
        "decidedBy": row.decided_by.username if row.decided_by else "",
        "submittedAt": _iso(row.created_at),
        "endedAt": _iso(row.ended_at),
    }


def _iso(time: datetime | None) -> str | None:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ") if time is not None else None
