"""What a claim may take, must take and has to leave: held against the rows as they were before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from clusters.engine.claim import DEADLY_CLAIMS, PATIENCE, Quota, claim, late_after
from clusters.engine.load import load
from tests.engine.protocol.books import LEASE, Row, Rows
from tests.engine.protocol.records import Records
from tests.engine.protocol.worker import Worker


@dataclass(frozen=True)
class Due:
    """Clusters that nobody holds, by what is due there for one process. Those kept by others: also, when overdue."""

    changes: set[int]
    looks: set[int]
    late: set[int]
    others_changes: set[int]
    overdue_changes: set[int]
    overdue_looks: set[int]
    probes: set[int]

    @classmethod
    def of(cls, rows: Rows, keeper: int | None, now: datetime) -> Due:
        """At a time of the database's."""
        free = [row for row in rows.values() if row["lease_until"] is None or row["lease_until"] < now]
        answering = [row for row in free if not _silent(row)]
        mine = [row for row in answering if row["kept_by"] in {keeper, None}]
        others = [row for row in answering if row not in mine]
        patient = now - timedelta(seconds=PATIENCE)
        return cls(
            changes=_due(mine, "change_due_at", now),
            looks=_due(mine, "observe_due_at", now),
            late=_due(mine, "observe_due_at", now - timedelta(seconds=late_after())),
            others_changes=_due(others, "change_due_at", now),
            overdue_changes=_due(others, "change_due_at", patient),
            overdue_looks=_due(others, "observe_due_at", patient),
            probes={row["id"] for row in free if _silent(row) and _probe_due(row, now)},
        )

    def is_taken(self, quota: Quota, taken: set[int]) -> None:
        """Hold what was taken against the quota and against what was due."""
        changes = self.changes | self.overdue_changes
        at_once = self.others_changes if quota.idle and not self.changes else set()
        looks, probes = (self.looks | self.overdue_looks, self.probes) if quota.looks else (set(), set())
        assert len(taken) <= max(0, quota.clusters)
        assert len(taken & probes) <= max(0, quota.probes)
        assert taken <= changes | at_once | looks | probes, "only what is due, and whose turn it is"
        if not (quota.looks and self.late):
            changes |= at_once  # nothing of its own
        if len(taken) < quota.clusters:
            assert changes | looks <= taken, "a place was free for it"
            assert len(taken & probes) == max(0, min(quota.probes, len(probes)))
        elif changes - taken:
            quarter = -(-quota.clusters // 4)
            assert len(taken & probes) <= quarter, "changes come first"
            assert len(taken - changes - probes) <= quarter, "changes come first"


class Claims(Records):
    """One call of claim(), by one process."""

    def claimed(self, quota: Quota, keeper: int | None) -> list[Worker]:
        before = self.rows()[0]
        claims, now = claim(quota, keeper)
        after = self.rows()[0]
        taken = {item.cluster_id for item in claims}
        aside = {pk for pk in after.keys() - taken if after[pk]["lease_until"] != before[pk]["lease_until"]}
        Due.of(before, keeper, now).is_taken(quota, taken | aside)
        for pk in aside:
            self.unrecorded[pk] = DEADLY_CLAIMS - 1  # it gets one try each time
        for item in claims:
            old, new = before[item.cluster_id], after[item.cluster_id]
            assert old["lease_until"] is None or old["lease_until"] < now, "one worker at a time"
            assert item.epoch == new["lease_epoch"] > old["lease_epoch"]
            assert new["lease_until"] >= now + timedelta(seconds=LEASE), "long enough for a pass"
            assert new["kept_by"] == keeper
            assert item.probe == _silent(old)
            self.unrecorded[item.cluster_id] = self.unrecorded.get(item.cluster_id, 0) + 1
            assert self.unrecorded[item.cluster_id] <= DEADLY_CLAIMS, "no more workers for what kills them"
            for other in self.workers:
                other.driver.late |= other.cluster == item.cluster_id
        return [Worker(self.loop, work, self.edges[work.claim.cluster_id], keeper) for work in load(claims, now)]


def _silent(row: Row) -> bool:
    return row["failed_probes"] > 0 or row["away_since"] is not None


def _due(rows: list[Row], column: str, now: datetime) -> set[int]:
    return {row["id"] for row in rows if row[column] is not None and row[column] <= now}


def _probe_due(row: Row, now: datetime) -> bool:
    """No change hastens the probe of what is away."""
    columns = ["observe_due_at"] if row["away_since"] else ["observe_due_at", "change_due_at"]
    return any(_due([row], column, now) for column in columns)
