"""What is recorded together."""

from __future__ import annotations

import pytest

from clusters.engine.batches import MOST_ROWS, Batches
from clusters.engine.outcome import PassOutcome
from clusters.engine.record import Finished
from tests.engine.things import claim_of, new, placement, work

# Nobody waits for so long: what is waited for is there, or comes with the next put.
LONG = 3600.0


@pytest.fixture
def batches() -> Batches:
    return Batches()


def look() -> Finished:
    """A pass over a cluster where everything is as wanted."""
    return Finished(work(placement()), PassOutcome())


def change(number: int = 1, *, silent: bool = False) -> Finished:
    claim = claim_of(failed_probes=int(silent))
    return Finished(work(*(new(id=n) for n in range(number)), claim=claim), PassOutcome())


def test_what_has_not_ended_is_no_batch(batches: Batches) -> None:
    assert batches.take(0, enough=1, changes=0) == []


def test_observations_wait_until_there_are_enough(batches: Batches) -> None:
    first, second = look(), look()
    batches.put(first)
    assert batches.take(0, enough=2, changes=0) == []
    batches.put(second)
    assert batches.take(0, enough=2, changes=0) == [first, second]
    assert batches.take(0, enough=2, changes=0) == []


def test_nothing_waits_for_long_for_what_does_not_end(batches: Batches) -> None:
    alone = look()
    batches.put(alone)
    assert batches.take(LONG, enough=9, changes=0) == [alone]


def test_the_last_change_waits_for_no_observation(batches: Batches) -> None:
    first, second, third = look(), change(), change()
    for one in (first, second):
        batches.put(one)
    assert batches.take(0, enough=9, changes=2) == [], "another change is under way"
    batches.put(third)
    assert batches.take(0, enough=9, changes=2) == [second, third, first]


def test_a_cluster_that_comes_back_is_nobodys_change(batches: Batches) -> None:
    back, wish = change(silent=True), change()
    batches.put(back)
    assert batches.take(0, enough=9, changes=1) == []
    batches.put(wish)
    assert batches.take(0, enough=9, changes=1) == [wish, back]


def test_of_a_crowd_the_changes_come_first(batches: Batches) -> None:
    back = [change(MOST_ROWS, silent=True) for _ in range(2)]
    wish, seen = change(), look()
    for one in (*back, seen, wish):
        batches.put(one)
    assert batches.take(0, enough=9, changes=1) == [wish, back[0]]
    assert batches.take(0, enough=9, changes=0) == [back[1]]
    assert batches.take(0, enough=9, changes=0) == [seen]
