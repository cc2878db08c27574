"""The invariants themselves: each finds the breach that it is there for, and only that."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from clusters.engine.labels import BUNDLE, CENTRE, GENERATION
from tests.faults.diary import Held, Moment
from tests.faults.invariants import differences, false_greens, most_tries, old_generations, too_many_tries
from tests.faults.processes import ONCE
from tests.faults.sampler import Green, Pair, Read, Sampler, Wanted

pytestmark = ONCE

CLUSTER, UID = "beijing", "11111111-1111-4111-8111-111111111111"
WEB = Held(CLUSTER, "Deployment", "ns1", "web")


@pytest.fixture
def sampler() -> Sampler:
    """One deployment on one cluster: generation 1 from 10 s on, 2 from 20 s on, as wanted; looked at each second."""
    made = Sampler(None, None, lambda: None, 1)  # type: ignore[arg-type] # never entered, so it asks nobody
    made.ended, made.told = 60.0, 60
    made.reads = [Read(float(second), second + 0.1, 2.0) for second in range(60)]
    made.observed[CLUSTER] = [float(second) for second in range(60)]
    made.pairs[CLUSTER, UID] = Pair(7, [Wanted(10, 10.1, 1, 0), Wanted(20, 20.1, 2, 0)])
    made.diary.moments[WEB] = [
        Moment(10.5, UID, 1, False), Moment(11, UID, 1, True), Moment(20.5, UID, 2, False), Moment(21, UID, 2, True)
    ]  # fmt: skip
    return made


def green_at(sampler: Sampler, second: float) -> list[str]:
    sampler.greens = [Green(second, second + 0.1, 7)]
    return false_greens(sampler)


def test_green_is_true_while_the_wanted_generation_runs(sampler: Sampler) -> None:
    assert not green_at(sampler, 15)
    assert not green_at(sampler, 40)


def test_green_before_it_ran_is_false(sampler: Sampler) -> None:
    sampler.pairs[CLUSTER, UID].wanted.insert(0, Wanted(2, 2.1, 1, 0))
    assert green_at(sampler, 8)
    assert green_at(sampler, 10.8)


def test_green_is_false_until_a_list_began_after_it_was_there(sampler: Sampler) -> None:
    sampler.pairs[CLUSTER, UID].wanted.insert(0, Wanted(2, 2.1, 1, 0))
    sampler.diary.moments[WEB][0] = Moment(10.2, UID, 1, True)
    del sampler.diary.moments[WEB][1]
    assert not green_at(sampler, 10.3)
    sampler.observed[CLUSTER] = [float(second) for second in range(60) if second not in {11, 12}]
    assert green_at(sampler, 10.3)


def test_green_where_nobody_looked_is_false_after_three_intervals(sampler: Sampler) -> None:
    sampler.observed[CLUSTER] = [float(second) for second in range(30)]
    assert not green_at(sampler, 35)
    assert green_at(sampler, 45)
    # While the interval is longer, a proof counts for longer.
    sampler.reads[44:47] = [read._replace(interval=6.0) for read in sampler.reads[44:47]]
    assert not green_at(sampler, 45)
    assert green_at(sampler, 52)


def test_green_on_an_older_generation_is_false(sampler: Sampler) -> None:
    del sampler.diary.moments[WEB][2:]
    assert green_at(sampler, 25)


@pytest.mark.parametrize(("second", "is_false"), [(35, False), (45, True)])
def test_green_is_false_three_intervals_after_it_ran(sampler: Sampler, second: float, is_false: bool) -> None:
    sampler.diary.moments[WEB].append(Moment(30, UID, 0, False))
    assert bool(green_at(sampler, second)) is is_false


def test_green_is_not_judged_while_nobody_told_what_ran(sampler: Sampler) -> None:
    sampler.diary.moments[WEB].append(Moment(30, UID, 0, False))
    sampler.diary.gaps.append((30, 50))
    assert not green_at(sampler, 45)


def test_nothing_is_green_where_nobody_answered(sampler: Sampler) -> None:
    sampler.told = 0
    assert false_greens(sampler)


def test_an_older_generation_outlives_two_lists_and_not_three(sampler: Sampler) -> None:
    assert not old_generations(sampler)
    back = [Moment(40.5, UID, 1, True), Moment(42.2, UID, 2, True)]
    sampler.diary.moments[WEB] += back
    assert not old_generations(sampler)
    sampler.diary.moments[WEB][-1] = Moment(43.5, UID, 2, True)
    assert old_generations(sampler)
    assert not old_generations(sampler, away=[CLUSTER])


def test_a_wish_that_is_not_carried_out_is_found(sampler: Sampler) -> None:
    sampler.pairs[CLUSTER, UID].wanted.append(Wanted(50, 50.1, 3, 0))
    assert old_generations(sampler)


def test_tries_are_counted(sampler: Sampler) -> None:
    assert most_tries(60, base=1, cap=10) < 15 < most_tries(60, base=1, cap=1)
    wanted = sampler.pairs[CLUSTER, UID].wanted
    wanted += [Wanted(30 + number, 30.1 + number, 2, number + 1) for number in range(3)]
    assert not too_many_tries(sampler, base=1, cap=10)
    wanted += [Wanted(33 + number / 10, 33.1 + number / 10, 2, number + 4) for number in range(12)]
    wanted.append(Wanted(35, 35.1, 2, 0))
    assert too_many_tries(sampler, base=1, cap=10)


def test_tries_of_several_times_are_added_up(sampler: Sampler) -> None:
    wanted = sampler.pairs[CLUSTER, UID].wanted
    for begun in range(30, 50, 5):
        wanted += [Wanted(begun + number / 10, begun + 0.05 + number / 10, 2, number) for number in range(8)]
    assert too_many_tries(sampler, base=1, cap=10)


def test_tries_from_before_are_not_counted(sampler: Sampler) -> None:
    sampler.pairs[CLUSTER, UID].wanted[:] = [Wanted(1, 1.1, 1, 50), Wanted(9, 9.1, 1, 51), Wanted(12, 12.1, 1, 0)]
    assert not too_many_tries(sampler, base=1, cap=10)


BODY = {
    "apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "ns1", "labels": {CENTRE: "c", BUNDLE: UID, GENERATION: "2"}},
    "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "web", "memory": "1024Mi"}]}}},
}  # fmt: skip


def calm() -> tuple[dict[str, Any], dict[Held, Any]]:
    """Return rows and objects that agree."""
    there: dict[str, Any] = copy.deepcopy(BODY)
    there["metadata"] |= {"uid": "u", "generation": 3}
    there["spec"]["template"]["spec"]["containers"][0] |= {"memory": "1Gi", "added": "by the cluster"}
    there["status"] = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    cluster = {"name": CLUSTER, "labels": [], "removing": False, "away": False, "change_due_at": None,
               "observe_due_at": 101.0, "last_error": ""}  # fmt: skip
    bundle = {"uid": UID, "title": "web", "generation": 2, "selector": "all", "selector_value": "", "ended": False,
              "objects": [BODY]}  # fmt: skip
    row = {"cluster": CLUSTER, "bundle": UID, "present": True, "generation": 2, "applied_generation": 2,
           "ready_generation": 2, "marks": {"apps/v1/Deployment/ns1/web": ["u", "3"]}, "running": 2, "total": 2,
           "error": 0, "last_error": "", "failed": False}  # fmt: skip
    deployment = {"id": 7, "name": "web", "status": 5, "open": False, "bundle": UID}
    rows = {"now": 100.0, "centre": "c", "interval": 2.0, "clusters": [cluster], "bundles": [bundle],
            "placements": [row], "deployments": [deployment]}  # fmt: skip
    return rows, {WEB: there}


def test_what_agrees_has_no_differences() -> None:
    assert differences(*calm()) == []


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("clusters", {"change_due_at": 99.0}),
        ("clusters", {"observe_due_at": 200.0}),
        ("clusters", {"away": True}),
        ("bundles", {"generation": 3}),
        ("bundles", {"ended": True}),
        ("bundles", {"selector": "label", "selector_value": "east"}),
        ("placements", {"applied_generation": 1}),
        ("placements", {"ready_generation": 0}),
        ("placements", {"marks": {}}),
        ("placements", {"running": 1}),
        ("deployments", {"open": True}),
        ("deployments", {"status": 4}),
        ("deployments", {"status": 6}),
    ],
)
def test_rows_that_differ_are_found(table: str, change: dict[str, Any]) -> None:
    rows, objects = calm()
    rows[table][0] |= change
    assert differences(rows, objects)


def test_what_ended_says_so() -> None:
    rows, _ = calm()
    rows["bundles"][0]["ended"], rows["placements"] = True, []
    assert differences(rows, {})
    rows["deployments"][0]["status"] = 9
    assert differences(rows, {}) == []


def test_objects_that_differ_are_found() -> None:
    rows, objects = calm()
    other = copy.deepcopy(objects[WEB])
    assert differences(rows, {})
    assert differences(rows, objects | {WEB._replace(name="more"): other})
    stranger = copy.deepcopy(other)
    stranger["metadata"]["labels"][CENTRE] = "another"
    assert differences(rows, objects | {WEB._replace(name="more"): stranger}) == []
    other["spec"]["replicas"] = 3
    assert differences(rows, {WEB: other})
    rows["placements"] = []
    assert differences(rows, objects)
    assert differences(rows, objects, away=[CLUSTER]) == []
