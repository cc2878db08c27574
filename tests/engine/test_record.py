"""Writing what passes found."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from clusters.drivers.base import ObservedNode
from clusters.engine.bundles import end, put
from clusters.engine.claim import Quota, claim
from clusters.engine.clock import db_now
from clusters.engine.load import Work, load
from clusters.engine.outcome import LabelOutcome, PassOutcome, PlacementOutcome
from clusters.engine.placing import place_clusters
from clusters.engine.record import UNRECORDABLE, Finished, record
from clusters.models import Bundle, Cluster, ClusterLabel, Node, NodeLabel, Placement
from clusters.services import add_node_label, delete_node_label
from tests.engine.things import bundle, cluster, configmap, due, node, nodes, wish

pytestmark = pytest.mark.django_db
MARKS = {"ConfigMap/a": ["u", "1"]}


def begin(*clusters: Cluster) -> list[Work]:
    """Lease clusters and load their work, as a worker does."""
    due(*clusters)
    claims, now = claim(Quota(100, 100))
    return sorted(load(claims, now), key=lambda work: work.claim.cluster_id)


def finish(*works: Work, **fields: Any) -> None:
    record([Finished(work, outcome(work, **fields)) for work in works])


def outcome(work: Work, **fields: Any) -> PassOutcome:
    """Everything was applied and seen ready, unless fields say otherwise."""
    results = {
        one.id: PlacementOutcome(applied=True, ready=True, marks=MARKS, running=1, total=1, reason="")
        for one in work.placements
        if one.present
    }
    return PassOutcome(**({"answered": True, "complete": True, "placements": results} | fields))


def row(**filters: Any) -> Placement:
    return Placement.objects.get(**filters)


def clean() -> None:
    Bundle.objects.update(dirty_at=None)


def test_results_are_written_the_lease_ends_and_the_owner_is_told() -> None:
    one, item = cluster(), bundle("a")
    (work,) = begin(one)
    clean()
    finish(work, version="v1.30", full=True)
    found = row()
    assert (found.applied_generation, found.ready_generation, found.marks, found.total) == (1, 1, MARKS, 1)
    assert found.applied_at is not None
    one.refresh_from_db()
    assert (one.lease_until, one.claims_unrecorded, one.change_due_at) == (None, 0, None)
    assert one.observed_at is not None and one.observe_due_at is not None and one.observe_due_at > db_now()
    assert (one.kubernetes_version, one.full_list_at is not None) == ("v1.30", True)
    assert Bundle.objects.get(pk=item.pk).dirty_at is not None


def test_a_pass_that_found_nothing_new_touches_no_placement_and_no_bundle() -> None:
    one = cluster()
    bundle("a")
    finish(*begin(one))
    clean()
    (work,) = begin(one)
    quiet = {p.id: PlacementOutcome(ready=True, running=1, error=0, total=1, reason="") for p in work.placements}
    finish(work, placements=quiet)
    assert Bundle.objects.get().dirty_at is None
    one.refresh_from_db()
    assert one.observed_at is not None and one.observed_at >= work.now


# Not ours any more


def test_nothing_is_written_after_another_worker_took_over() -> None:
    one = cluster()
    bundle("a")
    (work,) = begin(one)
    Cluster.objects.update(lease_until=db_now() - timedelta(seconds=1))
    (second,) = begin(one)
    NodeLabel.objects.create(node=nodes(one, "n1")[0], label="gpu", wanted=True, wanted_seq=1)
    label = NodeLabel.objects.get()
    late = {"nodes": [node("n9")], "labels": [LabelOutcome(label.pk, 1, True, True)], "unknown": {"x": 3}}
    finish(work, **late)
    assert row().applied_generation == 0
    one.refresh_from_db()
    assert one.lease_until is not None and one.observed_at is None and one.orphans == 0
    assert list(Node.objects.values_list("name", flat=True)) == ["n1"]
    label.refresh_from_db()
    assert label.wanted is True
    finish(second)
    assert row().applied_generation == 1


def test_two_passes_of_one_worker_over_one_cluster_do_not_lend_each_other_their_lease() -> None:
    one = cluster()
    bundle("a")
    (old,) = begin(one)
    Cluster.objects.update(lease_until=db_now() - timedelta(seconds=1))
    (second,) = begin(one)
    failed = {p.id: PlacementOutcome(refused=True, reason="the newer says no") for p in second.placements}
    record([Finished(second, outcome(second, placements=failed)), Finished(old, outcome(old))])
    assert (row().applied_generation, row().last_error) == (0, "the newer says no")


def test_results_of_an_older_generation_are_dropped_and_the_cluster_is_due_at_once() -> None:
    one = cluster()
    item = bundle("a")
    (work,) = begin(one)
    put(item, wish("a", objects=[configmap("a", new="1")]))
    finish(work)
    found = row()
    assert (found.generation, found.applied_generation, found.ready_generation) == (2, 0, 0)
    one.refresh_from_db()
    assert one.change_due_at is not None and one.change_due_at <= db_now()


def test_an_error_of_an_older_generation_does_not_reach_the_newer_one() -> None:
    one = cluster()
    item = bundle("a")
    (work,) = begin(one)
    put(item, wish("a", objects=[configmap("a", new="1")]))
    finish(work, placements={p.id: PlacementOutcome(refused=True, hopeless=True, reason="no") for p in work.placements})
    assert (row().last_error, row().failed, row().attempts) == ("", False, 0)


def test_a_placement_withdrawn_meanwhile_is_not_called_ready() -> None:
    one = cluster(labels=["x"])
    bundle("a", "label", "x")
    (work,) = begin(one)
    ClusterLabel.objects.all().delete()
    place_clusters([one.pk])
    finish(work)
    assert (row().present, row().ready_generation, row().applied_generation) == (False, 0, 0)


def test_a_placement_that_came_back_meanwhile_does_not_go() -> None:
    one = cluster(labels=["x"])
    bundle("a", "label", "x")
    ClusterLabel.objects.all().delete()
    place_clusters([one.pk])
    (work,) = begin(one)
    ClusterLabel.objects.create(cluster=one, label="x")
    place_clusters([one.pk])
    finish(work, placements={p.id: PlacementOutcome(gone=True) for p in work.placements})
    assert (row().present, row().applied_generation) == (True, 0)
    one.refresh_from_db()
    assert one.change_due_at is not None and one.change_due_at <= db_now()


def test_a_bundle_that_changes_while_it_is_loaded_is_not_taken_for_one_without_objects() -> None:
    one = cluster()
    item = bundle("a")
    Bundle.objects.filter(pk=item.pk).update(generation=F("generation") + 1)  # the placement has not followed yet
    (work,) = begin(one)
    (found,) = work.placements
    assert (found.known, found.objects) == (False, ())


def test_a_bundle_without_objects_is_known() -> None:
    one = cluster()
    bundle("a", objects=[])
    (work,) = begin(one)
    assert [(p.known, p.objects) for p in work.placements] == [(True, ())]


def test_secrets_are_loaded_in_the_clear_and_stored_encrypted() -> None:
    one = cluster()
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "ns1"},
        "stringData": {"k": "geheim"},
    }
    bundle("a", secrets=[secret])
    (work,) = begin(one)
    assert [item.ref.key for item in work.placements[0].objects] == ["Secret/s", "ConfigMap/a"]
    assert b"geheim" in work.placements[0].objects[0].body
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT body, secret FROM clusters_bundleobject")
        assert "geheim" not in str(cursor.fetchall())


# Going


def test_what_is_gone_goes_and_the_owner_is_told() -> None:
    one = cluster()
    item = bundle("a")
    end(item)
    (work,) = begin(one)
    clean()
    finish(work, placements={p.id: PlacementOutcome(deleted=True, again=1.0) for p in work.placements})
    assert row().deleted_once
    clean()
    (work,) = begin(one)
    finish(work, placements={p.id: PlacementOutcome(gone=True) for p in work.placements})
    assert not Placement.objects.exists()
    assert Bundle.objects.get().dirty_at is not None


def test_objects_of_an_ended_bundle_are_to_go_others_are_orphans() -> None:
    one, home = cluster(), cluster("home")
    ended, live = bundle("a"), bundle("b", "cluster", "home")
    end(ended)
    Placement.objects.filter(cluster=one).delete()
    (work,) = [w for w in begin(one, home) if w.claim.cluster_id == one.pk]
    finish(work, unknown={str(ended.uid): 2, str(live.uid): 3, str(uuid.uuid4()): 4})
    one.refresh_from_db()
    assert one.orphans == 7
    found = row(cluster=one)
    assert (found.bundle_id, found.present) == (ended.pk, False)
    assert one.change_due_at is not None and one.change_due_at <= db_now()
    Placement.objects.filter(cluster=one).delete()
    Cluster.objects.update(lease_until=None)
    (work,) = [w for w in begin(one) if w.claim.cluster_id == one.pk]
    finish(work)
    one.refresh_from_db()
    assert one.orphans == 0


@pytest.mark.parametrize("uid", ["", "x", "z" * 36, "0" * 36, "\x00", "é" * 18])
def test_a_bundle_label_may_say_anything(uid: str) -> None:
    one = cluster()
    finish(*begin(one), unknown={uid: 2})
    one.refresh_from_db()
    assert one.orphans == 2


def test_without_a_complete_list_nothing_is_concluded_from_what_was_not_there() -> None:
    one = cluster(orphans=5, removing=True)
    (work,) = begin(one)
    finish(work, complete=False, error="answered 500")
    one.refresh_from_db()
    assert (one.orphans, one.last_error) == (5, "answered 500")


def test_a_cluster_that_is_removed_goes_when_nothing_of_ours_is_left() -> None:
    one = cluster()
    bundle("a")
    Cluster.objects.update(removing=True)
    place_clusters([one.pk])
    (work,) = begin(one)
    finish(work, placements={p.id: PlacementOutcome(deleted=True) for p in work.placements})
    assert Cluster.objects.exists()
    (work,) = begin(one)
    finish(work, placements={p.id: PlacementOutcome(gone=True) for p in work.placements})
    assert not Cluster.objects.exists()


@pytest.mark.parametrize("what", ["a bundle", "a wanted label"])
def test_a_removal_waits_for_what_came_meanwhile(what: str) -> None:
    one = cluster(removing=True)
    ended = bundle("a")
    end(ended)
    (work,) = begin(one)
    if what == "a bundle":
        Placement.objects.create(cluster=one, bundle=ended, present=False)
    else:
        NodeLabel.objects.create(node=nodes(one, "n1")[0], label="x", wanted=False)
    finish(work, nodes=None)
    assert Cluster.objects.exists()


# Nodes


def labelled(one: Cluster) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {item.name: set() for item in Node.objects.filter(cluster=one)}
    for label in NodeLabel.objects.carried().filter(node__cluster=one).select_related("node"):
        found[label.node.name].add(label.label)
    return found


def test_a_cluster_of_many_nodes_takes_as_many_statements_as_one_of_a_single_node() -> None:
    taken = []
    for number in (1, 50):
        (work,) = begin(cluster())
        with CaptureQueriesContext(connection) as statements:
            finish(work, nodes=[node(f"n{one}") for one in range(number)])
        taken.append(len(statements))
    assert taken[0] == taken[1]


def test_nodes_become_what_was_listed() -> None:
    one, other = cluster(), cluster()
    nodes(other, "n1")
    finish(*begin(one), nodes=[node("n1", "a"), node("n2", "a", "b")])
    assert labelled(one) == {"n1": {"a"}, "n2": {"a", "b"}}
    before = set(Node.objects.filter(cluster=one).values_list("pk", flat=True))
    changed = ObservedNode("n2", "linux", "6.2", "10.0.0.9", 1, 2, 3, 4, False, ("b",))
    finish(*begin(one), nodes=[changed, node("n3")])
    assert labelled(one) == {"n2": {"b"}, "n3": set()}
    n2 = Node.objects.get(cluster=one, name="n2")
    assert (n2.kernel_version, n2.ip, n2.memory, n2.gpu, n2.ready) == ("6.2", "10.0.0.9", 1, 4, False)
    assert n2.pk in before
    one.refresh_from_db()
    assert one.node_count == 2
    assert list(labelled(other)) == ["n1"]


def test_equal_nodes_cost_no_comparison(django_assert_max_num_queries: Any) -> None:
    one = cluster()
    many = [node(f"n{n}", "a") for n in range(40)]
    finish(*begin(one), nodes=many)
    (work,) = begin(one)
    with django_assert_max_num_queries(25):
        finish(work, nodes=list(reversed(many)))


def test_a_label_is_wanted_until_it_was_written() -> None:
    one = cluster(name="c")
    finish(*begin(one), nodes=[node("n1")])
    add_node_label("c", ["n1"], "gpu")
    assert labelled(one) == {"n1": {"gpu"}}, "from the moment the request is answered"
    (work,) = begin(one)
    (label,) = work.labels
    assert (label.node, label.label, label.present, label.seq) == ("n1", "gpu", True, 1)
    finish(work, nodes=[node("n1")], labels=[LabelOutcome(label.id, label.seq, True, False)])
    assert labelled(one) == {"n1": {"gpu"}}, "refused: still wanted"
    (work,) = begin(one)
    finish(work, nodes=[node("n1", "gpu")], labels=[LabelOutcome(label.id, label.seq, True, True)])
    assert NodeLabel.objects.get().wanted is None
    finish(*begin(one), nodes=[node("n1")])
    assert labelled(one) == {"n1": set()}, "once written, the cluster is the truth"


def test_an_answer_to_an_older_request_does_not_settle_a_newer_one() -> None:
    one = cluster(name="c")
    finish(*begin(one), nodes=[node("n1")])
    add_node_label("c", ["n1"], "gpu")
    (work,) = begin(one)
    (label,) = work.labels
    delete_node_label("c", ["n1"], "gpu")
    finish(work, nodes=[node("n1", "gpu")], labels=[LabelOutcome(label.id, label.seq, True, True)])
    assert labelled(one) == {"n1": set()}
    found = NodeLabel.objects.get()
    assert (found.wanted, found.observed, found.wanted_seq) == (False, True, 2)
    one.refresh_from_db()
    assert one.change_due_at is not None and one.change_due_at <= db_now()


@pytest.mark.parametrize("shown", [True, False])
def test_a_label_that_was_taken_off(shown: bool) -> None:
    one = cluster(name="c")
    finish(*begin(one), nodes=[node("n1", "gpu")])
    delete_node_label("c", ["n1"], "gpu")
    (work,) = begin(one)
    (label,) = work.labels
    left = ("gpu",) if shown else ()  # somebody put it on again at once
    finish(work, nodes=[node("n1", *left)], labels=[LabelOutcome(label.id, label.seq, False, True)])
    assert labelled(one) == {"n1": set(left)}


def test_a_written_label_that_vanished_before_the_next_list_is_not_shown_for_ever() -> None:
    one = cluster(name="c")
    finish(*begin(one), nodes=[node("n1")])
    add_node_label("c", ["n1"], "gpu")
    (work,) = begin(one)
    (label,) = work.labels
    finish(work, complete=False, nodes=None, error="e", labels=[LabelOutcome(label.id, label.seq, True, True)])
    finish(*begin(one), nodes=[node("n1")])  # exactly the list as it was before
    assert labelled(one) == {"n1": set()}


# What cannot be recorded


@pytest.mark.parametrize(
    "bad",
    [
        {"nodes": [ObservedNode("n" * 300, "", "", "", 2**80, 0, 0, 0, True, ())]},
        {"version": object()},
        {"placements": {1: object()}, "nodes": [ObservedNode("n1", "", "", "", 2**80, 0, 0, 0, True, ())]},
    ],
)
def test_one_clusters_nonsense_costs_no_other_cluster_its_result(bad: dict[str, Any]) -> None:
    fine, odd = cluster(), cluster()
    bundle("a")
    first, second = begin(fine, odd)
    record([Finished(second, outcome(second, **bad)), Finished(first, outcome(first))])
    assert row(cluster=fine).ready_generation == 1
    odd.refresh_from_db()
    assert (odd.last_error, odd.lease_until, odd.observed_at) == (UNRECORDABLE, None, None)
    assert odd.observe_due_at is not None and odd.observe_due_at > db_now()


def test_any_number_of_bundles_that_nobody_knows_are_counted() -> None:
    one, other = cluster(), cluster()
    many = 260_000  # more than SQLite takes parameters
    first, second = begin(one, other)
    unknown = {str(uuid.UUID(int=number)): 2 for number in range(many)}
    record([Finished(first, outcome(first, unknown=unknown)), Finished(second, outcome(second))])
    one.refresh_from_db()
    assert (one.orphans, one.last_error) == (2 * many, "")


def test_a_whole_fleet_is_recorded_in_a_constant_number_of_statements(django_assert_max_num_queries: Any) -> None:
    from django.db import connection

    for _ in range(40):
        cluster()
    for _ in range(5):
        bundle()
    works = begin(*Cluster.objects.all())
    many = 60 if connection.vendor == "postgresql" else 400  # SQLite counts a statement per row, in one call
    with django_assert_max_num_queries(many):
        finish(*works)
    assert Placement.objects.filter(ready_generation=1).count() == 200
