"""One pass over an edge that is an object in memory: what goes wrong, and what is said of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from clusters.drivers.base import EdgeError, Foreign, Hopeless, Listing, Observed, ObservedPod, Ref, Unreachable
from clusters.engine.load import WantedLabel, Work
from clusters.engine.outcome import PassOutcome
from clusters.engine.reconcile import Rules, reconcile
from clusters.engine.verdict import Pace, judge
from tests.engine.things import (
    NAMESPACE,
    NOW,
    RULES,
    MemoryEdge,
    claim_of,
    new,
    placement,
    ref,
    seen,
    wanted,
    work,
    workload,
)

UNREADY = seen(workload=workload(1, 0, selector="app=web"))
GONE = Unreachable("no answer within 10 s")


def one_pass(what: Work, edge: MemoryEdge, rules: Rules = RULES) -> PassOutcome:
    return asyncio.run(reconcile(what, edge, rules))


def observing(*placements: Any, **fields: Any) -> Work:
    return work(*placements, **({"observe_due_at": NOW} | fields))


def test_a_push_to_a_healthy_cluster_is_one_apply_per_object() -> None:
    edge = MemoryEdge()
    outcome = one_pass(work(new(objects=wanted(ref("a"), ref("b")))), edge)
    assert edge.calls == ["apply a", "apply b"]
    assert outcome.answered and not outcome.complete
    assert outcome.placements[1].applied and set(outcome.placements[1].marks or {}) == {"Deployment/a", "Deployment/b"}


def test_a_quiet_observation_is_one_list() -> None:
    edge = MemoryEdge(seen())
    outcome = one_pass(observing(placement()), edge)
    assert edge.calls == ["list"]
    assert outcome.complete and outcome.placements[1].ready


def test_an_away_cluster_is_probed_first() -> None:
    edge = MemoryEdge(seen())
    edge.fails["probe"] = GONE
    outcome = one_pass(observing(placement(), claim=claim_of(away=True)), edge)
    assert edge.calls == ["probe"]
    assert not outcome.answered and outcome.error == "beijing cannot be reached: no answer within 10 s"


# What one wish cannot do to the others


def test_one_object_that_is_never_answered_stops_neither_the_others_nor_makes_the_cluster_away() -> None:
    edge = MemoryEdge()
    edge.fails["apply slow"] = GONE
    others = [new(id=n, bundle_uid=f"b{n}", objects=wanted(ref(f"w{n}"))) for n in range(2, 30)]
    what = observing(new(objects=wanted(ref("slow"))), *others, claim=claim_of(failed_probes=2))
    outcome = one_pass(what, edge)
    assert outcome.answered and outcome.complete
    assert [n for n, result in outcome.placements.items() if not result.applied] == [1]
    assert outcome.placements[1].refused
    assert "no answer within 10 s" in (outcome.placements[1].reason or "")
    assert judge(what, outcome, NOW, Pace(30, 1, 300), 1).columns["is_away"] == 0


def test_a_push_without_a_list_survives_it_too() -> None:
    edge = MemoryEdge()
    edge.fails["apply slow"] = GONE
    outcome = one_pass(work(new(objects=wanted(ref("slow")))), edge)
    assert outcome.answered and outcome.placements[1].refused


def test_a_cluster_that_dies_in_the_middle_is_not_asked_for_every_object() -> None:
    edge = MemoryEdge()
    edge.fails |= {"apply": GONE, "probe": GONE}
    outcome = one_pass(work(*(new(id=n, bundle_uid=f"b{n}", objects=wanted(ref(f"w{n}"))) for n in range(40))), edge)
    assert not outcome.answered
    assert len(edge.calls) < 40


@pytest.mark.parametrize("error", [EdgeError("answered 403", status=403), GONE], ids=["refused", "not answered"])
def test_pods_that_cannot_be_listed_do_not_stop_what_is_to_be_done(error: EdgeError) -> None:
    edge = MemoryEdge(UNREADY, seen(ref("old"), bundle="b3"))
    edge.fails["list_pods"] = error
    going = placement(id=3, bundle_uid="b3", present=False)
    outcome = one_pass(observing(placement(), new(id=2, bundle_uid="b2", objects=wanted(ref("two"))), going), edge)
    assert outcome.placements[2].applied
    assert ref("old") not in edge.objects
    assert outcome.error


@pytest.mark.parametrize("call", ["list_pods", "apply two", "delete old"])
def test_what_the_list_showed_unready_is_not_green_whatever_fails_later(call: str) -> None:
    edge = MemoryEdge(UNREADY, seen(ref("old"), bundle="b3"))
    edge.fails |= {call: GONE, "probe": GONE}
    going = placement(id=3, bundle_uid="b3", present=False)
    what = observing(placement(), new(id=2, bundle_uid="b2", objects=wanted(ref("two"))), going)
    outcome = one_pass(what, edge)
    verdict = judge(what, outcome, NOW, Pace(30, 1, 300), 1)
    assert verdict.columns["observed_at"] > claim_of().observed_at, "the list itself was complete"
    rows = {row["id"]: row for row in verdict.changed}
    assert rows[1]["ready_generation"] == 0


def test_nodes_that_cannot_be_cleared_do_not_stop_the_pass() -> None:
    edge = MemoryEdge(seen())
    edge.fails["list_pods"] = EdgeError("answered 403", status=403)
    label = WantedLabel(7, "n1", "gpu", False, 1, evict=True)
    outcome = one_pass(observing(placement(node_label="gpu"), new(id=2, bundle_uid="b2"), labels=[label]), edge)
    assert [(item.id, item.done) for item in outcome.labels] == [(7, False)]
    assert outcome.complete and 1 in outcome.placements


def test_no_pod_leaves_for_a_selector_that_is_not_known() -> None:
    edge = MemoryEdge(seen(workload=workload(1, 1, selector="")))
    label = WantedLabel(7, "n1", "gpu", False, 1, evict=True)
    outcome = one_pass(observing(placement(node_label="gpu"), labels=[label]), edge)
    assert [(item.id, item.done) for item in outcome.labels] == [(7, False)]
    assert not {"list_pods", "evict"} & set(edge.calls)
    assert outcome.error == (
        "beijing did not let pods leave n1: "
        "Deployment ns1/web selects its pods in a way that is not known; none was deleted"
    )


def test_a_list_that_is_refused_says_so_and_does_nothing() -> None:
    edge = MemoryEdge(UNREADY)
    edge.fails["list"] = EdgeError("answered 403: no", status=403)
    outcome = one_pass(observing(new(), full=True), edge)
    assert not outcome.complete and not outcome.placements
    assert outcome.error == "beijing answered 403: no"


class SlowEdge(MemoryEdge):
    """Its list is never done."""

    async def list(self, kinds: Iterable[str]) -> Listing:
        await asyncio.Event().wait()
        raise AssertionError


def test_no_pass_outlives_its_lease() -> None:
    outcome = one_pass(observing(new()), SlowEdge(), replace(RULES, longest_seconds=0.05))
    assert not outcome.answered and not outcome.complete
    assert outcome.error == "beijing is too slow: no complete pass within 0.05 s"


# What is said of placements


@pytest.mark.parametrize(
    ("error", "reason", "hopeless"),
    [
        (Foreign("x"), "Deployment ns1/web is there already and is not ours; it is left alone", True),
        (Hopeless("answered 422: bad"), "Deployment ns1/web was refused: answered 422: bad", True),
        (EdgeError("answered 500: oh", retry_after=5), "Deployment ns1/web was refused: answered 500: oh", False),
    ],
)
def test_a_refusal_says_what_and_why(error: EdgeError, reason: str, hopeless: bool) -> None:
    edge = MemoryEdge()
    edge.fails["apply web"] = error
    result = one_pass(work(new()), edge).placements[1]
    assert (result.refused, result.reason, result.hopeless) == (True, reason, hopeless)
    assert result.retry_after == error.retry_after and not result.applied


def test_what_was_applied_before_a_refusal_is_remembered() -> None:
    edge = MemoryEdge()
    edge.fails["apply b"] = EdgeError("no")
    result = one_pass(work(new(objects=wanted(ref("a"), ref("b"), ref("c")))), edge).placements[1]
    assert set(result.marks or {}) == {"Deployment/a"}
    assert edge.calls[:2] == ["apply a", "apply b"]


def test_nothing_is_put_into_a_namespace_that_is_not_ours() -> None:
    edge = MemoryEdge()
    edge.fails["apply ns1"] = Foreign("x")
    home = new(id=2, bundle_uid="b2", objects=wanted(ref("ns1", NAMESPACE)))
    outcome = one_pass(work(new(), home), edge)
    assert edge.calls == ["apply ns1"]
    assert outcome.placements[1].refused
    assert outcome.placements[1].reason == "Namespace ns1 is there already and is not ours; it is left alone"


def test_pods_say_why_a_workload_is_not_up() -> None:
    edge = MemoryEdge(UNREADY)
    edge.pods = [ObservedPod("p", "u", "n1", False, "ImagePullBackOff: no such image", owner=UNREADY.ref)]
    result = one_pass(observing(placement(ready_generation=0)), edge).placements[1]
    assert (result.ready, result.error, result.reason) == (False, 1, "ImagePullBackOff: no such image")
    assert not result.hopeless


@pytest.mark.parametrize(
    ("fields", "hopeless"),
    [
        ({"applied_at": NOW - timedelta(seconds=599)}, False),
        ({"applied_at": NOW - timedelta(seconds=601)}, True),
        # Applied by a worker that died before it could say so; applied_at is still that of generation 1.
        ({"applied_at": NOW - timedelta(days=9), "generation": 2}, False),
    ],
    ids=["in time", "past the deadline", "the deadline of an older generation"],
)
def test_the_progress_deadline_is_the_generations_own(fields: dict[str, Any], hopeless: bool) -> None:
    generation = fields.get("generation", 1)
    edge = MemoryEdge(seen(generation=generation, workload=workload(1, 0, selector="app=web")))
    result = one_pass(observing(placement(ready_generation=0, **fields)), edge).placements[1]
    assert (result.ready, result.hopeless) == (False, hopeless)


def after(what: Work, edge: MemoryEdge) -> dict[int, dict[str, Any]]:
    return {row["id"]: row for row in judge(what, one_pass(what, edge), NOW, Pace(30, 1, 300), 1).changed}


def test_the_periodic_apply_of_what_is_right_costs_no_green() -> None:
    days = placement(applied_at=NOW - timedelta(days=9))
    what = observing(days, claim=claim_of(observed_at=NOW - timedelta(hours=2)))
    edge = MemoryEdge(seen())
    rows = after(what, edge)
    assert edge.calls == ["list", "apply web"]
    assert not rows


def test_an_autoscalers_change_of_replicas_costs_no_green() -> None:
    objects = wanted(ref(), ref("web", "autoscaling/v2/HorizontalPodAutoscaler"))
    scaled = seen(mark="7", workload=workload(4, selector="app=web", scaled_by_others=True))
    hpa = seen(ref("web", "autoscaling/v2/HorizontalPodAutoscaler"))
    row = after(observing(placement(objects=objects)), MemoryEdge(scaled, hpa))[1]
    assert row["ready_generation"] == 1
    assert row["marks"]["Deployment/web"] == ["u1", "7"]
    assert row["running"] == 4


class Mended(MemoryEdge):
    async def apply(self, ref: Ref, body: bytes, *, ours: bool, keep_replicas: bool = False) -> Observed:
        await super().apply(ref, body, ours=ours, keep_replicas=keep_replicas)
        return replace(self.objects[ref], mark="8")


def test_real_drift_is_mended_and_green_only_when_seen_again() -> None:
    rows = after(observing(placement()), Mended(seen(mark="7")))
    assert rows[1]["ready_generation"] == 0


def test_a_wish_for_nothing_needs_a_second_empty_list() -> None:
    edge = MemoryEdge(seen())
    first = one_pass(observing(placement(present=False)), edge).placements[1]
    assert (first.deleted, first.gone) == (True, False) and not edge.objects
    never_there = one_pass(observing(placement(present=False)), MemoryEdge()).placements[1]
    assert (never_there.deleted, never_there.gone) == (True, False)
    assert one_pass(observing(placement(present=False, deleted_once=True)), edge).placements[1].gone


def test_a_bundle_of_no_objects_is_ready_everywhere() -> None:
    result = one_pass(work(new(objects=())), MemoryEdge()).placements[1]
    assert (result.applied, result.ready) == (True, True)
