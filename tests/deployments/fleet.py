"""Writes what the engine would have written, so that deployments are tested without an edge."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from clusters.engine.claim import Quota, claim
from clusters.engine.load import load
from clusters.engine.outcome import PassOutcome
from clusters.engine.placing import place_clusters, touch_bundles
from clusters.engine.record import Finished, record
from clusters.models import Bundle, Cluster, ClusterLabel, Node, NodeLabel, Placement, observe_interval
from deployments.models import Deployment, Operation
from deployments.settle import settle


def join(name: str, *labels: str, nodes: tuple[str, ...] = (), place: bool = True) -> Cluster:
    """A cluster that was observed just now; `nodes` are labels, each on a node of its own."""
    cluster = Cluster.objects.create(name=name, server=f"https://{name}", credentials="{}", uid=name)
    Cluster.objects.filter(pk=cluster.pk).update(observed_at=Now())
    for label in labels:
        ClusterLabel.objects.create(cluster=cluster, label=label)
    for number, label in enumerate(nodes):
        node = Node.objects.create(cluster=cluster, name=f"{name}-{number}", ready=True)
        NodeLabel.objects.create(node=node, label=label, observed=True)
    if place:
        place_clusters([cluster.pk])
    return cluster


def copy(row: Deployment, name: str) -> Deployment:
    """Another deployment of the same content, with a bundle on no cluster."""
    operation, bundle = Operation.objects.get(pk=row.shown_id), Bundle.objects.get(pk=row.bundle_id)
    made = Deployment.objects.get(pk=row.pk)
    bundle.pk, bundle.uid = None, uuid.uuid4()
    bundle.save()
    made.pk, made.name, made.bundle, made.shown, made.current = None, name, bundle, None, None
    made.save()
    operation.pk, operation.deployment = None, made
    operation.save()
    made.shown = made.current = operation
    made.save()
    return made


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


def passed(cluster: Cluster, *, answered: bool) -> None:
    """The engine made a pass over the cluster that found no more than whether it answers, and recorded it."""
    Cluster.objects.filter(pk=cluster.pk).update(observe_due_at=Now(), lease_until=None)
    claims, now = claim(Quota(clusters=10, probes=10))
    works = [work for work in load(claims, now) if work.claim.cluster_id == cluster.pk]
    record([Finished(work, PassOutcome(answered=answered)) for work in works])
    settle()
