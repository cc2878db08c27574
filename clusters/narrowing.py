"""Finding some of very many placements without reading them all: first what small tables and own columns say."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q, QuerySet

from clusters.freshness import is_fresh
from clusters.models import Cluster

# Rows whose ids go into a statement one by one.
FEW = 500


def few(rows: QuerySet[Any]) -> list[int] | None:
    """Return their ids where they are few, which a database looks up by index; else None."""
    ids = list(rows.order_by().values_list("pk", flat=True)[: FEW + 1])
    return ids if len(ids) <= FEW else None


def of_either(placements: QuerySet[Any], bundles: QuerySet[Any], clusters: QuerySet[Any]) -> QuerySet[Any]:
    """Return the placements of any of these bundles, or on any of these clusters."""
    few_bundles, few_clusters = few(bundles), few(clusters)
    if few_bundles is not None and few_clusters is not None:
        return placements.filter(Q(bundle__in=few_bundles) | Q(cluster__in=few_clusters))
    # Many have them, so the first page is soon full in the order of the list. The sums hide the indexes, by which all
    # would be collected and sorted first.
    by_number = placements.alias(of_bundle=F("bundle_id") + 0, on_cluster=F("cluster_id") + 0)
    wanted_bundles = bundles.order_by().values("pk")
    wanted_clusters = clusters.order_by().values("pk")
    return by_number.filter(Q(of_bundle__in=wanted_bundles) | Q(on_cluster__in=wanted_clusters))


def implied(state: str) -> Q:
    """Return what a placement's state (clusters/reports.py), any but ready, says of its own columns and its cluster."""
    ready, applied = Q(ready_generation=F("generation")), Q(applied_generation=F("generation"))
    open_ones = Q(present=True, failed=False) & ~ready
    match state:
        case "removing":
            return Q(present=False)
        case "away":
            return Q(present=True) & _on(Cluster.objects.filter(away_since__isnull=False))
        case "stale":
            return Q(present=True) & _on(Cluster.objects.filter(away_since__isnull=True).exclude(is_fresh()))
        case "failed":
            return Q(present=True, failed=True) & ~ready
        case "progressing":
            return open_ones & applied
        case _:
            return open_ones & ~applied


def _on(clusters: QuerySet[Any]) -> Q:
    ids = few(clusters)
    return Q() if ids is None else Q(cluster__in=ids)
