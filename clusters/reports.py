"""What the operators' commands show of the fleet, as plain values; reads only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, Count, F, Q, Sum, Value, When
from django.db.models.fields import CharField
from django.db.models.functions import Now

from clusters.drivers.kubernetes.kubeconfig import Credentials
from clusters.freshness import is_fresh
from clusters.heartbeat import ALIVE_SECONDS
from clusters.models import Cluster, Heartbeat, NodeLabel, Placement, observe_interval
from otestack.sentences import told

PLACEMENT_STATES = ("waiting", "applying", "progressing", "ready", "failed", "away", "stale", "removing")
STATES = ("ready", "stale", "away", "new", "removing")


def cluster_state() -> Case:
    """Return a cluster's state in one word, to annotate with. new: not observed yet."""
    return Case(
        When(removing=True, then=Value("removing")),
        When(away_since__isnull=False, then=Value("away")),
        When(is_fresh(), then=Value("ready")),
        When(observed_at__isnull=True, then=Value("new")),
        default=Value("stale"),
        output_field=CharField(),
    )


def placement_state(interval: float | None = None) -> Case:
    """Return a placement's state as GET /v1/deploy/id/[id]/clusters names it, to annotate with.

    interval: what observe_interval() has returned, if it was asked before.
    """
    fresh = is_fresh("cluster__", interval)
    return Case(
        When(present=False, then=Value("removing")),
        When(cluster__away_since__isnull=False, then=Value("away")),
        When(Q(ready_generation=F("generation")) & fresh, then=Value("ready")),
        When(ready_generation=F("generation"), then=Value("stale")),
        When(failed=True, then=Value("failed")),
        When(Q(applied_generation=F("generation")) & fresh, then=Value("progressing")),
        When(applied_generation=F("generation"), then=Value("stale")),
        When(Q(attempts__gt=0) | Q(cluster__lease_until__gt=Now()), then=Value("applying")),
        default=Value("waiting"),
        output_field=CharField(),
    )


def clusters() -> list[dict[str, Any]]:
    """Return every cluster in brief, by name."""
    rows = Cluster.objects.annotate(state=cluster_state()).defer("credentials").prefetch_related("labels")
    return [_brief(row) for row in rows.order_by("name")]


def cluster(pk: int) -> dict[str, Any]:
    """Return one cluster in detail; no secrets."""
    row = Cluster.objects.annotate(state=cluster_state()).prefetch_related("labels").get(pk=pk)
    credentials = Credentials.from_json(row.credentials)
    counts = _counted(Placement.objects.filter(cluster=row).annotate(state=placement_state()))
    errors = Placement.objects.filter(cluster=row).exclude(last_error="").order_by("pk").select_related("bundle")
    return (
        _brief(row)
        | {
            "uid": row.uid,
            "driver": row.driver,
            "credentialsVersion": row.credentials_version,
            "warnings": credentials.warnings,
            "readyNodes": row.nodes.filter(ready=True).count() if row.state == "ready" else 0,
            "nodeLabelsToWrite": NodeLabel.objects.filter(node__cluster=row, wanted__isnull=False).count(),
            "failedProbes": row.failed_probes,
            "orphans": row.orphans,
            "joinedAt": _iso(row.created_at),
            "placements": counts,
            "placementErrors": [
                {"bundle": item.bundle.title, "lastError": told(item.last_error)} for item in errors[:20]
            ],
        }
        | interval()
    )


def fleet() -> dict[str, Any]:
    """Return the whole fleet in numbers."""
    found = _counted(Cluster.objects.annotate(state=cluster_state()))
    late = Q(change_due_at__lte=Now(), away_since__isnull=True)
    sums = Cluster.objects.aggregate(
        due=Count("pk", filter=late), nodes=Sum("node_count", default=0), orphans=Sum("orphans", default=0)
    )
    alive = Heartbeat.objects.filter(beat_at__gt=Now() - timedelta(seconds=ALIVE_SECONDS))
    return {
        "clusters": {state: found.get(state, 0) for state in STATES},
        "nodes": sums["nodes"],
        "changesDue": sums["due"],
        "orphans": sums["orphans"],
        "placements": _counted(Placement.objects.annotate(state=placement_state())),
        "workers": list(alive.order_by("worker").values_list("worker", flat=True)),
    } | interval()


def interval() -> dict[str, float]:
    """Return how often clusters are observed, and how often they should be (seconds)."""
    return {"observeInterval": observe_interval(), "observeIntervalWanted": settings.OTE_OBSERVE_INTERVAL}


def _brief(row: Any) -> dict[str, Any]:
    return {
        "name": row.name,
        "state": row.state,
        "nodes": row.node_count,
        "version": row.kubernetes_version,
        "labels": sorted(label.label for label in row.labels.all()),
        "server": row.server,
        "observedAt": _iso(row.observed_at),
        "awaySince": _iso(row.away_since),
        "lastError": told(row.last_error),
    }


def _counted(rows: Any) -> dict[str, int]:
    return dict(rows.order_by().values_list("state").annotate(number=Count("pk")).order_by("state"))


def _iso(time: datetime | None) -> str | None:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ") if time is not None else None
