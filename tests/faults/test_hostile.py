"""A fleet of which a part misbehaves, each in its own way: the others do not notice, and all is well afterwards.

Which cluster has which trouble is drawn with FAULTS_SEED. One of each kind; with FAULTS=long 120 clusters.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

import pytest

from tests.faults.conftest import LOCKED
from tests.faults.hostile import AWAY, BEARABLE, FLAPPING, NAMELESS, PATIENCE, TROUBLES, Trouble
from tests.faults.hostilefleet import HostileFleet, hostile_fleet, names_here, slowed
from tests.faults.processes import LONG, ONCE, SEED

# One of each kind, and some that are well.
CLUSTERS = 120 if LONG else len(TROUBLES | NAMELESS | FLAPPING | BEARABLE) + 4
# What deployments are upgraded to in turn: each time one without faults, then so many with them.
VERSIONS, STRUCK = (("1.1.2", "1.1.1", "1.1.2"), 2) if LONG else (("1.1.2",), 1)
# How many times as long a change may take with faults elsewhere to reach clusters that have none; judged of many alone.
SLOWER = 1.5
# Seconds between observations: this machine is the whole fleet as well.
INTERVAL = max(3.0, CLUSTERS / 10)
# Of one answer and of one list, small enough to be met; and pages so small that lists of the tests have several.
LIMITS = {"OTE_ANSWER_BYTES": "1000000", "OTE_LIST_OBJECTS": "200", "OTE_PAGE_OBJECTS": "2"}
# Fewer than the clusters that misbehave in the long form: places in which they can be in the way of others.
PLACES = {"OTE_CONCURRENCY": "20", "OTE_OBSERVE_INTERVAL": str(INTERVAL)}
# Requests of a pass that go out side by side, each on a connection of its own when the other has none to give back.
PER_PASS = 2
# Refused whatever is asked, so that their requests can be counted; of the others it is the connections, but for those
# that may break at any moment of a pass, as often as luck has it.
COUNTED = ("500", "429", "401")
UNCOUNTED = ("torn", "flapping")
# Connections a second that are no endless loop.
HOT = 8

# The edges are what is tried here, whatever the database.
pytestmark = [pytest.mark.processes, *ONCE]


@pytest.fixture(scope="module")
def fleet(
    tmp_path_factory: pytest.TempPathFactory, new_backend: Callable[[], dict[str, str]]
) -> Iterator[HostileFleet]:
    folder = tmp_path_factory.mktemp("hostile")
    names = names_here(folder / "names")
    with hostile_fleet(folder, CLUSTERS, LIMITS | PLACES | new_backend(), random.Random(SEED), names) as made:
        yield made
        assert LOCKED not in made.product.log


def cast(names: list[str], troubles: dict[str, Trouble], chance: random.Random) -> dict[str, str]:
    """Draw who has which trouble: 30 % and at least one of each kind, 5 % flap, and 5 % have what can be borne."""
    drawn = chance.sample(names, len(names))
    return {
        drawn.pop(): list(kinds)[number % len(kinds)]
        for kinds, share in ((troubles, 0.3), (FLAPPING, 0.05), (BEARABLE, 0.05))
        for number in range(max(len(kinds), int(share * len(names))))
    }


def tries(fleet: HostileFleet, name: str, trouble: str) -> int:
    """Return how often a cluster was tried since its trouble began."""
    return len(fleet.hostile.asked(name) if trouble in COUNTED else fleet.hostile.opened(name))


def most_tries(trouble: str, seconds: float, changes: int) -> float:
    """Return how often it may have been tried in that time.

    A cluster that answers with errors is looked at twice an interval, one that is away once, after three probes; a
    change is tried at once. Half as many again, since intervals are jittered; what an edge asks for is not.
    """
    if trouble in UNCOUNTED:
        return HOT * seconds
    if trouble == "429":
        return PER_PASS * (seconds / PATIENCE + 2 + changes)
    return PER_PASS * (1.5 * seconds / (INTERVAL / 2) + 3 + changes)


@pytest.mark.timeout(1800 if LONG else 300)
@pytest.mark.parametrize("away", [False, *([True] if LONG else [])])
def test_what_a_part_of_the_fleet_does_wrong_hurts_no_other(fleet: HostileFleet, away: bool) -> None:
    """Each in its own way; or away, all of that part."""
    troubles = AWAY if away else fleet.hostile.troubles
    play = cast(fleet.clusters, troubles, random.Random(SEED))
    broken = {name: trouble for name, trouble in play.items() if trouble in troubles}
    flapping = {name for name, trouble in play.items() if trouble in FLAPPING}
    well = [name for name in fleet.clusters if name not in broken and name not in flapping]
    untouched = [name for name in fleet.clusters if name not in play]
    before, during = list[list[float]](), list[list[float]]()
    with fleet.held(unreached=broken.keys() | flapping) as sampler:
        calm, ended, *struck = made = [fleet.deploy() for _ in range(2 + STRUCK)]
        for version in VERSIONS:
            fleet.hostile.calm()
            fleet.have(made)
            before.append(fleet.upgrade_in(sampler, calm, version, untouched))
            fleet.have([calm])
            began = time.time()
            for name, trouble in play.items():
                fleet.hostile.trouble(name, (troubles | FLAPPING | BEARABLE)[trouble])
            for deployed in struck:
                during.append(fleet.upgrade_in(sampler, deployed, version, untouched))
                fleet.arrives(deployed, well)
        ended.delete()
        fleet.told(struck[-1], {name: troubles[trouble].says for name, trouble in broken.items()})
        assert {deployed.status() for deployed in struck} <= {4, 6, 7}
        seconds = time.time() - began
        tried = {name: tries(fleet, name, trouble) for name, trouble in play.items()}
        # What breaks a cluster has been told of; of the rest nothing is said, but it was met.
        unbroken = {name: (FLAPPING | BEARABLE)[play[name]] for name in play.keys() - broken.keys()}
        assert all(fleet.hostile.asked(name) if it.lie else tried[name] for name, it in unbroken.items())
        fleet.hostile.calm()
    changes = len(struck) + 1
    too_often = {name: count for name, count in tried.items() if count > most_tries(play[name], seconds, changes)}
    assert not too_often, (seconds, {play[name]: count for name, count in too_often.items()})
    name = "away" if away else "hostile"
    found = slowed(name, before, during, clusters=len(fleet.clusters), untouched=len(untouched))
    assert found["ratio"] <= SLOWER or not LONG, found
