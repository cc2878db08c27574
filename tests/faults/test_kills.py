"""Any process killed at any moment: the end is the same."""

from __future__ import annotations

import os
import signal

import pytest

from tests.faults.conftest import LOCKED
from tests.faults.fleet import Fleet

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("part", ["drive", "settle", "beat", "web"])
def test_a_part_killed_in_the_middle_of_a_push(fleet: Fleet, part: str) -> None:
    with fleet.slow():
        deployed = fleet.deploy()
        fleet.in_the_middle(deployed)
        fleet.kill(part)
    deployed.is_everywhere()
    deployed.delete()
    deployed.is_gone()


def test_the_processes_that_push_killed_below_their_worker(fleet: Fleet) -> None:
    _, *children = fleet.group("drive")
    with fleet.slow():
        deployed = fleet.deploy()
        fleet.in_the_middle(deployed)
        for child in children:
            os.kill(child, signal.SIGKILL)
    deployed.is_everywhere()


def test_an_idle_process_of_a_pool_killed(fleet: Fleet) -> None:
    for part in ("drive", "settle"):
        os.kill(fleet.group(part)[-1], signal.SIGKILL)
    deployed = fleet.deploy()
    deployed.is_everywhere()


def test_web_killed_right_after_answering(fleet: Fleet) -> None:
    deployed = fleet.deploy()
    fleet.kill("web")
    deployed.is_everywhere()
    deployed.upgrade("1.1.2")
    fleet.kill("web")
    deployed.is_everywhere("1.1.2")


def test_the_worker_killed_in_the_middle_of_an_upgrade_and_of_a_delete(fleet: Fleet) -> None:
    deployed = fleet.deploy()
    deployed.is_everywhere()
    with fleet.slow():
        deployed.upgrade("1.1.2")
        fleet.in_the_middle(deployed)
        fleet.kill("drive")
    deployed.is_everywhere("1.1.2")
    with fleet.slow():
        deployed.delete()
        fleet.in_the_middle(deployed)
        fleet.kill("drive", "settle")
    deployed.is_gone()


def test_everything_killed_at_once_and_started_on_the_same_data(fleet: Fleet) -> None:
    product = fleet.product
    kept = fleet.deploy()
    kept.is_everywhere()
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
