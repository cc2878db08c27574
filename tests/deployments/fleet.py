"""Writes what the engine would have written, so that deployments are tested without an edge."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from clusters.engine.placing import place_clusters, touch_bundles
from clusters.models import Cluster, ClusterLabel, Node, NodeLabel, Placement, observe_interval
from deployments.models import Deployment
from deployments.settle import settle


def join(name: str, *labels: str, nodes: tuple[str, ...] = ()) -> Cluster:
    """A cluster that was observed just now; `nodes` are labels, each on a node of its own."""
    cluster = Cluster.objects.create(name=name, server=f"https://{name}", credentials="{}", uid=name)
    Cluster.objects.filter(pk=cluster.pk).update(observed_at=Now())
    for label in labels:
        ClusterLabel.objects.create(cluster=cluster, label=label)
    for number, label in enumerate(nodes):
        node = Node.objects.create(cluster=cluster, name=f"{name}-{number}", ready=True)
        NodeLabel.objects.create(node=node, label=label, observed=True)
    place_clusters([cluster.pk])
    return cluster


def placements(deployment: Deployment, *clusters: Cluster) -> Any:
    """The deployment's placements, on these clusters only if any are given."""
    rows = Placement.objects.filter(bundle__deployment=deployment)
    return rows.filter(cluster__in=clusters) if clusters else rows


def _record(rows: Any, **values: Any) -> None:
    bundles = set(rows.values_list("bundle", flat=True))
    with transaction.atomic():
        touch_bundles(bundles)
        rows.update(**values)
    settle()


def applied(deployment: Deployment, *clusters: Cluster, **values: Any) -> None:
    """The clusters took the wanted generation."""
    _record(placements(deployment, *clusters), applied_generation=F("generation"), applied_at=Now(), **values)


def ready(deployment: Deployment, *clusters: Cluster, pods: int = 1) -> None:
    """It is up there."""
    applied(
        deployment,
        *clusters,
        ready_generation=F("generation"),
        failed=False,
        last_error="",
        running=pods,
        total=pods,
        error=0,
    )


def failed(deployment: Deployment, *clusters: Cluster, why: str = "ImagePullBackOff: no such image") -> None:
    """The engine gave up there."""
    applied(deployment, *clusters, ready_generation=0, failed=True, last_error=why, error=1, total=1, running=0)


def let_go(deployment: Deployment, *clusters: Cluster) -> None:
    """The clusters hold nothing of it any more."""
    rows = placements(deployment, *clusters).filter(present=False)
    with transaction.atomic():
        touch_bundles(set(rows.values_list("bundle", flat=True)))
        rows.delete()
    settle()


def away(cluster: Cluster) -> None:
    """Three probes in a row failed."""
    Cluster.objects.filter(pk=cluster.pk).update(away_since=Now(), last_error="connection refused")


def back(cluster: Cluster) -> None:
    """It answers again and was listed."""
    Cluster.objects.filter(pk=cluster.pk).update(away_since=None, observed_at=Now(), last_error="")


def stale(cluster: Cluster) -> None:
    """Nobody looked at it in time."""
    old = Now() - timedelta(seconds=3 * observe_interval() + 1)
    Cluster.objects.filter(pk=cluster.pk).update(observed_at=old)
