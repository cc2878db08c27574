"""Two centres on one edge, as two products: neither takes anything from the other, whatever becomes of it."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kubernetes import client

from tests.faults.conftest import ready_fleet
from tests.faults.diary import Held
from tests.faults.fleet import CLUSTERS, SETTINGS, Fleet, Tenant
from tests.faults.sampler import Sampler
from tests.run.product import product, until

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


def objects_in(sampler: Sampler, *namespaces: str) -> dict[Held, str]:
    """Return the uid of each object of a deployment in these namespaces, and of the namespaces."""
    return {
        held: found["metadata"]["uid"]
        for held, found in sampler.diary.now().items()
        if held.namespace in namespaces or (held.kind == "Namespace" and held.name in namespaces)
    }


def test_neither_centre_takes_anything_from_the_other(fleet: Fleet, second: Fleet) -> None:
    mine = fleet.deploy()
    mine.is_everywhere()
    # Both count their businesses alike, so they want the same namespace: the worst that can happen.
    assert second.namespace == fleet.namespace
    # A namespace that the first centre does not have.
    taken = {f"ns{row['id']}" for row in fleet.call("GET", "/v1/business?pageSize=0", token=fleet.system)["data"]}
    other = next(made for made in added(second) if made.namespace not in taken)
    kept = second.deploy(token=other.token)
    kept.reaches(5)
    with fleet.watched() as sampler, second.watched():
        before = objects_in(sampler, fleet.namespace, other.namespace)
        assert {held.name for held in before} >= {mine.name, kept.name, fleet.namespace, other.namespace}
        theirs = second.deploy(name=mine.name)
        theirs.reaches(7)
        for row in theirs.clusters().values():
            assert "not ours" in row["lastError"]
        theirs.delete()
        theirs.reaches(9)
        ended = fleet.deploy()
        ended.is_everywhere()
        ended.delete()
        ended.is_gone()
        second.manage("business", "delete", second.namespace.removeprefix("ns"), "--yes")
        # A pass of each over all clusters lies between a change and success.
        again = fleet.deploy()
        again.is_everywhere()
        kept.reaches(5)
        after = objects_in(sampler, fleet.namespace, other.namespace)
        assert {held: after.get(held) for held in before} == before
        for held in before:
            assert all(moment.generation or held.kind == "Namespace" for moment in sampler.diary.moments[held]), held
    second.manage("cluster", "remove", CLUSTERS[0], "--yes")
    with fleet.kube(CLUSTERS[0]) as api:
        apps = client.AppsV1Api(api)
        until(lambda: not apps.list_namespaced_deployment(other.namespace).items, "the second centre has left")
    mine.is_everywhere()
    assert fleet.images(again.name).keys() == set(CLUSTERS)


def added(fleet: Fleet) -> Iterator[Tenant]:
    """Add one business after the other."""
    for number in itertools.count():
        yield fleet.add_tenant(f"other{number}", f"others{number}")
