"""When to try again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters.engine.backoff import delay


@pytest.mark.parametrize(
    ("attempts", "draw", "seconds"),
    [
        (1, 0, 0.5),
        (1, 1, 1),
        (2, 0, 0.5),
        (2, 1, 2),
        (5, 1, 16),
        (5, 0.5, 8.25),
        (9, 1, 256),
        (10, 1, 300),
        (99, 1, 300),
    ],
)
def test_it_doubles_up_to_the_cap_with_full_jitter(attempts: int, draw: float, seconds: float) -> None:
    assert delay(attempts, base=1, cap=300, draw=draw) == seconds


def test_what_is_hopeless_waits_about_the_cap_from_the_start() -> None:
    assert [delay(1, base=1, cap=300, hopeless=True, draw=draw) for draw in (0, 1)] == [150, 300]


def test_what_the_edge_asks_for_is_never_undercut() -> None:
    assert delay(1, base=1, cap=300, asked=30, draw=0) == 30
    assert delay(20, base=1, cap=300, asked=30, draw=1) == 300


def test_a_fleet_that_fails_together_spreads_out() -> None:
    assert len({delay(6, base=1, cap=300) for _ in range(100)}) > 90


@settings(deadline=None)
@given(
    attempts=st.integers(0, 10**6),
    base=st.floats(0.01, 10),
    cap=st.floats(0.1, 1000),
    hopeless=st.booleans(),
    draw=st.floats(0, 1),
)
def test_it_is_always_a_wait_and_never_above_the_cap(
    attempts: int, base: float, cap: float, hopeless: bool, draw: float
) -> None:
    assert 0 < delay(attempts, base=base, cap=cap, hopeless=hopeless, draw=draw) <= cap * (1 + 1e-9)
