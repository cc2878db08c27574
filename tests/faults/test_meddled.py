"""What somebody else does to objects of ours at the edges, and edges that are rebuilt empty: all is put back.

Where and when hangs on FAULTS_SEED.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from tests.faults.fleet import CLUSTERS, IMAGES, Deployed, Fleet
from tests.faults.processes import ONCE, SEED
from tests.faults.somebody import IMAGE, NOTE, Somebody
from tests.run.product import until

# What is at the edges has nothing to do with the database.
pytestmark = [pytest.mark.processes, *ONCE]

MEDDLINGS = (Somebody.edits, Somebody.takes_over, Somebody.deletes, Somebody.deletes_all)
# Seconds that an answer takes meanwhile, so that a pass has a middle.
LATENCY = 0.2


@pytest.fixture(scope="module")
def deployed(fleet: Fleet) -> Iterator[Deployed]:
    """What all tests here meddle with; each leaves it as it should be, in whatever version."""
    made = fleet.deploy()
    made.is_everywhere()
    yield made
    made.delete()
    made.is_gone()


@pytest.fixture
def chance() -> random.Random:
    return random.Random(SEED)


def somebody(fleet: Fleet, cluster: str) -> Somebody:
    return Somebody(fleet.edge, cluster, fleet.namespace)


def upgrade(deployed: Deployed) -> str:
    """Ask for the version that is not there; return it."""
    version = "1.1.2" if deployed.read()["version"] == "1.1.1" else "1.1.1"
    deployed.upgrade(version)
    return version


def test_what_is_changed_and_deleted_while_we_work_is_put_back(
    fleet: Fleet, deployed: Deployed, chance: random.Random
) -> None:
    done = chance.sample(MEDDLINGS, len(MEDDLINGS))
    with fleet.watched():
        for _ in range(2):
            fleet.control(latency=LATENCY)
            version = upgrade(deployed)
            for cluster in chance.sample(CLUSTERS, len(CLUSTERS)):
                time.sleep(chance.uniform(0, LATENCY))
                done.append(done.pop(0))
                done[-1](somebody(fleet, cluster), deployed.name)
            fleet.control(latency=0)
            deployed.is_put_back(version)


def test_a_namespace_that_is_stuck_holds_up_nothing_but_itself(
    fleet: Fleet, deployed: Deployed, chance: random.Random
) -> None:
    stuck, *others = chance.sample(CLUSTERS, len(CLUSTERS))
    there = somebody(fleet, stuck)

    def says() -> str:
        return str(deployed.clusters()[stuck]["lastError"])

    with fleet.watched():
        there.holds()
        there.deletes_all()
        until(lambda: "because it is being terminated" in says(), "it says why")
        deployed.reaches(6)
        version = upgrade(deployed)
        until(lambda: all(deployed.clusters()[name]["state"] == "ready" for name in others), "the others have it")
        assert deployed.status() != 5
        there.lets_go()
        deployed.is_everywhere(version)


def test_who_else_wants_our_fields_gets_the_others(fleet: Fleet, deployed: Deployed, chance: random.Random) -> None:
    there, name = somebody(fleet, chance.choice(CLUSTERS)), deployed.name
    ours = IMAGES[deployed.read()["version"]]

    def image() -> str:
        return str(there.finds(name)["spec"]["template"]["spec"]["containers"][0]["image"])

    with fleet.watched():
        with pytest.raises(AssertionError, match=r"409 .*conflict with .*otestack"):
            there.takes_over(name, force=False)
        for _ in range(2):
            there.takes_over(name)
            assert image() == IMAGE
            until(lambda: image() == ours, "it is ours again")
    assert there.finds(name)["metadata"]["annotations"][NOTE] == "mine"


def test_an_edge_that_is_rebuilt_empty_is_filled_again(fleet: Fleet, deployed: Deployed, chance: random.Random) -> None:
    first, second, _ = chance.sample(CLUSTERS, len(CLUSTERS))
    ended = fleet.deploy()
    ended.is_everywhere()
    with fleet.watched():
        fleet.control(latency=LATENCY, rebuild=[first])
        version = upgrade(deployed)
        ended.delete()
        time.sleep(chance.uniform(0, 3 * LATENCY))
        fleet.control(latency=0, rebuild=[second])
        deployed.is_put_back(version)
        ended.is_gone()
