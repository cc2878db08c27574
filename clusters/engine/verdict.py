"""What to write after a pass, and when to come back: pure. `record` writes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from clusters.engine import backoff
from clusters.engine.load import WantedPlacement, Work
from clusters.engine.outcome import PassOutcome, PlacementOutcome
from otestack.sentences import bounded

# A cluster is away after this many probes in a row without an answer.
AWAY_AFTER = 3
# Seconds after an apply until the first look at what came of it.
FIRST_LOOK = 0.5
# Each look waits this share of the time since the apply: a rollout is noticed at most that much late.
LOOK_GROWTH = 0.3


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. interval: between observations; base and cap: of retries."""

    interval: float
    retry_base: float
    retry_cap: float


@dataclass(slots=True)
class ClusterVerdict:
    """Columns of the cluster's row, and its placements' rows that changed or go."""

    columns: dict[str, Any]
    changed: list[dict[str, Any]]
    gone: list[int]
    left: int

    @property
    def due(self) -> datetime:
        """When the cluster is due again, as far as this pass knows."""
        change, look = self.columns["change_due_at"], self.columns["observe_due_at"]
        return look if change is None else min(change, look)


def judge(work: Work, outcome: PassOutcome, now: datetime, pace: Pace, draw: float) -> ClusterVerdict:
    """Return what a pass amounts to. now: the database's time; draw: 0 to 1, spreads clusters apart."""
    changed = []
    gone = []
    dues: list[datetime] = []
    looks: list[float] = []
    # The sweep and the pass itself come on top: what is observed every interval is never older than one.
    calm = pace.interval * (0.85 + 0.1 * draw)
    for placement in work.placements:
        result = outcome.placements.get(placement.id)
        if result is not None and result.gone:
            gone.append(placement.id)
            continue
        row = _row(placement)
        if result is not None:
            after = row | _after(placement, result, now, pace, draw)
            if after != row:
                changed.append(after)
            row = after
        if not placement.present or row["applied_generation"] < placement.generation:
            # What an error kept the pass from is not tried again at once, for ever.
            soonest = now + timedelta(seconds=calm / 2) if result is None and outcome.error else now
            asked = now + timedelta(seconds=outcome.retry_after)
            dues.append(max(row["next_attempt_at"] or now, soonest, asked))
        elif row["ready_generation"] != placement.generation:
            elapsed = (now - (row["applied_at"] or now)).total_seconds()
            looks.append(min(max(FIRST_LOOK, LOOK_GROWTH * elapsed), pace.interval))
    columns = _cluster(work, outcome, now, pace, draw, calm, dues, looks)
    return ClusterVerdict(columns, changed, gone, left=len(work.placements) - len(gone))


def _row(placement: WantedPlacement) -> dict[str, Any]:
    return {
        "id": placement.id,
        "generation": placement.generation,
        "present": placement.present,
        "applied_generation": placement.applied_generation,
        "applied_at": placement.applied_at,
        "ready_generation": placement.ready_generation,
        "failed": placement.failed,
        "deleted_once": placement.deleted_once,
        "running": placement.running,
        "error": placement.error,
        "total": placement.total,
        "last_error": placement.last_error,
        "attempts": placement.attempts,
        "next_attempt_at": placement.next_attempt_at,
        "marks": placement.marks,
    }


def _after(
    placement: WantedPlacement, result: PlacementOutcome, now: datetime, pace: Pace, draw: float
) -> dict[str, Any]:
    """Return the columns that a result sets."""
    new: dict[str, Any] = {}
    if result.marks is not None:
        new["marks"] = result.marks
    if result.reason is not None:
        new["last_error"] = bounded(result.reason, 300)
    if result.applied:
        first = placement.applied_generation != placement.generation
        new |= {"applied_generation": placement.generation, "attempts": 0, "next_attempt_at": None, "failed": False}
        new |= {"applied_at": now} if first else {"ready_generation": 0}
    if result.refused:
        attempts = placement.attempts + 1
        wait = backoff.delay(
            attempts,
            base=pace.retry_base,
            cap=pace.retry_cap,
            hopeless=result.hopeless,
            asked=result.retry_after,
            draw=draw,
        )
        new |= {"attempts": attempts, "next_attempt_at": now + timedelta(seconds=wait), "failed": result.hopeless}
    elif result.again is not None:
        # Slower each time: what hangs on a finalizer for days is not listed every second for days.
        wait = min(result.again * 1.5 ** min(placement.attempts, 32), max(result.again, pace.interval))
        new |= {"attempts": placement.attempts + 1, "next_attempt_at": now + timedelta(seconds=wait)}
    if result.deleted and not placement.present:
        new["deleted_once"] = True
    if result.ready is True:
        new |= {"ready_generation": placement.generation, "failed": False, "attempts": 0, "next_attempt_at": None}
    elif result.ready is False:
        new["ready_generation"] = 0
        if not result.refused:
            new["failed"] = result.hopeless
    for name in ("running", "error", "total"):
        if (value := getattr(result, name)) is not None:
            new[name] = value
    return new


def _cluster(
    work: Work,
    outcome: PassOutcome,
    now: datetime,
    pace: Pace,
    draw: float,
    calm: float,
    dues: list[datetime],
    looks: list[float],
) -> dict[str, Any]:
    answered = outcome.answered
    probes = 0 if answered else work.claim.failed_probes + (0 if outcome.unfinished else 1)
    away = not answered and probes >= AWAY_AFTER
    if away:
        change_due, wait = None, calm
    elif not answered:
        change_due, wait = None, backoff.delay(max(1, probes), base=pace.retry_base, cap=pace.interval, draw=draw)
    elif outcome.unfinished:
        change_due, wait = now, 0.0
    else:
        change_due = min(dues, default=None)
        if outcome.complete:
            wait = min([calm, *looks])
        elif outcome.error:
            wait = max(calm / 2, outcome.retry_after)
        else:
            wait = FIRST_LOOK
    columns: dict[str, Any] = {
        "id": work.claim.cluster_id,
        "lease_epoch": work.claim.epoch,
        "change_due_at": change_due,
        "observe_due_at": _observe_due(work, outcome, now, wait),
        "lease_until": None,
        "claims_unrecorded": 0,
        "failed_probes": probes,
        "last_error": bounded(outcome.error, 300),
        "observed_at": work.claim.observed_at,
        "seen_seq": work.claim.seq,
        "is_away": int(away),
        "went_full": int(outcome.complete and outcome.full),
        "judged_at": now,
        "told_version": outcome.version,
    }
    if outcome.complete:
        columns["observed_at"] = work.now + timedelta(seconds=outcome.listed_after)
    return columns


def _observe_due(work: Work, outcome: PassOutcome, now: datetime, wait: float) -> datetime:
    """Return when to list next. A pass without a list never puts off the list that was due before."""
    due = now + timedelta(seconds=wait)
    if outcome.answered and not outcome.complete and work.observe_due_at is not None and work.observe_due_at > now:
        return min(due, work.observe_due_at)
    return due
