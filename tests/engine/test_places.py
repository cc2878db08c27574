"""How many passes a window holds."""

from __future__ import annotations

import time

import pytest

from clusters.engine.places import LEAST, Places


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Places:
    """Four; passes usually take a second."""
    monkeypatch.setattr(time, "monotonic", lambda: Clock.now)
    Clock.now = 100.0
    return Places(4, 1.0)


class Clock:
    """Told to the module, on the clock that it reads."""

    now = 100.0


def test_what_takes_four_times_as_long_as_usual_leaves_its_place_to_another(places: Places) -> None:
    for number in range(4):
        places.begin(number)
    assert (places.under_way, places.free, places.spare) == (4, 0, 0)
    Clock.now = 103.9
    assert places.spare == 0
    Clock.now = 104.1
    assert places.spare == 4
    for number in range(4, 7):
        places.begin(number)
    assert places.free + places.spare == 1
    Clock.now = 120.0
    assert places.free + places.spare == 1, "at most twice as many as there are places"


def test_where_half_the_places_are_free_nobody_needs_to_spare_any(places: Places) -> None:
    places.begin(1)
    Clock.now = 200.0
    assert (places.free, places.spare) == (3, 0)


def test_what_is_usual_is_told_by_edges_that_answer(places: Places) -> None:
    for number in range(4):
        places.begin(number)
    Clock.now = 130.0
    places.end({0: False})
    assert places.usual == 1.0
    places.begin(0)
    Clock.now = 130.1
    for _ in range(40):
        places.end({0: True})
        places.begin(0)
    assert places.usual < LEAST / 4
    Clock.now = 130.1 + LEAST * 0.9
    assert places.spare == 3, "no pass is long that is shorter than the least"
