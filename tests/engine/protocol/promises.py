"""What holds after every step, whatever the order of the steps."""

from __future__ import annotations

import json
from datetime import timedelta

from django.conf import settings
from hypothesis.stateful import invariant

from clusters import models
from clusters.engine.claim import DEADLY_CLAIMS
from clusters.engine.clock import db_now
from clusters.engine.verdict import AWAY_AFTER
from clusters.freshness import FRESH_INTERVALS, is_fresh
from tests.engine.protocol.books import PLACEMENT_TIMES, Books, Row, applied, bodies_of, green

# Between a list's first request and the engine's own note of the time; the database counts milliseconds.
BLINK = timedelta(seconds=0.01)


class Promises(Books):
    """Held against the rows as they were after the step before."""

    @invariant()
    def all_holds(self) -> None:
        self.every_step_changes_only_what_it_may()
        self.placements_are_what_was_asked_for()
        self.nothing_is_stuck()
        self.what_counts_as_fresh_was_seen_in_time()

    def every_step_changes_only_what_it_may(self) -> None:
        """Numbers never go back, applied and green come from a pass over this generation, owners hear of changes."""
        clusters, placements = self.rows()
        old_clusters, old_placements = self.before
        dirty = set(models.Bundle.objects.filter(dirty_at__isnull=False).values_list("pk", flat=True))
        for pk, row in clusters.items():
            old = old_clusters.get(pk, row)
            assert row["lease_epoch"] >= old["lease_epoch"] and row["change_seq"] >= old["change_seq"]
            assert row["credentials_version"] == old["credentials_version"]
        for pk, row in placements.items():
            old = old_placements.get(pk)
            assert row["applied_generation"] <= row["generation"] and row["ready_generation"] <= row["generation"]
            same = old is not None and old["present"] and old["generation"] == row["generation"]
            if old is not None:
                assert row["generation"] >= old["generation"]
            if green(row) and not (same and green(old)):
                self.is_proven(row)
            if applied(row) and not (same and applied(old)):
                self.is_there(row)
            if old is not None and _content(row) != _content(old):
                assert row["bundle_id"] in dirty, "its owner is told"
        for pk in old_placements.keys() - placements.keys():
            bundle = old_placements[pk]["bundle_id"]
            assert bundle in dirty or old_placements[pk]["cluster_id"] not in clusters, "its owner is told"
        self.proofs.clear()
        self.held.clear()
        models.Bundle.objects.update(dirty_at=None)
        self.before = clusters, placements

    def is_proven(self, row: Row) -> None:
        """A list of the pass that was just recorded showed every object of this generation, ready."""
        bundle = models.Bundle.objects.get(pk=row["bundle_id"])
        assert bundle.generation == row["generation"]
        seen = self.proofs.get(row["cluster_id"], {}).get((str(bundle.uid), row["generation"]), set())
        assert bodies_of(bundle) <= seen, "green without having been seen"

    def is_there(self, row: Row) -> None:
        """Passes that were just recorded put every object of this generation there, or found it."""
        bundle = models.Bundle.objects.get(pk=row["bundle_id"])
        held = self.held.get(row["cluster_id"], {}).get((str(bundle.uid), row["generation"]), set())
        assert bodies_of(bundle) <= held, "applied without having been put there"

    def placements_are_what_was_asked_for(self) -> None:
        meant = {(pk, bundle.pk): bundle.generation for pk, bundle, _ in self.meant()}
        _, placements = self.before
        found = {(row["cluster_id"], row["bundle_id"]): row for row in placements.values() if row["present"]}
        assert {pair: row["generation"] for pair, row in found.items()} == meant

    def nothing_is_stuck(self) -> None:
        """What is unfinished has its time."""
        now = db_now()
        clusters, placements = self.before
        longest = now + timedelta(seconds=settings.OTE_RETRY_CAP)
        for pk, row in clusters.items():
            dues = [at for at in (row["change_due_at"], row["observe_due_at"]) if at is not None]
            assert dues and min(dues) <= longest, "looked at again, whatever happens"
            assert row["lease_until"] is None or row["lease_until"] <= longest
            if row["away_since"] is not None or row["failed_probes"] or row["last_error"] or row["lease_until"]:
                continue  # it has its probe, or its lease runs out
            for placement in placements.values():
                pending = not placement["present"] or placement["applied_generation"] < placement["generation"]
                if placement["cluster_id"] == pk and pending:
                    wanted_at = max(placement["next_attempt_at"] or now, now)
                    assert row["change_due_at"] is not None and row["change_due_at"] <= wanted_at

    def what_counts_as_fresh_was_seen_in_time(self) -> None:
        """By our own account of lists; and who is silent, or kills its workers, is known for it."""
        oldest = db_now() - timedelta(seconds=FRESH_INTERVALS * models.observe_interval())
        for pk in models.Cluster.objects.filter(is_fresh()).values_list("pk", flat=True):
            assert self.looked[pk] > oldest - BLINK, "fresh without a list"
            assert self.silent.get(pk, 0) < AWAY_AFTER, "fresh though it does not answer"
        for pk, row in self.before[0].items():
            assert row["observed_at"] is None or row["observed_at"] <= self.looked[pk] + BLINK
            assert row["away_since"] is not None or self.silent.get(pk, 0) < AWAY_AFTER
            assert self.unrecorded.get(pk, 0) <= DEADLY_CLAIMS


def _content(row: Row) -> str:
    return json.dumps({name: str(value) for name, value in row.items() if name not in PLACEMENT_TIMES})
