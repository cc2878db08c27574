"""Two at once on PostgreSQL: real connections, real row locks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections, transaction

from clusters.engine.bundles import end, put
from clusters.engine.claim import Claim, Quota, claim
from clusters.engine.clock import db_now
from clusters.engine.load import Work, load
from clusters.engine.marks import mark_due
from clusters.engine.outcome import LabelOutcome, PassOutcome, PlacementOutcome
from clusters.engine.placing import lock_ends, lock_placements, place_all, place_clusters, touch_bundles
from clusters.engine.record import Finished, record
from clusters.models import Bundle, Cluster, NodeLabel, Placement
from clusters.services import add_label, add_node_label, delete_label, delete_node_label, remove
from tests.engine.things import bundle, cluster, configmap, due, nodes, pairs, wish
from tests.races import _wait_until_waiting, beside, needs_postgres, together

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _postgres(transactional_db: None) -> Iterator[None]:
    needs_postgres()
    yield


def begin(*clusters: Cluster) -> list[Work]:
    due(*clusters)
    claims, now = claim(Quota(100, 100))
    return load(claims, now)


def proven(work: Work, **fields: Any) -> Finished:
    results = {one.id: PlacementOutcome(applied=True, ready=True, reason="") for one in work.placements}
    return Finished(work, PassOutcome(**({"answered": True, "complete": True, "placements": results} | fields)))


def lock_bundle(item: Bundle) -> Callable[[], None]:
    return lambda: touch_bundles([item.pk])


def raised(results: list[Any]) -> list[Any]:
    return [result for result in results if isinstance(result, Exception)]


def test_looking_whether_all_placements_are_right_waits_for_no_change_and_holds_none_up() -> None:
    bundle()
    cluster()
    place_all()
    with transaction.atomic():
        lock_placements()
        thread, results = beside(place_all)
        thread.join(30)
        assert results == [set()]


def test_two_workers_never_lease_the_same_cluster() -> None:
    for _ in range(20):
        cluster(change_due_at=db_now())
    together_now = threading.Barrier(4)
    found: list[Claim] = []

    def work() -> None:
        together_now.wait()
        try:
            for _ in range(6):
                found.extend(claim(Quota(5, 1))[0])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    ids = [item.cluster_id for item in found]
    assert len(ids) == len(set(ids)) == 20


def test_a_bundle_that_changes_while_its_result_is_recorded() -> None:
    one, item = cluster(), bundle("a")
    (work,) = begin(one)
    change = lambda: put(item, wish("a", objects=[configmap("a", new="1")]))  # noqa: E731
    assert raised(together(lock_bundle(item), lambda: record([proven(work)]), change, undo=True)) == []
    row = Placement.objects.get()
    assert row.generation == 2 and row.applied_generation in (0, 1)
    assert row.ready_generation != 2
    one.refresh_from_db()
    assert one.change_due_at is not None and one.change_due_at <= db_now(), "the change is not lost and not late"


def test_a_label_is_added_while_a_bundle_that_selects_it_is_put() -> None:
    cluster("a"), cluster("b")

    def create() -> None:
        bundle("x", "label", "east")

    assert raised(together(lock_placements, create, lambda: add_label(["a", "b"], "east"), undo=True)) == []
    assert len(pairs()) == 2
    assert place_all() == set()


def test_a_cluster_joins_and_a_bundle_ends_while_another_is_put() -> None:
    ends = bundle("ends")

    def join() -> None:
        with transaction.atomic():
            lock_placements()
            place_clusters([cluster("new").pk])

    results = together(lock_placements, join, lambda: end(ends), lambda: bundle("puts"), undo=True)
    assert raised(results) == []
    assert place_all() == set()
    assert set(Placement.objects.filter(present=True).values_list("bundle__title", flat=True)) == {"Bundle puts"}


def test_many_placers_and_recorders_at_once_end_in_what_is_meant() -> None:
    clusters = [cluster(f"c{n}") for n in range(6)]
    bundles = [bundle(f"b{n}", "label" if n % 2 else "all", f"l{n}" if n % 2 else "") for n in range(4)]
    failures: list[Exception] = []

    def repeat(*calls: Callable[[], Any]) -> Callable[[], None]:
        def run() -> None:
            try:
                for _ in range(12):
                    for call in calls:
                        call()
            except Exception as error:  # noqa: BLE001 - told by the assertion below
                failures.append(error)
            finally:
                connections.close_all()

        return run

    def drive() -> None:
        with transaction.atomic():
            mark_due(one.pk for one in clusters)
        claims, now = claim(Quota(4, 1))
        record([proven(work) for work in load(claims, now)])

    def settle() -> None:  # as deployments/settle.py locks
        with transaction.atomic():
            rows = Bundle.objects.filter(dirty_at__isnull=False)
            list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk"))
            rows.update(dirty_at=None)

    threads = [
        threading.Thread(target=repeat(*calls))
        for calls in (
            [drive],
            [drive],
            [settle],
            [lambda: add_label(["c1", "c3", "c5"], "l1"), lambda: delete_label(["c1", "c3", "c5"], "l1")],
            [lambda: add_label(["c5", "c0"], "l3"), lambda: delete_label(["c5", "c0"], "l3")],
            [lambda: put(bundles[0], wish("b0")), lambda: put(bundles[1], wish("b1", "label", "l1"))],
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert failures == []
    assert place_all() == set()


# Orders of locks: each would be a deadlock in the other order, told by the blocked call's failure or ours


def crossing(
    first: Callable[[], Any], call: Callable[[], Any], second: Callable[[], Any], *, waits: bool = True
) -> list[Any]:
    """Take `first`, let `call` run into it, then take `second` in the same transaction: both must get through."""
    with transaction.atomic():
        first()
        thread, results = beside(call)
        if waits:
            _wait_until_waiting(1)
        else:
            thread.join(10)
            assert not thread.is_alive(), "it waits"
        second()
    thread.join(30)
    assert not thread.is_alive()
    return results


def lock_cluster(one: Cluster) -> Callable[[], None]:
    return lambda: mark_due([one.pk])


def test_a_cluster_label_and_a_record_wait_for_each_other_in_one_order() -> None:
    one, item = cluster("a"), bundle("x", "label", "east")
    # A recording worker holds the bundle, then wants the cluster, of which the request has inserted a label.
    results = crossing(lock_bundle(item), lambda: add_label(["a"], "east"), lock_cluster(one))
    assert raised(results) == []
    assert len(pairs()) == 1


def test_a_removal_and_a_record_wait_for_each_other_in_one_order() -> None:
    one, item = cluster("a"), bundle("x")
    results = crossing(lock_bundle(item), lambda: remove(one), lock_cluster(one))
    assert raised(results) == []
    assert pairs() == set()


def test_a_deletion_of_many_bundles_and_a_record_wait_for_each_other_in_one_order() -> None:
    first, second = cluster("a"), cluster("b")
    late, early = bundle("late", "cluster", "b"), bundle("early", "cluster", "a")

    def end_both() -> None:
        with transaction.atomic():
            lock_ends([late.pk, early.pk])
            end(late)
            end(early)

    assert raised(crossing(lock_cluster(first), end_both, lock_cluster(second))) == []
    assert pairs() == set()


@pytest.mark.parametrize("wanted", [True, False])
def test_a_node_label_and_a_record_wait_for_each_other_in_one_order(wanted: bool) -> None:
    one = cluster("a")
    label = NodeLabel.objects.create(node=nodes(one, "n1")[0], label="gpu", wanted=not wanted, wanted_seq=1)
    change = add_node_label if wanted else delete_node_label

    def settle_labels() -> None:
        NodeLabel.objects.filter(pk=label.pk).update(observed=True)

    results = crossing(lock_cluster(one), lambda: change("a", ["n1"], "gpu"), settle_labels)
    assert raised(results) == []
    label.refresh_from_db()
    assert label.wanted is wanted


def test_a_label_is_asked_for_anew_while_its_writing_is_recorded() -> None:
    one = cluster("a")
    label = NodeLabel.objects.create(node=nodes(one, "n1")[0], label="gpu", wanted=True, wanted_seq=1)
    (work,) = begin(one)
    written = proven(work, nodes=None, labels=[LabelOutcome(label.pk, 1, True, True)])
    take_off = lambda: delete_node_label("a", ["n1"], "gpu")  # noqa: E731
    assert raised(together(lock_cluster(one), lambda: record([written]), take_off, undo=True)) == []
    label.refresh_from_db()
    assert label.wanted is False, "whichever came first, the newer request stands"
    one.refresh_from_db()
    assert one.change_due_at is not None


def test_a_request_does_not_wait_for_the_foreign_keys_of_a_record() -> None:
    """Placements inserted for an ended bundle reference it while its owner's row is held elsewhere."""
    one, ended = cluster("a"), bundle("x")
    end(ended)
    Placement.objects.all().delete()
    (work,) = begin(one)
    found = proven(work, unknown={str(ended.uid): 1})
    assert raised(crossing(lock_bundle(ended), lambda: record([found]), lambda: None, waits=False)) == []
    assert Placement.objects.filter(bundle=ended, present=False).exists()
