"""Judging freshness when reading: a stopped engine turns green into 6, not into a lie."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q

from clusters.freshness import is_fresh
from clusters.models import Cluster, Placement, observe_interval
from deployments.counts import READY
from deployments.models import Status
from deployments.placements import clusters_named
from deployments.status import as_read
from otestack.sentences import say, told
from otestack.statements import Statement, Statements, holes

_LATE: Statements[Statement] = Statements()
# Made once: json.dumps would make one for each text that is not escaped.
_TEXT = json.JSONEncoder(ensure_ascii=False).encode
# Bundles. Each number of them takes a statement of its own; those of longer lists are not worth their memory.
_KEPT = 100
# Clusters whose placements are looked up one cluster after the other.
_FEW = 500


@dataclass(frozen=True)
class Reading:
    """A deployment's status as it may be shown now, and its errorMessage."""

    status: Status
    error_message: str
    reason: str


# The columns that a reading takes.
READS = ("id", "bundle_id", "status", "reason", "pods_running", "pods_error", "pods_total")


def readings(deployments: Iterable[Any]) -> dict[int, Reading]:
    """Return the reading of each, by id. A constant number of queries, whatever their number.

    deployments: objects, or rows with at least the columns of READS.
    """
    rows = list(deployments)
    green = [row.bundle_id for row in rows if row.status == Status.SUCCESS and row.bundle_id is not None]
    unproven = late_clusters(green) if green else {}
    return {row.id: _reading(row, *unproven.get(row.bundle_id or 0, (0, ""))) for row in rows}


def late_clusters(bundle_ids: list[int]) -> dict[int, tuple[int, str]]:
    """Return how many clusters count as ready without proof, and the first one's name, for bundles that have any."""
    interval = observe_interval()

    def statement() -> Statement:
        replaced = holes(*bundle_ids)
        rows = Placement.objects.filter(READY, bundle_id__in=replaced).exclude(is_fresh("cluster__", interval))
        counted = rows.order_by().values("bundle_id").annotate(number=Count("id"), first=Min("cluster__name"))
        return Statement(counted.values_list("bundle_id", "number", "first"), replaced)

    many = len(bundle_ids)
    found = _LATE.get((many, interval), statement) if many <= _KEPT else statement()
    return {bundle: (number, first) for bundle, number, first in found.run(*bundle_ids)}


def unproven() -> Q:
    """Return the condition that a deployment counts as ready on a cluster that is away or was not observed in time."""
    late = Cluster.objects.exclude(is_fresh()).order_by().values("pk")
    few = list(late[: _FEW + 1])
    if len(few) <= _FEW:  # beginning with those clusters, since what is there is found by index
        there = Placement.objects.filter(READY, cluster__in=[row["pk"] for row in few])
        return Q(bundle__in=there.order_by().values("bundle"))
    # Many are: of most deployments, one of the first clusters that are looked at.
    return Q(Exists(Placement.objects.filter(READY, bundle=OuterRef("bundle")).exclude(is_fresh("cluster__"))))


def _reading(row: Any, unproven: int, first: str) -> Reading:
    message: dict[str, int | str] = {"running": row.pods_running, "error": row.pods_error, "total": row.pods_total}
    status = as_read(row.status, unproven)
    reason = row.reason
    if row.status == Status.SUCCESS:
        reason = clusters_named(unproven, say("away or not observed in time"), first) if unproven else ""
    if reason:
        message["reason"] = told(reason)
    return Reading(status, _TEXT(message), reason)
