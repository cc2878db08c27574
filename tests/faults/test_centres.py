"""Two centres on one edge, as two products: the second takes nothing from the first, whatever becomes of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import ready_fleet
from tests.faults.fleet import CLUSTERS, SETTINGS, Fleet
from tests.run.product import product

pytestmark = pytest.mark.processes


@pytest.fixture
def second(fleet: Fleet, tmp_path: Path, new_backend: Callable[[], dict[str, str]]) -> Iterator[Fleet]:
    """Another product, whose clusters are those of the first."""
    env = SETTINGS | {"OTE_EDGE": "none"} | new_backend()
    with product(tmp_path / "second", **env) as made:
        folder = made.data_dir / "kubeconfigs"
        shutil.copytree(fleet.product.data_dir / "kubeconfigs", folder, ignore=shutil.ignore_patterns(".*"))
        found = ready_fleet(made, fleet.edge)
        found.manage("join", str(folder), "--expect", str(len(CLUSTERS)))
        yield found


def identities(fleet: Fleet) -> dict[str, Any]:
    """Return the uid of the tenant's namespace in each cluster."""
    from kubernetes import client

    found = {}
    for cluster in CLUSTERS:
        with fleet.kube(cluster) as api:
            found[cluster] = client.CoreV1Api(api).read_namespace(fleet.namespace).metadata.uid
    return found


def test_a_second_centre_takes_nothing_from_the_first(fleet: Fleet, second: Fleet) -> None:
    mine = fleet.deploy()
    mine.is_everywhere()
    before = identities(fleet)
    # Both count their businesses alike, so they want the same namespace: the worst that can happen.
    assert second.namespace == fleet.namespace
    theirs = second.deploy(name=mine.name)
    theirs.reaches(7)
    for row in theirs.clusters().values():
        assert "not ours" in row["lastError"]
    theirs.delete()
    theirs.reaches(9)
    second.manage("business", "delete", second.namespace.removeprefix("ns"), "--yes")
    second.manage("cluster", "remove", CLUSTERS[0], "--yes")
    # A pass of each over all clusters lies between a change and success.
    again = fleet.deploy()
    again.is_everywhere()
    mine.is_everywhere()
    assert identities(fleet) == before
