"""Which bundles belong on which clusters."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from clusters.engine.bundles import end, put
from clusters.engine.placing import matching_clusters, place_all, place_bundles, place_clusters
from clusters.models import Bundle, BundleObject, Cluster, ClusterLabel, Placement, Selector
from otestack.errors import Conflict
from tests.engine.things import bundle, cluster, configmap, pairs, wish

pytestmark = pytest.mark.django_db


def state() -> list[dict[str, Any]]:
    return list(Placement.objects.order_by("cluster_id", "bundle_id").values())


def on(item: Bundle) -> set[str]:
    return set(Placement.objects.filter(bundle=item, present=True).values_list("cluster__name", flat=True))


@pytest.mark.parametrize(
    ("selector", "value", "expected"),
    [
        ("all", "", {"a", "B", "c"}),
        ("label", "east", {"a", "B"}),
        ("label", "East", set()),
        ("cluster", "b", {"B"}),
        ("cluster", "nowhere", set()),
        ("none", "", set()),
    ],
)
def test_a_new_bundle_goes_where_its_selector_says(selector: str, value: str, expected: set[str]) -> None:
    cluster("a", ["east", "x"]), cluster("B", ["east"]), cluster("c")
    cluster("leaving", ["east"], removing=True)
    item = bundle(selector=selector, value=value)
    assert on(item) == expected
    assert set(matching_clusters(selector, value).values_list("name", flat=True)) == expected


def test_a_new_bundle_marks_its_clusters_due_and_itself_changed() -> None:
    here, away = cluster(labels=["x"]), cluster(labels=["x"], away_since="2026-01-01T00:00Z")
    elsewhere = cluster()
    item = bundle(selector="label", value="x")
    for row in (here, away, elsewhere):
        row.refresh_from_db()
    assert (here.change_seq, away.change_seq, elsewhere.change_seq) == (1, 1, 0)
    assert here.change_due_at is not None
    assert away.change_due_at is None, "an away cluster keeps its next probe"
    assert Bundle.objects.get(pk=item.pk).dirty_at is not None


def test_doing_it_again_changes_nothing_and_marks_nobody() -> None:
    one = cluster(labels=["x"])
    items = [bundle(selector="label", value="x"), bundle(), bundle(selector="none")]
    before = state(), Cluster.objects.get(pk=one.pk).change_seq
    assert place_bundles([item.pk for item in items]) == place_clusters([one.pk]) == place_all() == set()
    assert place_bundles([]) == place_clusters([]) == set()
    assert (state(), Cluster.objects.get(pk=one.pk).change_seq) == before


PROVEN = {
    "applied_generation": 1,
    "ready_generation": 1,
    "failed": True,
    "attempts": 4,
    "last_error": "x",
    "next_attempt_at": "2026-01-01T00:00Z",
    "deleted_once": True,
    "marks": {"ConfigMap/a": ["u", "1"]},
}


def test_a_new_generation_starts_afresh_and_keeps_what_is_known_of_the_edge() -> None:
    cluster()
    item = bundle("a")
    Placement.objects.update(**PROVEN)
    put(item, wish("a", objects=[configmap("a", new="1")]))
    (row,) = Placement.objects.all()
    assert (row.generation, row.applied_generation, row.ready_generation) == (2, 1, 1)
    assert (row.failed, row.attempts, row.last_error, row.next_attempt_at) == (False, 0, "", None)
    assert row.marks == PROVEN["marks"]


def test_a_withdrawn_placement_is_not_green_and_comes_back_unapplied() -> None:
    one = cluster(labels=["x"])
    item = bundle(selector="label", value="x")
    Placement.objects.update(**PROVEN)
    ClusterLabel.objects.all().delete()
    assert place_clusters([one.pk]) == {(one.pk, item.pk)}
    (row,) = Placement.objects.all()
    assert (row.present, row.ready_generation, row.last_error, row.attempts) == (False, 0, "", 0)
    assert not row.deleted_once
    put(item, wish("web", "label", "x", objects=[configmap("other")]))
    Placement.objects.update(deleted_once=True, marks=PROVEN["marks"], applied_generation=2)
    ClusterLabel.objects.create(cluster=one, label="x")
    assert place_clusters([one.pk]) == {(one.pk, item.pk)}
    (row,) = Placement.objects.all()
    assert (row.present, row.generation, row.applied_generation, row.marks) == (True, 2, 0, {})
    assert not row.deleted_once


def test_a_cluster_that_joins_gets_what_it_should_have_and_one_that_leaves_loses_it() -> None:
    everywhere, east, ended = bundle(), bundle(selector="label", value="east"), bundle()
    end(ended)
    one = cluster("new", ["east"])
    assert place_clusters([one.pk]) == {(one.pk, everywhere.pk), (one.pk, east.pk)}
    Cluster.objects.filter(pk=one.pk).update(removing=True)
    assert place_clusters([one.pk]) == {(one.pk, everywhere.pk), (one.pk, east.pk)}
    assert pairs() == set()


def test_an_ended_bundle_wants_nothing_keeps_its_row_and_frees_its_names() -> None:
    cluster()
    item = bundle("a")
    end(item)
    end(item)
    assert pairs() == set() and Placement.objects.count() == 1
    assert item.ended_at is not None and item.selector == Selector.NONE
    assert Bundle.objects.get(pk=item.pk).dirty_at is not None
    assert not BundleObject.objects.exists()
    with pytest.raises(Conflict):
        put(item, wish("a"))
    assert on(bundle("a")) != set()


def test_an_object_has_one_live_bundle() -> None:
    bundle("a")
    with pytest.raises(Conflict, match="ConfigMap a is already held by Bundle a; choose another name"):
        bundle("b", objects=[configmap("b"), configmap("a")])
    assert Bundle.objects.count() == 1
    bundle("b", objects=[configmap("a", "ns2")])


def test_a_bundle_that_holds_an_object_twice_is_a_conflict() -> None:
    with pytest.raises(Conflict, match="twice"):
        bundle("a", objects=[configmap("a"), configmap("a")])


def test_kinds_of_old_generations_are_remembered() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "ns1"}}
    item = put(None, wish("a", objects=[configmap("a"), service]))
    assert put(item, wish("a")).kinds == ["v1/ConfigMap", "v1/Service"]


def test_the_recheck_mends_what_was_changed_behind_our_back() -> None:
    one, two = cluster(), cluster()
    item = bundle()
    Placement.objects.filter(cluster=one).delete()
    Placement.objects.filter(cluster=two).update(present=False)
    assert place_all() == {(one.pk, item.pk), (two.pk, item.pk)}
    assert pairs() == {(one.pk, item.pk), (two.pk, item.pk)}
    assert place_all() == set()


def test_a_change_is_a_constant_number_of_statements(django_assert_max_num_queries: Any) -> None:
    for _ in range(60):
        cluster()
    with django_assert_max_num_queries(30):
        bundle()
    for _ in range(20):
        bundle()
    one = cluster()
    with django_assert_max_num_queries(20):
        place_clusters([one.pk])
    assert Placement.objects.count() == 61 * 21


LABELS = ["x", "y"]
SELECTORS = st.one_of(
    st.just(("all", "")),
    st.just(("none", "")),
    st.tuples(st.just("label"), st.sampled_from(LABELS)),
    st.tuples(st.just("cluster"), st.sampled_from(["c0", "C1", "c2"])),
)


NUMBERS = st.integers(0, 2)
STEPS = st.one_of(
    st.tuples(st.just("join"), NUMBERS, st.sets(st.sampled_from(LABELS)).map(sorted)),
    st.tuples(st.just("leave"), NUMBERS),
    st.tuples(st.just("forget"), NUMBERS),
    st.tuples(st.just("label"), NUMBERS, st.sampled_from(LABELS), st.booleans()),
    st.tuples(st.just("put"), NUMBERS, SELECTORS),
    st.tuples(st.just("end"), NUMBERS),
    st.tuples(st.just("gone")),
)


class Fleet:
    """Every change that moves workloads, as the services make them."""

    def __init__(self) -> None:
        self.bundles: dict[int, Bundle] = {}

    def join(self, number: int, labels: list[str]) -> None:
        if not Cluster.objects.filter(name=f"c{number}").exists():
            place_clusters([cluster(f"c{number}", labels).pk])

    def leave(self, number: int) -> None:
        if one := Cluster.objects.filter(name=f"c{number}").first():
            Cluster.objects.filter(pk=one.pk).update(removing=True)
            place_clusters([one.pk])

    def forget(self, number: int) -> None:
        Cluster.objects.filter(name=f"c{number}").delete()

    def label(self, number: int, label: str, add: bool) -> None:
        if one := Cluster.objects.filter(name=f"c{number}").first():
            if add:
                ClusterLabel.objects.get_or_create(cluster=one, label=label)
            else:
                ClusterLabel.objects.filter(cluster=one, label=label).delete()
            place_clusters([one.pk])

    def put(self, number: int, chosen: tuple[str, str]) -> None:
        item = self.bundles.get(number)
        item = None if item is not None and item.ended_at is not None else item
        self.bundles[number] = put(item, wish(f"n{number}", *chosen))

    def end(self, number: int) -> None:
        if number in self.bundles:
            end(self.bundles[number])

    def gone(self) -> None:
        Placement.objects.filter(present=False).delete()


def meant() -> set[tuple[int, int]]:
    """What should be placed, naively."""
    found = set()
    for one in Cluster.objects.filter(removing=False):
        labels = set(one.labels.values_list("label", flat=True))
        for item in Bundle.objects.filter(ended_at__isnull=True):
            takes = {
                "all": True,
                "cluster": one.name.lower() == item.selector_value.lower(),
                "label": item.selector_value in labels,
                "none": False,
            }
            if takes[item.selector]:
                found.add((one.pk, item.pk))
    return found


class TestAnyOrder(TestCase):
    @settings(max_examples=60, deadline=None)
    @given(st.lists(STEPS, max_size=14))
    def test_after_any_change_what_is_placed_is_what_is_meant(self, steps: list[tuple[Any, ...]]) -> None:
        fleet = Fleet()
        for name, *arguments in steps:
            getattr(fleet, name)(*arguments)
            assert pairs() == meant()
            for row in Placement.objects.filter(present=True).select_related("bundle"):
                assert row.generation == row.bundle.generation
            assert not Placement.objects.filter(present=False, ready_generation__gt=0).exists()
        assert place_all() == set()
