"""Fifty workers killed while changes go out to 500 clusters: the long form, which `make test-faults` runs."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.fleet import SETTINGS, Fleet
from tests.faults.processes import LONG, SEED, second_beat, storm
from tests.run.product import ROOT, product, until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not LONG, reason="takes minutes: make test-faults runs it"),
]

CLUSTERS = 500
WORKERS_KILLED = 50
# Two cores cannot look at so many clusters as often as at three.
SLOWER = {
    "OTE_EDGE": "none",
    "OTE_OBSERVE_INTERVAL": "10",
    "OTE_LEASE_SECONDS": "12",
    "OTE_PASS_SECONDS": "8",
    "OTE_REQUEST_SECONDS": "4",
    "OTE_PROGRESS_DEADLINE": "120",
}


@pytest.fixture
def many(tmp_path: Path, new_backend: Callable[[], dict[str, str]]) -> Iterator[Fleet]:
    """A product with an edge of so many clusters."""
    with product(tmp_path / "data", **(SETTINGS | SLOWER | new_backend())) as made:
        made.start().ready()
        folder = made.data_dir / "kubeconfigs"
        subprocess.Popen(
            [sys.executable, "manage.py", "simulate_edge", "--clusters", str(CLUSTERS), "--nodes", "1", "--no-persist"],
            cwd=ROOT, env=made.env, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        until(lambda: len(list(folder.glob("*.yaml"))) == CLUSTERS, "the edge serves")
        fleet = Fleet(made, sorted(path.stem for path in folder.glob("*.yaml")))
        fleet.manage("join", str(folder), "--expect", str(CLUSTERS))
        yield fleet


@pytest.mark.timeout(3600)
def test_fifty_workers_killed_during_pushes_to_500_clusters(many: Fleet) -> None:
    chance = random.Random(SEED)
    victims = chance.choices(["drive", "a driver", "a driver"], k=WORKERS_KILLED) + 5 * ["settle", "web", "beat"]
    chance.shuffle(victims)
    with many.watched(calm=600), second_beat(many):
        many.control(latency=0.2)
        assert storm(many, victims, chance, longest=5) > WORKERS_KILLED / 3
        many.control(latency=0)
