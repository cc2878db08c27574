"""What recording passes may change: only what a lease still covers, and only what the passes were told."""

from __future__ import annotations

from collections.abc import Sequence

from clusters import models
from clusters.engine.claim import Claim
from clusters.engine.record import Finished, record
from tests.engine.protocol.books import NODE_LABEL, Row, Rows, green
from tests.engine.protocol.people import People
from tests.engine.protocol.worker import Worker


class Records(People):
    """One call of record() with the rows before and after it."""

    def recorded(self, workers: Sequence[Worker]) -> None:
        epochs = dict(models.Cluster.objects.values_list("pk", "lease_epoch"))
        holders = {worker.cluster: worker for worker in workers if _holds(worker.work.claim, epochs)}
        clusters, placements = self.rows()
        labels = _labels()
        for pk, worker in holders.items():
            self.note(pk, worker, placements)
        record([Finished(worker.work, worker.outcome) for worker in workers if worker.outcome])
        self.workers = [worker for worker in self.workers if worker not in workers]
        after, placements_after = self.rows()

        self.others_are_untouched((clusters, placements), (after, placements_after), set(holders))
        for pk, worker in holders.items():
            if worker.outcome and worker.outcome.complete:
                for row in placements_after.values():
                    if row["cluster_id"] == pk and green(row):
                        self.is_proven(row)  # what was seen otherwise is green no more
        for pk in placements.keys() - placements_after.keys():
            self.is_gone_from_the_edge(placements[pk], holders)
        self.only_the_last_wish_is_settled(labels, set(after), holders)
        for pk in clusters.keys() - after.keys():
            self.is_clean(pk, holders[pk])
            self.forget(pk)

    def note(self, pk: int, worker: Worker, placements: Rows) -> None:
        driver, outcome = worker.driver, worker.outcome
        self.proofs[pk] = driver.proofs
        held = self.held.setdefault(pk, {})
        for version, bodies in driver.held.items():
            held[version] = held.get(version, set()) | bodies
        self.silent[pk] = 0 if driver.told else self.silent.get(pk, 0) + 1
        self.unrecorded[pk] = 0
        if outcome and outcome.complete and driver.list_began:
            self.looked[pk] = driver.list_began
            for claimed in worker.work.placements:
                if not claimed.present and claimed.id in placements and not placements[claimed.id]["present"]:
                    self.lists[claimed.id] = self.lists.get(claimed.id, 0) + 1

    def others_are_untouched(self, before: tuple[Rows, Rows], after: tuple[Rows, Rows], held: set[int]) -> None:
        """An old lease's word changes nothing."""
        for rows, rows_after, of in zip(before, after, ("id", "cluster_id"), strict=True):
            strangers = {pk: row for pk, row in rows.items() if row[of] not in held}
            assert {pk: row for pk, row in rows_after.items() if row[of] not in held} == strangers

    def is_gone_from_the_edge(self, row: Row, holders: dict[int, Worker]) -> None:
        """A row goes after the second list, which shows none of its objects."""
        assert not row["present"], "what is wanted stays"
        bundle = models.Bundle.objects.get(pk=row["bundle_id"])
        assert str(bundle.uid) not in holders[row["cluster_id"]].driver.listed
        assert self.lists.pop(row["id"], 0) >= 2, "a write under way may still arrive"

    def only_the_last_wish_is_settled(self, before: Rows, clusters: set[int], holders: dict[int, Worker]) -> None:
        after = _labels()
        answered = {(label.id, label.seq) for worker in holders.values() for label in worker.work.labels}
        for pk, row in before.items():
            if row["node__cluster_id"] not in holders:
                assert after[pk] == row, "an old lease's word changes nothing"
            elif row["wanted"] is not None and row["node__cluster_id"] in clusters:
                settled = pk not in after or after[pk]["wanted"] is None
                assert not settled or (pk, row["wanted_seq"]) in answered, "an older answer"

    def is_clean(self, pk: int, worker: Worker) -> None:
        """A cluster that was to leave, leaves when a complete list shows only orphans: docs/engine.md."""
        edge = self.edges[pk]
        assert pk in self.leaving
        assert worker.outcome and worker.outcome.complete
        assert worker.driver.listed <= self.live(), "nothing that is known to be unwanted is left"
        assert all(thing.late for thing in edge.ours().values()), "it was cleaned before it left"
        assert NODE_LABEL not in edge.node_labels or edge.labelled_late


def _labels() -> Rows:
    fields = ("id", "node__cluster_id", "label", "observed", "wanted", "wanted_seq", "evict")
    return {row["id"]: row for row in models.NodeLabel.objects.values(*fields)}


def _holds(lease: Claim, epochs: dict[int, int]) -> bool:
    return epochs.get(lease.cluster_id) == lease.epoch
