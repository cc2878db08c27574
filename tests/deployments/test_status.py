"""The status of an operation, as tables and as properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.models import Change, Status
from deployments.status import Counts, after_end, as_read, status

DEADLINE = 600
GROWING = [Change.NEW, Change.UPGRADE, Change.ROLLBACK]


def counts(total=0, taken=0, ready=0, proven=0, failed=0, away=0):
    return Counts(total, taken, max(ready, proven), proven, failed, away)


@pytest.mark.parametrize("kind", GROWING)
@pytest.mark.parametrize(
    ("found", "age", "expected"),
    [
        (counts(2), 0, (Status.PROCESSING, False)),
        (counts(2, taken=1), 0, (Status.DEPLOYING, False)),
        (counts(2, taken=2, proven=1), 0, (Status.DEPLOYING, False)),
        (counts(2, taken=2, proven=2), 0, (Status.SUCCESS, True)),
        (counts(2, taken=2, proven=2), DEADLINE + 1, (Status.SUCCESS, True)),
        # away never holds it open
        (counts(2, taken=1, proven=1, away=1), 0, (Status.PARTIAL, True)),
        (counts(2, away=2), 0, (Status.PARTIAL, True)),
        (counts(2, taken=1, away=1), 0, (Status.DEPLOYING, False)),
        (counts(2, away=1), 0, (Status.PROCESSING, False)),
        # failures
        (counts(2, taken=2, failed=2), 0, (Status.FAILED, True)),
        (counts(2, taken=2, failed=1), 0, (Status.DEPLOYING, False)),
        (counts(2, taken=2, failed=1, proven=1), 0, (Status.PARTIAL, True)),
        (counts(2, taken=2, failed=1, away=1), 0, (Status.PARTIAL, True)),
        # ready, but seen too long ago: no proof until it is seen again
        (counts(2, taken=2, ready=2, proven=1), 0, (Status.DEPLOYING, False)),
        (counts(2, taken=2, ready=2, proven=1), DEADLINE, (Status.PARTIAL, True)),
        (counts(2, taken=2, ready=2), DEADLINE, (Status.PARTIAL, True)),
        # the deadline
        (counts(2), DEADLINE - 1, (Status.PROCESSING, False)),
        (counts(2), DEADLINE, (Status.FAILED, True)),
        (counts(2, taken=2, proven=1), DEADLINE, (Status.PARTIAL, True)),
        (counts(2, taken=1, away=1), DEADLINE, (Status.PARTIAL, True)),
        # no cluster matches
        (counts(0), 0, (Status.PARTIAL, True)),
    ],
)
def test_what_grows(kind, found, age, expected):
    assert status(kind, found, age=age, deadline=DEADLINE) == expected


@pytest.mark.parametrize(
    ("found", "age", "expected"),
    [
        (counts(0), 0, (Status.DELETED, True)),
        (counts(2), 0, (Status.PROCESSING, False)),
        (counts(2, taken=1), 0, (Status.DEPLOYING, False)),
        (counts(2, taken=1, proven=1), 0, (Status.DEPLOYING, False)),
        (counts(2, taken=2, proven=2), 0, (Status.DELETED, True)),
        (counts(2, taken=1, proven=1, away=1), 0, (Status.DELETED, True)),
        (counts(2, away=2), 0, (Status.DELETED, True)),
        (counts(2, taken=1, proven=1, failed=1), 0, (Status.PARTIAL, True)),
        (counts(2, failed=2), 0, (Status.FAILED, True)),
        (counts(2), DEADLINE, (Status.FAILED, True)),
        (counts(2, taken=2, proven=1), DEADLINE, (Status.PARTIAL, True)),
        (counts(2, taken=2, away=1), DEADLINE, (Status.PARTIAL, True)),
    ],
)
def test_what_goes(found, age, expected):
    assert status(Change.DELETE, found, age=age, deadline=DEADLINE) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (counts(2, proven=2), Status.SUCCESS),
        (counts(2, ready=2), Status.SUCCESS),  # judged when read
        (counts(2, ready=1), Status.PARTIAL),
        (counts(2, away=1), Status.PARTIAL),
        (counts(2, failed=1), Status.FAILED),
        (counts(2), Status.FAILED),
        (counts(0), Status.PARTIAL),
    ],
)
def test_after_its_end(found, expected):
    assert after_end(Change.NEW, found) == expected


@st.composite
def any_counts(draw):
    proven, failed, away, rest = (draw(st.integers(0, 4)) for _ in range(4))
    total = proven + failed + away + rest
    ready = draw(st.integers(proven, proven + away + rest))
    return Counts(total, draw(st.integers(ready, total)), ready, proven, failed, away)


@given(st.sampled_from(GROWING), any_counts(), st.floats(0, 2 * DEADLINE))
def test_no_green_without_proof(kind, found, age):
    now, ended = status(kind, found, age=age, deadline=DEADLINE)
    assert (now == Status.SUCCESS) == (found.total > 0 and found.proven == found.total)
    read = as_read(after_end(kind, found), found.ready - found.proven)
    assert (read == Status.SUCCESS) == (found.total > 0 and found.proven == found.total)
    assert ended == (now in {Status.SUCCESS, Status.PARTIAL, Status.FAILED})


@given(st.sampled_from(list(Change)), any_counts())
def test_it_ends_at_the_deadline_and_away_clusters_never_hold_it_open(kind, found):
    assert status(kind, found, age=DEADLINE, deadline=DEADLINE)[1]
    undecided = found.total - found.proven - found.failed - found.away
    assert status(kind, found, age=0, deadline=DEADLINE)[1] == (undecided == 0)


@given(any_counts(), st.floats(0, 2 * DEADLINE))
def test_a_delete_is_done_when_all_that_answer_have_let_go(found, age):
    now, _ = status(Change.DELETE, found, age=age, deadline=DEADLINE)
    assert (now == Status.DELETED) == (found.proven + found.away == found.total)
    assert after_end(Change.DELETE, found) in {Status.DELETED, Status.PARTIAL, Status.FAILED}
