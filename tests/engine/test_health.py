"""What observed workloads amount to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters.drivers.base import ObservedPod, Workload
from clusters.engine.health import health, is_ready
from tests.engine.things import node, ref, seen, workload

DAEMONSET = "apps/v1/DaemonSet"


def pod(trouble: str = "", running: bool = False) -> ObservedPod:
    return ObservedPod("p", "u", "n1", running, trouble)


@pytest.mark.parametrize(
    ("one", "ready"),
    [
        (workload(2), True),
        (workload(0), True),
        (workload(2, available=1), False),
        (workload(2, current=1), False),
        (workload(2, surplus=1), False),
        (workload(2, observed=False), False),
        (workload(2, available=3), True),
    ],
    ids=["whole", "scaled to nothing", "unavailable", "old pods", "too many", "not looked at yet", "more than enough"],
)
def test_a_workload_is_ready_when_it_is_exactly_what_it_should_be(one: Workload, ready: bool) -> None:
    assert is_ready(one) is ready
    assert health([seen(workload=one)], [node()], "", {}).ready is ready


def test_pods_are_counted_over_all_workloads() -> None:
    objects = [seen(ref("a"), workload=workload(3, available=1)), seen(ref("b"), workload=workload(2, available=5))]
    found = health(objects, [node()], "", {"Deployment/a": [pod("ImagePullBackOff: no"), pod(), pod(running=True)]})
    assert (found.running, found.error, found.total) == (3, 1, 5)
    assert (found.ready, found.reason, found.stalled) == (False, "ImagePullBackOff: no", False)


def test_what_has_no_pods_is_ready_when_it_is_there() -> None:
    found = health([seen(ref("a", "v1/ConfigMap"))], [], "", {})
    assert (found.ready, found.total) == (True, 0)
    assert health([], [], "", {}).ready


def test_a_stalled_rollout_says_so_and_why() -> None:
    found = health([seen(workload=workload(1, 0, stalled="has timed out progressing"))], [node()], "", {})
    assert (found.stalled, found.reason) == (True, "has timed out progressing")


def test_what_stalled_an_older_generation_is_not_this_ones_fault() -> None:
    one = workload(1, 0, stalled="has timed out progressing", observed=False)
    found = health([seen(workload=one)], [node()], "", {})
    assert (found.ready, found.stalled, found.reason) == (False, False, "")


def test_a_daemonset_that_no_node_takes_is_not_ready() -> None:
    found = health([seen(ref("d", DAEMONSET), workload=workload(0))], [node()], "", {})
    assert (found.ready, found.reason) == (False, "no node takes it")


@pytest.mark.parametrize("one", [workload(1), workload(1, 0)])
def test_no_node_with_the_label_is_said_and_never_green(one: Workload) -> None:
    found = health([seen(workload=one)], [node("n1", "cpu")], "gpu", {"Deployment/web": [pod("Unschedulable")]})
    assert (found.ready, found.reason) == (False, "no node carries label gpu")
    assert health([seen(workload=workload(1))], [node("n1"), node("n2", "gpu")], "gpu", {}).ready


WORKLOADS = st.builds(
    Workload,
    observed=st.booleans(),
    wanted=st.integers(0, 3),
    current=st.integers(0, 3),
    available=st.integers(0, 4),
    surplus=st.integers(0, 1),
    stalled=st.sampled_from(["", "stalled"]),
)


@settings(deadline=None)
@given(st.lists(WORKLOADS, max_size=3))
def test_green_needs_every_workload_and_counts_add_up(workloads: list[Workload]) -> None:
    found = health([seen(ref(str(n)), workload=one) for n, one in enumerate(workloads)], [node()], "", {})
    assert found.ready == all(is_ready(one) for one in workloads)
    assert 0 <= found.running <= found.total
    assert not found.ready or (found.reason == "" and found.running == found.total)
