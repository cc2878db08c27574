"""What is written after a pass, and when it comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.engine.load import WantedPlacement
from clusters.engine.outcome import PassOutcome, PlacementOutcome
from clusters.engine.verdict import AWAY_AFTER, FIRST_LOOK, ClusterVerdict, Pace, judge
from tests.engine.things import NOW, claim_of, new, placement, work

PACE = Pace(interval=30, retry_base=1, retry_cap=300)
CALM = timedelta(seconds=28.5)  # at draw 1; the sweep comes on top
GONE = PlacementOutcome(gone=True)


def listed(**fields: Any) -> PassOutcome:
    return PassOutcome(**({"answered": True, "complete": True, "listed_after": 0.25} | fields))


def judged(outcome: PassOutcome, *placements: WantedPlacement, draw: float = 1, **fields: Any) -> ClusterVerdict:
    return judge(work(*placements, **fields), outcome, NOW, PACE, draw)


def one(result: PlacementOutcome, before: WantedPlacement, **outcome: Any) -> dict[str, Any]:
    """The row of a placement that changed, only what changed."""
    verdict = judged(listed(placements={1: result}, **outcome), before)
    if not verdict.changed:
        return {}
    (row,) = verdict.changed
    return {name: value for name, value in row.items() if value != getattr(before, name)}


def test_a_quiet_pass_writes_no_placement() -> None:
    result = PlacementOutcome(ready=True, running=1, error=0, total=1, reason="")
    verdict = judged(listed(placements={1: result}), placement())
    assert verdict.changed == [] and verdict.gone == []
    assert verdict.columns["change_due_at"] is None
    assert verdict.columns["observe_due_at"] == NOW + CALM


def test_freshness_counts_from_the_beginning_of_the_list() -> None:
    assert judged(listed()).columns["observed_at"] == NOW + timedelta(seconds=0.25)


@pytest.mark.parametrize(
    "outcome",
    [PassOutcome(), PassOutcome(answered=True), PassOutcome(answered=True, error="x"), PassOutcome(unfinished=True)],
)
def test_without_a_complete_list_nothing_gets_fresher(outcome: PassOutcome) -> None:
    assert judged(outcome).columns["observed_at"] == claim_of().observed_at


def test_applied_for_the_first_time() -> None:
    assert one(PlacementOutcome(applied=True, marks={"a": ["u", "1"]}, reason=""), new(attempts=2, last_error="x")) == {
        "applied_generation": 1,
        "applied_at": NOW,
        "marks": {"a": ["u", "1"]},
        "attempts": 0,
        "last_error": "",
    }


def test_applied_again_is_not_ready_until_it_is_seen_so() -> None:
    assert one(PlacementOutcome(applied=True), placement()) == {"ready_generation": 0}
    assert one(PlacementOutcome(applied=True, ready=True), placement()) == {}


def test_seen_ready_clears_what_was_wrong() -> None:
    before = placement(ready_generation=0, failed=True, attempts=3, next_attempt_at=NOW, last_error="x")
    assert one(PlacementOutcome(ready=True, reason=""), before) == {
        "ready_generation": 1,
        "failed": False,
        "attempts": 0,
        "next_attempt_at": None,
        "last_error": "",
    }


def test_seen_unready_is_not_green_any_more() -> None:
    assert one(PlacementOutcome(ready=False, running=0, error=1, reason="ImagePullBackOff"), placement()) == {
        "ready_generation": 0,
        "running": 0,
        "error": 1,
        "last_error": "ImagePullBackOff",
    }
    assert one(PlacementOutcome(ready=False, hopeless=True), placement())["failed"] is True


@pytest.mark.parametrize(
    ("result", "attempts", "seconds", "failed"),
    [
        (PlacementOutcome(refused=True), 0, 1, False),
        (PlacementOutcome(refused=True), 3, 8, False),
        (PlacementOutcome(refused=True, retry_after=77), 3, 77, False),
        (PlacementOutcome(refused=True, hopeless=True), 0, 300, True),
        (PlacementOutcome(again=1), 0, 1, False),
        (PlacementOutcome(again=1), 2, 2.25, False),
        (PlacementOutcome(again=1), 60, 30, False),
    ],
)
def test_the_next_attempt(result: PlacementOutcome, attempts: int, seconds: float, failed: bool) -> None:
    verdict = judged(listed(placements={1: result}), new(attempts=attempts))
    (row,) = verdict.changed
    assert row["attempts"] == attempts + 1
    assert row["next_attempt_at"] == NOW + timedelta(seconds=seconds)
    assert row["failed"] is failed
    assert verdict.columns["change_due_at"] == row["next_attempt_at"]


def test_reasons_fit_their_column() -> None:
    assert len(one(PlacementOutcome(ready=False, reason="x" * 400), placement())["last_error"]) == 300
    assert len(judged(listed(error="y" * 400)).columns["last_error"]) == 300


def test_a_placement_that_wants_nothing_goes_in_two_steps() -> None:
    before = placement(present=False, ready_generation=0)
    assert one(PlacementOutcome(deleted=True, again=1), before)["deleted_once"] is True
    verdict = judged(listed(placements={1: GONE}), before, placement(id=2))
    assert (verdict.gone, verdict.changed, verdict.left) == ([1], [], 1)


def test_being_told_to_go_means_nothing_for_what_is_wanted() -> None:
    assert "deleted_once" not in one(PlacementOutcome(deleted=True, again=1), placement())


@pytest.mark.parametrize("failed_probes", range(5))
def test_three_probes_without_an_answer_are_away(failed_probes: int) -> None:
    verdict = judged(PassOutcome(error="e"), new(), claim=claim_of(failed_probes=failed_probes), observe_due_at=NOW)
    columns = verdict.columns
    assert columns["failed_probes"] == failed_probes + 1
    assert columns["is_away"] == (failed_probes + 1 >= AWAY_AFTER)
    assert columns["change_due_at"] is None, "tried again with the next probe, not at once"
    wait = (columns["observe_due_at"] - NOW).total_seconds()
    assert wait == CALM.total_seconds() if columns["is_away"] else 0.5 <= wait <= 2


def test_an_answer_ends_all_that() -> None:
    columns = judged(listed(), claim=claim_of(away=True, failed_probes=9)).columns
    assert (columns["failed_probes"], columns["is_away"]) == (0, 0)


def test_a_pass_that_ran_out_of_time_is_no_failed_probe_and_goes_on_at_once() -> None:
    columns = judged(PassOutcome(unfinished=True), new(), claim=claim_of(failed_probes=2)).columns
    assert (columns["failed_probes"], columns["is_away"]) == (2, 0)
    columns = judged(PassOutcome(answered=True, unfinished=True), new()).columns
    assert columns["change_due_at"] == columns["observe_due_at"] == NOW


@pytest.mark.parametrize("complete", [True, False], ids=["the pods were refused", "the list was refused"])
def test_what_an_error_kept_from_being_tried_does_not_make_a_hot_loop(complete: bool) -> None:
    outcome = PassOutcome(answered=True, complete=complete, error="answered 403")
    for pending in (new(), placement(present=False), placement(generation=2)):
        assert judged(outcome, pending).columns["change_due_at"] >= NOW + CALM / 2


def test_nor_does_what_was_tried_before_and_is_due_again() -> None:
    outcome = PassOutcome(answered=True, error="answered 401")
    tried = new(attempts=1, next_attempt_at=NOW - timedelta(seconds=1), last_error="answered 401")
    assert judged(outcome, tried).columns["change_due_at"] == NOW + CALM / 2
    later = NOW + 3 * CALM
    assert judged(outcome, new(attempts=9, next_attempt_at=later)).columns["change_due_at"] == later


def test_an_error_beside_does_not_hold_up_what_was_tried() -> None:
    result = PlacementOutcome(again=1, deleted=True)
    verdict = judged(listed(error="no label", placements={1: result}), placement(present=False))
    assert verdict.columns["change_due_at"] == NOW + timedelta(seconds=1)


def test_a_push_without_a_list_is_looked_at_soon_and_puts_no_list_off() -> None:
    outcome = PassOutcome(answered=True, placements={1: PlacementOutcome(applied=True)})
    soon = NOW + timedelta(seconds=FIRST_LOOK)
    assert judged(outcome, new()).columns["observe_due_at"] == soon
    sooner = NOW + timedelta(seconds=0.1)
    assert judged(outcome, new(), observe_due_at=sooner).columns["observe_due_at"] == sooner


@pytest.mark.parametrize("elapsed", [0, 2, 20, 100, 1000, 10**6])
def test_what_comes_up_is_looked_at_often_at_first(elapsed: float) -> None:
    before = placement(ready_generation=0, applied_at=NOW - timedelta(seconds=elapsed))
    due = judged(listed(placements={1: PlacementOutcome(ready=False)}), before).columns["observe_due_at"]
    assert FIRST_LOOK <= (due - NOW).total_seconds() <= min(max(FIRST_LOOK, elapsed / 2), 30)


RESULTS = st.one_of(
    st.none(),
    st.builds(
        PlacementOutcome,
        applied=st.booleans(),
        ready=st.sampled_from([None, True, False]),
        refused=st.booleans(),
        hopeless=st.booleans(),
        again=st.sampled_from([None, 1.0]),
        deleted=st.booleans(),
    ),
)
STATES = st.builds(
    lambda present, applied, ready, attempts: placement(
        present=present, generation=2, applied_generation=applied, ready_generation=ready, attempts=attempts
    ),
    st.booleans(),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 40),
)
OUTCOMES = st.builds(
    PassOutcome,
    answered=st.booleans(),
    complete=st.booleans(),
    error=st.sampled_from(["", "e"]),
    unfinished=st.booleans(),
)


@given(before=STATES, result=RESULTS, outcome=OUTCOMES, draw=st.floats(0, 1), probes=st.integers(0, 5))
def test_whatever_came_of_it_the_cluster_is_due_again(
    before: WantedPlacement, result: PlacementOutcome | None, outcome: PassOutcome, draw: float, probes: int
) -> None:
    if result is not None:
        outcome.placements = {1: result}
    outcome.answered = outcome.answered or outcome.complete  # a list is an answer
    verdict = judged(outcome, before, draw=draw, claim=claim_of(failed_probes=probes))
    columns = verdict.columns
    wait = (columns["observe_due_at"] - NOW).total_seconds()
    assert 0 <= wait <= 30, "nothing is observed later than the interval"
    assert columns["lease_until"] is None and columns["claims_unrecorded"] == 0
    assert not columns["is_away"] or columns["change_due_at"] is None
    row = verdict.changed[0] if verdict.changed else None
    if row is not None:
        assert row["ready_generation"] in (0, before.ready_generation, before.generation)
        assert row["ready_generation"] != 2 or before.ready_generation == 2 or (result and result.ready)
