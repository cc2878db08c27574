"""What a pass decides: tables of wanted and listed."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters.drivers.base import Listing, Observed, Ref
from clusters.engine.load import WantedLabel, WantedPlacement
from clusters.engine.plan import Plan, may_skip_list, plan_with_list, plan_without_list, reapply_due
from tests.engine.things import NAMESPACE, NOW, claim_of, new, placement, ref, seen, wanted, work, workload

FRESH_AFTER = NOW - timedelta(seconds=90)
HPA = "autoscaling/v2/HorizontalPodAutoscaler"
NEVER = lambda _: False  # noqa: E731
ALWAYS = lambda _: True  # noqa: E731


def planned(*placements: WantedPlacement, listed: list[Observed], again: bool = False) -> Plan:
    return plan_with_list(work(*placements), Listing(objects=listed), ALWAYS if again else NEVER)


def applied(plan: Plan) -> list[tuple[str, bool, bool]]:
    return [(item.ref.name, ours, keep) for one in plan.applies for item, ours, keep in one.objects]


def deleted(plan: Plan) -> list[str]:
    return [item.ref.name for _, item in plan.deletes]


def test_what_is_there_as_applied_is_settled() -> None:
    plan = planned(placement(), listed=[seen()])
    assert [p.id for p, _ in plan.settled] == [1]
    assert not plan.applies and not plan.deletes and not plan.waits and not plan.unknown


@pytest.mark.parametrize(
    "there",
    [
        seen(mark="2"),
        seen(uid="u2"),
        seen(generation=0),
    ],
    ids=["changed by others", "replaced by others", "written late by a frozen worker"],
)
def test_drift_is_applied_as_ours(there: Observed) -> None:
    assert applied(planned(placement(), listed=[there])) == [("web", True, False)]


def test_what_is_missing_is_applied_as_not_known() -> None:
    plan = planned(placement(), listed=[])
    assert applied(plan) == [("web", False, False)]
    assert not plan.settled


def test_only_what_differs_is_applied() -> None:
    both = wanted(ref("a"), ref("b"))
    plan = planned(placement(objects=both), listed=[seen(ref("a")), seen(ref("b"), mark="9")])
    assert applied(plan) == [("b", True, False)]


def test_the_periodic_apply_takes_everything() -> None:
    assert applied(planned(placement(), listed=[seen()], again=True)) == [("web", True, False)]


def test_a_placement_that_waits_for_its_next_attempt_is_left() -> None:
    plan = planned(new(attempts=1, next_attempt_at=NOW + timedelta(seconds=1)), listed=[])
    assert not plan.applies and not plan.settled and not plan.waits


def test_replicas_are_left_to_an_autoscaler_that_took_them() -> None:
    objects = wanted(ref(), ref("web", HPA))
    scaled = seen(mark="2", workload=workload(scaled_by_others=True))
    plan = planned(placement(objects=objects), listed=[scaled, seen(ref("web", HPA))])
    assert applied(plan) == [("web", True, True)]
    plan = planned(placement(), listed=[scaled])  # without an autoscaler of ours it is drift
    assert applied(plan) == [("web", True, False)]


def test_what_a_newer_generation_dropped_goes() -> None:
    plan = planned(placement(generation=2), listed=[seen(generation=2), seen(ref("old"))])
    assert deleted(plan) == ["old"]


def test_what_a_later_generation_than_ours_left_stays() -> None:
    assert deleted(planned(placement(), listed=[seen(), seen(ref("newer"), generation=2)])) == []


def test_what_goes_already_is_not_deleted_again() -> None:
    plan = planned(placement(present=False), listed=[seen(terminating=True)])
    assert not plan.deletes
    assert plan.waits == {1: ""}


def test_a_wish_for_nothing_deletes_all_namespaces_last() -> None:
    listed = [seen(ref("ns1", NAMESPACE)), seen(ref("a")), seen(ref("b"))]
    plan = planned(placement(present=False), listed=listed)
    assert deleted(plan) == ["a", "b", "ns1"]
    assert plan.empty == []


def test_a_wish_for_nothing_that_finds_nothing_is_empty() -> None:
    plan = planned(placement(present=False), listed=[])
    assert [p.id for p in plan.empty] == [1]


@pytest.mark.parametrize("name", ["default", "kube-system", "ns2"])
@pytest.mark.parametrize("present", [True, False])
def test_a_namespace_that_is_not_the_bundles_own_is_never_deleted(name: str, present: bool) -> None:
    for namespace in ("ns1", "default"):
        one = placement(present=present, namespace=namespace, generation=2)
        assert deleted(planned(one, listed=[seen(ref(name, NAMESPACE))])) == []


def test_an_unknown_bundle_is_counted_and_left() -> None:
    plan = planned(placement(), listed=[seen(), seen(ref("x"), bundle="b9"), seen(ref("y"), bundle="b9")])
    assert plan.unknown == {"b9": 2}
    assert not plan.deletes


@pytest.mark.parametrize(
    ("there", "why"),
    [
        (seen(terminating=True), "waits until the old Deployment ns1/web is gone"),
        (seen(bundle="b2"), "waits until Deployment ns1/web of another bundle is gone"),
    ],
)
def test_an_object_in_the_way_is_waited_for(there: Observed, why: str) -> None:
    plan = planned(new(), listed=[there])
    assert plan.waits == {1: why}
    assert not plan.applies and not plan.settled


def test_a_bundle_that_changed_while_it_was_read_is_left_alone() -> None:
    one = placement(objects=(), known=False)
    plan = planned(one, listed=[seen()])
    assert not plan.deletes and not plan.applies and not plan.settled and not plan.unknown
    assert not may_skip_list(work(new(objects=(), known=False)), FRESH_AFTER)
    assert not plan_without_list(work(new(objects=(), known=False))).applies


def test_a_bundle_of_no_objects_is_settled_and_clears_what_was() -> None:
    plan = planned(placement(objects=(), generation=2), listed=[seen()])
    assert deleted(plan) == ["web"]
    assert [p.id for p, _ in plan.settled] == [1]


def test_namespaces_are_applied_first() -> None:
    home = new(id=2, bundle_uid="b2", objects=wanted(ref("ns1", NAMESPACE)))
    assert [name for name, *_ in applied(planned(new(), home, listed=[]))] == ["ns1", "web"]
    assert [name for name, *_ in applied(plan_without_list(work(new(), home)))] == ["ns1", "web"]


def test_a_plain_push_to_a_healthy_cluster_needs_no_list() -> None:
    one = work(new(), placement(id=2))
    assert may_skip_list(one, FRESH_AFTER)
    assert applied(plan_without_list(one)) == [("web", False, False)]
    assert applied(plan_without_list(work(placement(generation=2)))) == [("web", True, False)]


LATER = NOW + timedelta(seconds=5)
MUST_LIST = {
    "an observation is due": work(new(), observe_due_at=NOW),
    "never to be observed": work(new(), observe_due_at=None),
    "a full list is due": work(new(), full=True),
    "being removed": work(new(), removing=True),
    "nodes are to be labelled": work(new(), labels=[WantedLabel(1, "n1", "gpu", True, 1, False)]),
    "away": work(new(), claim=claim_of(away=True)),
    "it did not answer": work(new(), claim=claim_of(failed_probes=1)),
    "never observed": work(new(), claim=claim_of(observed_at=None)),
    "observed long ago": work(new(), claim=claim_of(observed_at=NOW - timedelta(seconds=91))),
    "nothing is pending": work(placement()),
    "something is to go": work(new(), placement(id=2, present=False)),
    "an attempt failed": work(new(attempts=1)),
    "something waits": work(new(next_attempt_at=LATER)),
    "an autoscaler may have the replicas": work(placement(generation=2, objects=wanted(ref(), ref("web", HPA)))),
    "nothing to apply": work(new(objects=())),
}


@pytest.mark.parametrize("one", MUST_LIST.values(), ids=MUST_LIST.keys())
def test_everything_else_lists_first(one: object) -> None:
    assert not may_skip_list(one, FRESH_AFTER)  # type: ignore[arg-type]


def test_the_periodic_apply_is_due_once_a_period() -> None:
    one = placement(applied_at=NOW)
    times = []
    observed_at = NOW
    for step in range(1, 4 * 120 + 1):
        now = NOW + timedelta(seconds=30 * step)
        if reapply_due(work(one, now=now, claim=claim_of(observed_at=observed_at)), 3600)(one):
            times.append(step)
        observed_at = now
    assert 3 <= len(times) <= 5
    gaps = {b - a for a, b in itertools.pairwise(times)}
    assert all(90 <= gap <= 150 for gap in gaps)  # 45 to 75 minutes


def test_the_periodic_apply_waits_for_a_first_one() -> None:
    assert not reapply_due(work(), 3600)(new())
    assert not reapply_due(work(claim=claim_of(observed_at=None)), 3600)(placement())


NAMES = st.sampled_from(["a", "b", "c"])
ITEMS = st.builds(
    lambda name, bundle, generation, mark, going: seen(
        ref(name), bundle=bundle, generation=generation, mark=mark, terminating=going
    ),
    NAMES,
    st.sampled_from(["b1", "b2", "b9"]),
    st.integers(0, 3),
    st.sampled_from(["1", "2"]),
    st.booleans(),
)
PLACEMENTS = st.builds(
    lambda number, names, present, generation, waits: placement(
        id=number,
        bundle_uid=f"b{number}",
        objects=wanted(*(ref(name) for name in sorted(names))) if names else (),
        present=present,
        generation=generation,
        next_attempt_at=LATER if waits else None,
    ),
    st.just(0),
    st.sets(NAMES, max_size=2),
    st.booleans(),
    st.integers(1, 3),
    st.booleans(),
)


@settings(deadline=None)
@given(first=PLACEMENTS, second=PLACEMENTS, items=st.lists(ITEMS, max_size=4, unique_by=lambda item: item.ref))
def test_what_holds_for_any_plan(first: WantedPlacement, second: WantedPlacement, items: list[Observed]) -> None:
    for number, one in enumerate((first, second), start=1):
        one.id, one.bundle_uid = number, f"b{number}"
    plan = planned(first, second, listed=items)
    by_id = {1: first, 2: second}
    for owner, item in plan.deletes:
        assert item.bundle == owner.bundle_uid, "only what is labelled as this bundle's"
        assert not item.terminating
        assert not owner.present or item.ref not in {o.ref for o in owner.objects}, "never what is wanted"
    for one in plan.applies:
        assert one.placement.present and one.placement.id not in plan.waits
        there: dict[Ref, Observed] = {item.ref: item for item in items}
        assert all(ours == (o.ref in there) for o, ours, _ in one.objects)
    told = [p.id for p, _ in plan.settled] + [a.placement.id for a in plan.applies] + list(plan.waits)
    told += [p.id for p in plan.empty]
    assert len(told) == len(set(told)), "one thing is said of a placement"
    for number, one in by_id.items():
        assert number in told or (one.present and one.next_attempt_at == LATER)
    assert "b1" not in plan.unknown and "b2" not in plan.unknown
