"""Writing what passes found: in bulk, only what changed, and only where the lease and the generation are still ours.

Lock order: bundles, clusters, placements; each in id order.
"""

from __future__ import annotations

import contextlib
import logging
import math
import random
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import OperationalError, transaction

from clusters.engine.bulk import update_rows
from clusters.engine.clock import db_now
from clusters.engine.load import Work
from clusters.engine.marks import mark_due
from clusters.engine.nodes import record_labels, record_nodes
from clusters.engine.outcome import PassOutcome
from clusters.engine.placing import touch_bundles
from clusters.engine.verdict import ClusterVerdict, Pace, judge
from clusters.models import Bundle, Cluster, NodeLabel, Placement, observe_interval
from otestack import trail
from otestack.sentences import say

log = logging.getLogger(__name__)

# Seconds until another try; None: no more. A deadlock, or a database that is busy or starts again, is no reason to lose
# what edges said.
PAUSES = (0.0, 0.0, 0.5, 1.0, 2.0, 4.0, None)
# Of PostgreSQL's error codes, a class; of SQLite's, those of a statement that is wrong or too large.
PROGRAM_LIMIT_EXCEEDED = "54"
SQLITE_REFUSALS = frozenset({"SQLITE_ERROR", "SQLITE_TOOBIG"})
UNRECORDABLE = say("What this cluster said cannot be recorded; the reason has been logged.")

_CLUSTER_EXPRESSIONS = {
    # A mark that came during the pass stays: due at once, unless the cluster is away.
    "change_due_at": "CASE WHEN t.change_seq = r.seen_seq OR r.is_away = 1 THEN r.change_due_at ELSE r.judged_at END",
    "away_since": "CASE WHEN r.is_away = 1 THEN COALESCE(t.away_since, r.judged_at) ELSE NULL END",
    "full_list_at": "CASE WHEN r.went_full = 1 THEN r.judged_at ELSE t.full_list_at END",
    "kubernetes_version": "CASE WHEN r.told_version <> '' THEN r.told_version ELSE t.kubernetes_version END",
}
_CLUSTER_HELPERS = {
    "seen_seq": "bigint",
    "is_away": "bigint",
    "went_full": "bigint",
    "judged_at": "timestamptz",
    "told_version": "text",
}


@dataclass(frozen=True, slots=True)
class Finished:
    """A pass that ended."""

    work: Work
    outcome: PassOutcome


def record(finished: Sequence[Finished]) -> float:
    """Write the results of passes and release their leases; return in how many seconds one of them is due again.

    Raises OperationalError when the database stays away.

    What the database refuses is found by recording one by one, so that no edge's answer costs the results of others.
    """
    for pause in PAUSES:
        try:
            return _record(sorted(finished, key=lambda item: item.work.claim.cluster_id))
        except Exception as error:
            if _passes(error):
                if pause is None:
                    raise
                time.sleep(pause)
                continue
            if len(finished) > 1:
                return min(record([item]) for item in finished)
            if finished[0].outcome.error == UNRECORDABLE:
                raise
            log.exception("The result of cluster %s cannot be recorded", finished[0].work.claim.name)
            return record([Finished(finished[0].work, PassOutcome(answered=True, error=UNRECORDABLE))])
    raise AssertionError("the last try returns or raises")


def _passes(error: Exception) -> bool:
    """Return whether another try may succeed: not where a database finds too large what it is told."""
    cause = error.__cause__
    too_large = str(getattr(cause, "pgcode", "") or "").startswith(PROGRAM_LIMIT_EXCEEDED)
    too_large |= getattr(cause, "sqlite_errorname", "") in SQLITE_REFUSALS
    return isinstance(error, OperationalError) and not too_large


@transaction.atomic
def _record(finished: list[Finished]) -> float:
    now = db_now()
    pace = Pace(observe_interval(), settings.OTE_RETRY_BASE, settings.OTE_RETRY_CAP)
    verdicts = [(item, judge(item.work, item.outcome, now, pace, random.random())) for item in finished]
    touch_bundles(_bundles_touched(verdicts))
    held = _still_ours(verdicts)
    verdicts = [(item, verdict) for item, verdict in verdicts if _lease(item) in held]
    update_rows(
        Placement,
        sorted((row for _, verdict in verdicts for row in verdict.changed), key=lambda row: int(row["id"])),
        match=("id", "generation", "present"),
    )
    gone = [pk for _, verdict in verdicts for pk in verdict.gone]
    if gone:
        Placement.objects.filter(pk__in=gone, present=False).delete()
    update_rows(
        Cluster,
        [verdict.columns for _, verdict in verdicts],
        match=("id", "lease_epoch"),
        expressions=_CLUSTER_EXPRESSIONS,
        helpers=_CLUSTER_HELPERS,
    )
    record_labels([label for item, _ in verdicts for label in item.outcome.labels])
    record_nodes({item.work.claim.cluster_id: item.outcome.nodes for item, _ in verdicts})
    _meet_unknown([item for item, _ in verdicts])
    _write_trail(verdicts)
    _finish_removals(verdicts)
    return min(((verdict.due - now).total_seconds() for _, verdict in verdicts), default=math.inf)


def _write_trail(verdicts: Sequence[tuple[Finished, ClusterVerdict]]) -> None:
    """Write which clusters went away, and which came back."""
    entries = []
    for item, verdict in verdicts:
        claim, away = item.work.claim, bool(verdict.columns["is_away"])
        if claim.away != away:
            verb = "went away" if away else "came back"
            after = {"away": away} | ({"error": item.outcome.error[:300]} if away else {})
            one = trail.of("cluster", claim.cluster_id, claim.name, verb, before={"away": not away}, after=after)
            entries.append(one)
    trail.write(entries)


def _bundles_touched(verdicts: Sequence[tuple[Finished, ClusterVerdict]]) -> set[int]:
    touched = set()
    for item, verdict in verdicts:
        if item.work.claim.away != bool(verdict.columns["is_away"]):
            # A cluster that goes away or returns counts differently, though nothing of what it holds changed.
            touched |= {placement.bundle_id for placement in item.work.placements}
            continue
        ids = {row["id"] for row in verdict.changed} | set(verdict.gone)
        touched |= {placement.bundle_id for placement in item.work.placements if placement.id in ids}
    return touched


def _still_ours(verdicts: Sequence[tuple[Finished, ClusterVerdict]]) -> set[tuple[int, int]]:
    """Lock the clusters, and return the leases that nobody took over, not even this worker with a later pass."""
    leases = {_lease(item) for item, _ in verdicts}
    # Not FOR UPDATE, for which every insert that references a cluster would have to wait.
    rows = Cluster.objects.select_for_update(no_key=True).filter(pk__in={pk for pk, _ in leases}).order_by("pk")
    return leases & set(rows.values_list("pk", "lease_epoch"))


def _lease(item: Finished) -> tuple[int, int]:
    return item.work.claim.cluster_id, item.work.claim.epoch


def _uuids(texts: Iterable[str]) -> Iterator[uuid.UUID]:
    for text in texts:  # labels of an edge: anything
        with contextlib.suppress(ValueError):
            yield uuid.UUID(text)


def _meet_unknown(finished: Sequence[Finished]) -> None:
    """Objects of bundles without a placement here: those of ended bundles are to go, the others are orphans."""
    complete = {item.work.claim.cluster_id: item for item in finished if item.outcome.complete}
    counted = dict(Cluster.objects.filter(pk__in=list(complete)).values_list("pk", "orphans"))
    for cluster_id, item in complete.items():
        unknown = item.outcome.unknown
        ended = {}
        if unknown:
            bundles = Bundle.objects.filter(ended_at__isnull=False).only("uid")
            ended = {found.pk: uid for uid, found in bundles.in_bulk(list(_uuids(unknown)), field_name="uid").items()}
        if ended:
            Placement.objects.bulk_create(
                [Placement(cluster_id=cluster_id, bundle_id=pk, present=False) for pk in sorted(ended)],
                ignore_conflicts=True,
            )
            mark_due([cluster_id])
        known = {str(uid) for uid in ended.values()}
        orphans = sum(count for uid, count in unknown.items() if uid not in known)
        if counted.get(cluster_id, orphans) != orphans:
            Cluster.objects.filter(pk=cluster_id).update(orphans=orphans)


def _finish_removals(verdicts: Sequence[tuple[Finished, ClusterVerdict]]) -> None:
    """A cluster that is being removed goes when a complete list shows nothing of ours on it."""
    empty = [
        item.work.claim.cluster_id
        for item, verdict in verdicts
        if item.work.removing and item.outcome.complete and verdict.left == 0
    ]
    if empty:
        pending = NodeLabel.objects.filter(node__cluster_id__in=empty, wanted__isnull=False)
        waiting = set(pending.values_list("node__cluster_id", flat=True))
        gone = Cluster.objects.filter(pk__in=set(empty) - waiting, removing=True, placements__isnull=True)
        left = dict(gone.values_list("pk", "name"))
        Cluster.objects.filter(pk__in=list(left)).delete()
        trail.write([trail.of("cluster", pk, name, "removed", before={"removing": True}) for pk, name in left.items()])
