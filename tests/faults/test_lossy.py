"""Edges behind a line that loses 2 % and takes 300 ms: slow, and right."""

from __future__ import annotations

import contextlib
import random
import time
import warnings
from collections.abc import Callable, Iterator

import pytest
from kubernetes import client, config

from tests.faults.hostile import BEARABLE
from tests.faults.hostilefleet import HostileFleet, hostile_fleet
from tests.faults.lossy import Impossible, LossyLine
from tests.faults.processes import ONCE, SEED

pytestmark = [pytest.mark.processes, *ONCE]

CLUSTERS = 6
# Seconds.
ROUND_TRIP = 0.3
# The defaults, since a round trip does not shrink with them.
TIMES = {"OTE_LEASE_SECONDS": "45", "OTE_PASS_SECONDS": "30", "OTE_REQUEST_SECONDS": "10"}


@pytest.fixture(scope="module")
def fleet(
    tmp_path_factory: pytest.TempPathFactory, new_backend: Callable[[], dict[str, str]]
) -> Iterator[HostileFleet]:
    folder, chance, times = tmp_path_factory.mktemp("lossy"), random.Random(SEED), TIMES | new_backend()
    with contextlib.ExitStack() as stack:
        try:
            line = stack.enter_context(LossyLine())
        except Impossible as impossible:
            warnings.warn(f"There is no lossy line here, its edges take their time instead: {impossible}", stacklevel=1)
            line = None
        made = stack.enter_context(hostile_fleet(folder, CLUSTERS, times, chance, line=line))
        if line is None:
            for name in made.clusters:
                made.hostile.trouble(name, BEARABLE["far away"])
        yield made


def test_a_lossy_line_is_slow_and_nothing_else(fleet: HostileFleet) -> None:
    gate = fleet.product.data_dir.parent / "gates" / f"{fleet.clusters[0]}.yaml"
    with config.new_client_from_config(str(gate)) as api:
        began = time.monotonic()
        client.VersionApi(api).get_code()
        assert time.monotonic() - began > ROUND_TRIP
    with fleet.held():
        first, second = fleet.deploy(), fleet.deploy()
        fleet.have([first, second])
        first.upgrade("1.1.2")
        second.delete()
        fleet.arrives(first, fleet.clusters)
