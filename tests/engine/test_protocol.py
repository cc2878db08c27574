"""Claim, lease and generation under interleavings that nobody thought of: a state machine on the real tables.

Each step is one transaction of the engine or one request of a pass: a wish, a claim, an answer that comes, is lost or
comes too late, a result that is recorded, a worker that dies, time that passes. After each, the invariants below hold;
and whenever the world calms down, the edges hold exactly what is wanted.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.db.models import F
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from clusters import models, services
from clusters.engine.bundles import end, put
from clusters.engine.claim import Claim, Quota, claim
from clusters.engine.clock import db_now
from clusters.engine.labels import BUNDLE
from clusters.engine.load import load
from clusters.engine.marks import mark_due
from clusters.engine.placing import lock_placements, place_clusters
from clusters.engine.record import Finished, record
from tests.engine.gated import CONFIGMAP, FATES, Edge, Thing, Worker
from tests.engine.things import DEPLOYMENT, cluster, configmap, ref, wish

pytestmark = pytest.mark.django_db

LEASE = django_settings.OTE_LEASE_SECONDS
LABEL, NODE_LABEL = "east", "gpu"
WHICH = st.integers(0, 3)
CLUSTER_TIMES = ("change_due_at", "observe_due_at", "lease_until", "observed_at", "full_list_at", "away_since")
PLACEMENT_TIMES = ("applied_at", "next_attempt_at")
# Passes over every cluster after which a calm world must be as wanted: away, set aside, listed empty twice.
ROUNDS = 14
MEANWHILE = (
    "nothing", "a wish", "a label", "its node", "another worker", "a wish, another worker", "an end, another worker",
)  # fmt: skip
Rows = dict[int, dict[str, Any]]


class Protocol(RuleBasedStateMachine):
    """What was asked for is kept here, apart from the tables: wishes by name, edges and labels by cluster."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        self.wishes: dict[str, tuple[models.Bundle, set[Any]]] = {}
        self.edges: dict[int, Edge] = {}
        self.labelled: set[int] = set()
        self.leaving: set[int] = set()
        self.node_wishes: dict[int, bool] = {}
        self.workers: list[Worker] = []
        self.proofs: dict[int, dict[tuple[str, int], set[bytes]]] = {}
        self.counter = 0
        self.before: tuple[Rows, Rows] = ({}, {})

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.all_is_as_wanted_when_it_calms_down()
        finally:
            for worker in self.workers:
                worker.die()
            self.loop.close()
            transaction.set_rollback(True)
            self.undone.__exit__(None, None, None)

    # What people want

    @initialize()
    def begin(self) -> None:
        self.join()
        self.want("a", "all", True)

    def join(self) -> None:
        with transaction.atomic():  # as services.join, once the edge has said who it is
            lock_placements()
            one = cluster(observe_due_at=db_now())
            place_clusters([one.pk])
            mark_due([one.pk])
        self.edges[one.pk] = Edge(one.name)

    @rule(name=st.sampled_from("ab"), selector=st.sampled_from(["all", "label"]), config=st.booleans())
    def want(self, name: str, selector: str, config: bool) -> None:
        self.counter += 1
        objects = [_deployment(name, self.counter)]
        objects += [configmap(name, value=str(self.counter))] if config else []
        old = self.wishes.get(name)
        value = LABEL if selector == "label" else ""
        made = put(old and old[0], wish(name, selector, value, objects=objects))
        assert made.generation == (old[0].generation + 1 if old else 1)
        refs = {ref(name, DEPLOYMENT), ref(name, CONFIGMAP)} if config else {ref(name, DEPLOYMENT)}
        self.wishes[name] = made, refs

    @precondition(lambda self: self.here())
    @rule(which=WHICH)
    def label_or_unlabel(self, which: int) -> None:
        pk = _pick(self.here(), which)
        change = services.delete_label if pk in self.labelled else services.add_label
        change([self.edges[pk].name], LABEL)
        self.labelled ^= {pk}

    @rule(which=WHICH, what=st.sampled_from(["end", "end", "retry", "node label", "join", "remove", "forget"]))
    def ask_for_something_rare(self, which: int, what: str) -> None:
        if what == "join" and len(self.edges) < 3:
            self.join()
        elif what == "end" and self.wishes:
            end(self.wishes.pop(_pick(self.wishes, which))[0])
        elif what == "retry" and self.wishes:
            bundle, _ = self.wishes[_pick(self.wishes, which)]
            if bundle.placements.exists():
                services.retry(bundle)
        elif what == "node label" and self.with_nodes():
            self.label_or_unlabel_the_node(_pick(self.with_nodes(), which))
        elif what in {"remove", "forget"} and self.here():
            self.remove(_pick(self.here(), which), force=what == "forget")

    def label_or_unlabel_the_node(self, pk: int) -> None:
        carried = models.NodeLabel.objects.carried().filter(node__cluster=pk).exists()
        change = services.delete_node_label if carried else services.add_node_label
        change(self.edges[pk].name, ["n1"], NODE_LABEL)
        self.node_wishes[pk] = not carried

    def remove(self, pk: int, *, force: bool) -> None:
        one = models.Cluster.objects.get(pk=pk)
        if force:
            services.remove(one, force=True)
            self.forget(pk)
        elif one.away_since is None:
            services.remove(one)
            self.leaving.add(pk)

    # What workers do

    @rule(
        requests=st.integers(0, 5),
        meanwhile=st.sampled_from(MEANWHILE),
        ends=st.booleans(),
    )
    def a_worker_stands_still(self, requests: int, meanwhile: str, ends: bool) -> None:
        """It claims what is due, makes some requests, and goes on after something has happened, or later."""
        self.time_passes(31)
        workers = self.claimed(Quota(2, 2))
        self.workers += workers
        for worker in workers:
            self.let(worker, requests)
        if "wish" in meanwhile:
            self.want("a", "all", True)
        if "label" in meanwhile and self.here():
            self.label_or_unlabel(requests)
        if "node" in meanwhile and self.with_nodes():
            self.label_or_unlabel_the_node(_pick(self.with_nodes(), requests))
        if "end" in meanwhile and self.wishes:
            end(self.wishes.pop(_pick(self.wishes, requests))[0])
            self.others_do_a_days_work(LEASE + 1)
            self.others_do_a_days_work(LEASE + 1)
        if "worker" in meanwhile:
            self.others_do_a_days_work(LEASE + 1)
        if ends:
            for worker in workers:
                worker.finish()
            self.recorded(workers)

    def let(self, worker: Worker, requests: int, fate: str = "done") -> None:
        """Some requests are answered, and this is what becomes of the last of them."""
        for left in reversed(range(requests)):
            if worker.driver.waiting:
                worker.step("done" if left else fate)

    @precondition(lambda self: self.busy())
    @rule(which=WHICH, requests=st.integers(1, 4), fate=st.sampled_from(("done",) * 3 + FATES))
    def answer(self, which: int, requests: int, fate: str) -> None:
        self.let(_pick(self.busy(), which), requests, fate)

    @precondition(lambda self: self.workers)
    @rule(which=WHICH, recorded=st.sampled_from(["alone", "alone", "together", "never"]))
    def end_a_pass(self, which: int, recorded: str) -> None:
        """The rest is answered; what came of it is recorded, unless the worker dies before."""
        worker = _pick(self.workers, which)
        worker.finish()
        if recorded == "never":
            self.workers.remove(worker)
        else:
            self.recorded([worker] if recorded == "alone" else self.done())

    @rule(seconds=st.sampled_from([1, LEASE + 1, 400]))
    def time_passes(self, seconds: float) -> None:
        by = timedelta(seconds=seconds)
        models.Cluster.objects.update(**{name: F(name) - by for name in CLUSTER_TIMES})
        models.Placement.objects.update(**{name: F(name) - by for name in PLACEMENT_TIMES})
        for worker in self.workers:
            worker.age(by)

    @rule(seconds=st.sampled_from([0, 31, LEASE + 1, LEASE + 1]))
    def others_do_a_days_work(self, seconds: float) -> None:
        """While some stand still, pods start, and other workers do all that is due by then."""
        self.time_passes(seconds)
        for edge in self.edges.values():
            edge.start_pods()
            edge.collect()
        workers = self.claimed(Quota(9, 9))
        for worker in workers:
            worker.finish()
        self.recorded(workers)

    # What edges do

    @precondition(lambda self: self.edges)
    @rule(which=WHICH, how=st.sampled_from(["away or back", "deleted", "changed", "unready", "foreign"]))
    def something_happens_to_an_edge(self, which: int, how: str) -> None:
        edge = self.edges[_pick(self.edges, which)]
        if how == "away or back":
            edge.answers = not edge.answers
        elif how == "foreign":
            edge.things.setdefault(ref("b", CONFIGMAP), Thing("foreign", b"", foreign=True))
        else:
            edge.spoil(how)

    # What always holds

    @invariant()
    def all_holds(self) -> None:
        self.every_step_changes_only_what_it_may()
        self.placements_are_what_was_asked_for()
        self.nothing_is_stuck()

    def every_step_changes_only_what_it_may(self) -> None:
        """Numbers never go back, green comes from a proof of this very generation, owners hear of every change."""
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
            if old is not None:
                assert row["generation"] >= old["generation"]
            if _green(row) and not (old is not None and _green(old) and old["generation"] == row["generation"]):
                self.is_proven(row)
            if old is not None and _content(row) != _content(old):
                assert row["bundle_id"] in dirty, "its owner is told"
        self.proofs.clear()
        models.Bundle.objects.update(dirty_at=None)
        self.before = clusters, placements

    def is_proven(self, row: dict[str, Any]) -> None:
        """A list of the pass that was just recorded showed every object of this generation, ready."""
        bundle = models.Bundle.objects.get(pk=row["bundle_id"])
        assert bundle.generation == row["generation"]
        bodies = {item.body.encode() for item in bundle.objects_wanted.all()}
        seen = self.proofs.get(row["cluster_id"], {}).get((str(bundle.uid), row["generation"]), set())
        assert bodies <= seen, "green without having been seen"

    def placements_are_what_was_asked_for(self) -> None:
        meant = {(pk, bundle.pk): bundle.generation for pk, bundle, _ in self.meant()}
        _, placements = self.before
        found = {(row["cluster_id"], row["bundle_id"]): row for row in placements.values() if row["present"]}
        assert {pair: row["generation"] for pair, row in found.items()} == meant

    def nothing_is_stuck(self) -> None:
        """What is unfinished has its time, and what was asked for anew has it now."""
        now = db_now()
        clusters, placements = self.before
        longest = now + timedelta(seconds=django_settings.OTE_RETRY_CAP)
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

    def all_is_as_wanted_when_it_calms_down(self) -> None:
        """Edges answer, workers live: within a bounded number of passes everything is what was asked for."""
        for worker in self.workers:
            worker.finish()
        self.recorded(self.done())
        for edge in self.edges.values():
            edge.answers = True
            edge.things = {found: thing for found, thing in edge.things.items() if not thing.foreign}
        self.rounds(400)
        self.rounds(1.2 * django_settings.OTE_FULL_LIST_SECONDS)  # with a list of all kinds, as once an hour
        self.is_as_wanted()

    def rounds(self, seconds: float) -> None:
        """Everything is done that is due after these seconds, and then all that follows from it."""
        for _ in range(ROUNDS):
            self.others_do_a_days_work(seconds)
            self.all_holds()
            seconds = 400
            clusters, placements = self.before
            if all(_green(row) for row in placements.values()) and set(clusters) == set(self.edges):
                return

    def is_as_wanted(self) -> None:
        clusters, placements = self.before
        assert set(clusters) == set(self.edges), "what was to leave has left"
        assert all(row["present"] and _green(row) for row in placements.values())
        wanted: dict[int, set[Any]] = {pk: set() for pk in self.edges}
        for pk, bundle, refs in self.meant():
            bodies = {(item.kind, item.name): item.body.encode() for item in bundle.objects_wanted.all()}
            for item in refs:
                wanted[pk].add(item)
                assert self.edges[pk].things[item].body == bodies[item.kind.rsplit("/", 1)[-1], item.name]
        live = {str(bundle.uid) for bundle, _ in self.wishes.values()}
        for pk, edge in self.edges.items():
            extra = {item: thing for item, thing in edge.ours().items() if item not in wanted[pk]}
            # docs/engine.md: what a frozen worker wrote of a live bundle that is not meant for here any more.
            assert all(thing.late and thing.labels[BUNDLE] in live for thing in extra.values())
            assert clusters[pk]["orphans"] == len(extra)
            assert clusters[pk]["away_since"] is None and clusters[pk]["lease_until"] is None
            assert (NODE_LABEL in edge.node_labels) == self.node_wishes.get(pk, False)

    # Helpers

    def here(self) -> list[int]:
        return sorted(self.edges.keys() - self.leaving)

    def with_nodes(self) -> list[int]:
        return sorted(set(models.Node.objects.values_list("cluster_id", flat=True)) & set(self.here()))

    def busy(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.outcome is None]

    def done(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.outcome is not None]

    def meant(self) -> list[tuple[int, models.Bundle, set[Any]]]:
        """(cluster, bundle, its objects): what belongs where, by our own book-keeping."""
        return [
            (pk, bundle, refs)
            for pk in self.here()
            for bundle, refs in self.wishes.values()
            if bundle.selector == "all" or pk in self.labelled
        ]

    def forget(self, pk: int) -> None:
        for book in (self.edges, self.node_wishes):
            book.pop(pk, None)
        self.labelled.discard(pk)
        self.leaving.discard(pk)

    def rows(self) -> tuple[Rows, Rows]:
        clusters = {row["id"]: row for row in models.Cluster.objects.values()}
        return clusters, {row["id"]: row for row in models.Placement.objects.values()}

    def claimed(self, quota: Quota) -> list[Worker]:
        clusters, _ = self.rows()
        claims, now = claim(quota)
        for item in claims:
            was = clusters[item.cluster_id]
            assert was["lease_until"] is None or was["lease_until"] < now, "one worker at a time"
            assert item.epoch > was["lease_epoch"]
            for other in self.workers:
                other.driver.late |= other.work.claim.cluster_id == item.cluster_id
        return [Worker(self.loop, work, self.edges[work.claim.cluster_id]) for work in load(claims, now)]

    def recorded(self, workers: list[Worker]) -> None:
        """Record; what was overtaken or removed changes nothing, and what is gone was empty."""
        epochs = dict(models.Cluster.objects.values_list("pk", "lease_epoch"))
        held = {w.work.claim.cluster_id for w in workers if _holds(w.work.claim, epochs)}
        clusters, placements = self.rows()
        labels = list(models.NodeLabel.objects.order_by("pk").values())
        for worker in workers:
            if _holds(worker.work.claim, epochs):
                self.proofs[worker.work.claim.cluster_id] = worker.driver.proofs
        record([Finished(worker.work, worker.outcome) for worker in workers if worker.outcome])
        after, placements_after = self.rows()
        for pk in set(clusters) - held:
            assert after.get(pk) == clusters[pk], "an old lease's word changes nothing"
        strangers = lambda rows: {pk: row for pk, row in rows.items() if row["cluster_id"] not in held}  # noqa: E731
        assert strangers(placements_after) == strangers(placements)
        for worker in workers:
            lease = worker.work.claim
            if _holds(lease, epochs) and worker.outcome and worker.outcome.complete:
                green = [
                    row for row in placements_after.values() if row["cluster_id"] == lease.cluster_id and _green(row)
                ]
                for row in green:
                    self.is_proven(row)  # what was seen otherwise is green no more
        if not held:
            assert list(models.NodeLabel.objects.order_by("pk").values()) == labels
        for pk in set(clusters) - set(after):
            assert pk in self.leaving
            assert all(thing.late for thing in self.edges[pk].ours().values()), "it was cleaned before it left"
            self.forget(pk)
        for worker in workers:
            if worker in self.workers:
                self.workers.remove(worker)


def _deployment(name: str, number: int) -> dict[str, Any]:
    meta = {"name": name, "namespace": "ns1"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"number": number}}


def _pick(items: Any, which: int) -> Any:
    keys = list(items)
    return keys[which % len(keys)]


def _holds(lease: Claim, epochs: dict[int, int]) -> bool:
    return epochs.get(lease.cluster_id) == lease.epoch


def _green(row: dict[str, Any]) -> bool:
    return bool(row["present"] and row["ready_generation"] == row["generation"])


def _content(row: dict[str, Any]) -> str:
    return json.dumps({name: str(value) for name, value in row.items() if name not in PLACEMENT_TIMES})


def test_no_interleaving_of_wishes_leases_and_late_writes_breaks_the_protocol() -> None:
    run_state_machine_as_test(
        Protocol,
        settings=settings(
            max_examples=30,
            stateful_step_count=30,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],  # add Phase.shrink for the shortest way to a failure: it takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
