"""Edges behind a line that loses 2 % and takes 300 ms: slow, and right."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from tests.faults.hostilefleet import HostileFleet, hostile_fleet
from tests.faults.lossy import Impossible, LossyLine
from tests.faults.processes import ONCE

pytestmark = [pytest.mark.processes, *ONCE]

CLUSTERS = 6
# The defaults, since a round trip does not shrink with them.
TIMES = {"OTE_LEASE_SECONDS": "45", "OTE_PASS_SECONDS": "30", "OTE_REQUEST_SECONDS": "10"}


@pytest.fixture(scope="module")
def fleet(
    tmp_path_factory: pytest.TempPathFactory, new_backend: Callable[[], dict[str, str]]
) -> Iterator[HostileFleet]:
    try:
        with LossyLine() as line:
            folder = tmp_path_factory.mktemp("lossy")
            with hostile_fleet(folder, CLUSTERS, TIMES | new_backend(), random.Random(1), line=line) as made:
                yield made
    except Impossible as impossible:
        pytest.skip(f"There is no lossy line here: {impossible}")


def test_a_lossy_line_is_slow_and_nothing_else(fleet: HostileFleet) -> None:
    with fleet.held():
        first, second = fleet.deploy(), fleet.deploy()
        for deployed in (first, second):
            fleet.arrives(deployed, fleet.clusters)
        first.upgrade("1.1.2")
        second.delete()
        fleet.arrives(first, fleet.clusters)
