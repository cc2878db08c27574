"""Processes: each claims with what places it has, drives what it drove before, and dies with what it keeps."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from clusters.engine.claim import PATIENCE, STRANDED, Quota, release_stranded
from clusters.engine.clock import db_now
from tests.engine.protocol.books import LEASE, WHICH, Row, pick
from tests.engine.protocol.workers import Workers

QUOTAS = st.builds(
    Quota,
    clusters=st.sampled_from([1, 1, 2, 4, 8, 0, -1]),
    probes=st.integers(-1, 2),
    idle=st.booleans(),
    looks=st.booleans(),
)


class Keepers(Workers):
    """Whoever dies keeps its clusters, until others lose their patience or nobody's preference counts any more."""

    @rule(which=WHICH, quota=QUOTAS, after=st.sampled_from([0, 0, PATIENCE, STRANDED, LEASE + 1]))
    def claim(self, which: int, quota: Quota, after: float) -> None:
        """Some process claims with some quota, and makes no request yet."""
        self.time_passes(after)
        self.workers += self.claimed(quota, pick(self.processes, which))

    @rule(which=WHICH)
    def a_process_dies(self, which: int) -> None:
        self.dies(pick(self.processes, which))

    @rule(after=st.sampled_from([0, STRANDED, LEASE + 1]))
    def release(self, after: float) -> None:
        """What nobody holds and nobody came for is anybody's; all else stays as it was."""
        self.time_passes(after)
        before, began = self.rows(), db_now()
        release_stranded()
        after_, ended = self.rows(), db_now()
        for pk, row in before[0].items():
            kept = after_[0][pk]["kept_by"]
            assert kept in {row["kept_by"], None}
            if _stranded(row, began):
                assert kept is None
            elif not _stranded(row, ended):
                assert kept == row["kept_by"]
        same = {pk: row | {"kept_by": after_[0][pk]["kept_by"]} for pk, row in before[0].items()}
        assert (same, before[1]) == after_

    @rule(
        which=WHICH,
        after=st.sampled_from([PATIENCE, STRANDED, LEASE + 1]),
        places=st.integers(1, 4),
        idle=st.booleans(),
        released=st.booleans(),
    )
    def one_survives(self, which: int, after: float, places: int, idle: bool, released: bool) -> None:
        """All processes but one die; it comes for all that is due and not leased, however few places it has."""
        survivor = pick(self.processes, which)
        for other in [keeper for keeper in self.processes if keeper != survivor]:
            self.dies(other)
        now = db_now()
        due = [pk for pk, row in self.rows()[0].items() if _is_due(row, now)]
        self.time_passes(after)
        if released:
            release_stranded()
        rows = self.rows()[0]
        waiting = {pk: rows[pk]["lease_epoch"] for pk in due if _is_free(rows[pk], db_now())}
        for _ in range(4 * len(waiting)):
            self.work(survivor, Quota(places, places, idle))
        for pk, row in self.rows()[0].items():
            assert row["lease_epoch"] > waiting.get(pk, -1) or not _is_free(row, db_now()), "nobody came"


def _is_free(row: Row, now: datetime) -> bool:
    return row["lease_until"] is None or row["lease_until"] < now


def _is_due(row: Row, now: datetime) -> bool:
    dues = [row["observe_due_at"]] if row["away_since"] else [row["observe_due_at"], row["change_due_at"]]
    return any(at is not None and at <= now for at in dues)


def _stranded(row: Row, now: datetime) -> bool:
    before = now - timedelta(seconds=STRANDED)
    overdue = any(row[at] is not None and row[at] < before for at in ("change_due_at", "observe_due_at"))
    return overdue and row["kept_by"] is not None and _is_free(row, now)
