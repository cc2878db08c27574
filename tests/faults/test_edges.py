"""Edges that go away or refuse: the status says so and mends itself."""

from __future__ import annotations

import json

import pytest

from tests.faults.fleet import CLUSTERS, IMAGES, Fleet
from tests.run.product import until

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("how", ["hang", "refuse"])
def test_an_edge_that_is_away_during_a_deploy(fleet: Fleet, how: str) -> None:
    with fleet.watched():
        try:
            fleet.control(away={"shanghai": how})
            deployed = fleet.deploy()
            deployed.reaches(6)
            until(lambda: deployed.clusters()["shanghai"]["state"] == "away", "shanghai is away")
            rows = deployed.clusters()
            assert {name: row["state"] for name, row in rows.items()} == {
                "beijing": "ready",
                "guangzhou": "ready",
                "shanghai": "away",
            }
            assert rows["shanghai"]["lastError"].startswith("The cluster has not answered since ")
            assert "1 cluster away: shanghai" in json.loads(deployed.read()["errorMessage"])["reason"]
            assert deployed.read()["editable"] is True
        finally:
            fleet.control(away=dict.fromkeys(CLUSTERS, False))
        deployed.is_everywhere()


def test_an_edge_that_is_away_during_an_upgrade_and_a_delete(fleet: Fleet) -> None:
    deployed, ended = fleet.deploy(), fleet.deploy()
    deployed.is_everywhere()
    ended.is_everywhere()
    with fleet.watched():
        try:
            fleet.control(away={"beijing": "refuse"})
            deployed.upgrade("1.1.2")
            ended.delete()
            deployed.reaches(6)
            ended.reaches(9)
        finally:
            fleet.control(away=dict.fromkeys(CLUSTERS, False))
        deployed.is_everywhere("1.1.2")
        until(lambda: not fleet.images(ended.name), "nothing is left of what was deleted meanwhile")


def test_an_image_that_never_comes(fleet: Fleet) -> None:
    with fleet.watched():
        deployed = fleet.deploy("1.1.3")
        deployed.reaches(7)
        # The deadline passes before the next look at each cluster.
        until(lambda: all(row["state"] == "failed" for row in deployed.clusters().values()), "all clusters say failed")
        for row in deployed.clusters().values():
            assert "ImagePullBackOff" in row["lastError"] or "ErrImagePull" in row["lastError"]
            assert row["error"] > 0
        said = json.loads(deployed.read()["errorMessage"])
        assert "ImagePull" in said["reason"]
        assert (said["running"], said["error"], said["total"]) == (0, 6, 6)
        deployed.upgrade("1.1.2")
        deployed.is_everywhere("1.1.2")
        assert "reason" not in json.loads(deployed.read()["errorMessage"])
        assert IMAGES["1.1.3"] not in fleet.images(deployed.name).values()
