"""Any process killed at any moment: the end is the same, and no lie is told meanwhile."""

from __future__ import annotations

import os
import random
import signal

import pytest

from tests.faults.conftest import LOCKED
from tests.faults.fleet import Fleet
from tests.faults.processes import SEED, VICTIMS, second_beat, storm

pytestmark = pytest.mark.processes


def test_processes_killed_at_random_moments_while_two_beats_send(fleet: Fleet) -> None:
    chance = random.Random(SEED)
    victims = chance.sample([*VICTIMS, "drive", "a driver"], len(VICTIMS) + 2)
    with fleet.watched(), second_beat(fleet), fleet.slow():
        assert storm(fleet, victims, chance, longest=3)


def test_web_killed_right_after_answering(fleet: Fleet) -> None:
    with fleet.watched():
        deployed = fleet.deploy()
        fleet.kill("web")
        deployed.is_everywhere()
        deployed.upgrade("1.1.2")
        fleet.kill("web")
        deployed.is_everywhere("1.1.2")


def test_everything_killed_at_once_and_started_on_the_same_data(fleet: Fleet) -> None:
    product = fleet.product
    kept = fleet.deploy()
    kept.is_everywhere()
    with fleet.watched():
        with fleet.slow():
            deployed = fleet.deploy()
            fleet.in_the_middle(deployed)
            for pid in product.everything():
                os.kill(pid, signal.SIGKILL)
            product.gone()
        assert LOCKED not in product.log
        product.start().ready()
        deployed.is_everywhere()
        kept.is_everywhere()
