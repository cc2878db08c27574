"""What is wanted changes while the last change is half out."""

from __future__ import annotations

import pytest

from tests.faults.fleet import Fleet

pytestmark = pytest.mark.processes


def test_an_upgrade_while_the_last_change_is_half_out(fleet: Fleet) -> None:
    with fleet.watched(longest=10):
        with fleet.slow():
            deployed = fleet.deploy()
            fleet.in_the_middle(deployed)
            deployed.upgrade("1.1.2")
        deployed.is_everywhere("1.1.2")
    with fleet.watched():
        deployed.delete()
        deployed.is_gone()
