"""A running product whose clusters are reached through gates only, while we look at them without."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import re
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.faults import invariants
from tests.faults.diary import Held
from tests.faults.fleet import SETTINGS, Deployed, Fleet
from tests.faults.hostile import HostileEdge
from tests.faults.lossy import LossyLine
from tests.faults.names import Names
from tests.faults.sampler import Sampler
from tests.run.product import ROOT, SUPERVISOR, product, until

# Where the long form leaves what it measured.
MEASURED = ROOT / ".cache" / "faults"


class HostileFleet(Fleet):
    """Its clusters' troubles, and what is said of them."""

    def __init__(self, made: Any, hostile: HostileEdge) -> None:
        super().__init__(made)
        self.hostile = hostile
        self.clusters = sorted(hostile.gates)

    @contextlib.contextmanager
    def held(self, unreached: Collection[str] = (), calm: float = 120) -> Iterator[Sampler]:
        """Hold a block to the invariants. unreached: clusters that may keep an older generation while it lasts."""
        with self.sampler() as sampler:
            yield sampler
            self.is_calm(sampler, calm)
        found = invariants.false_greens(sampler)
        found += invariants.old_generations(sampler, away=unreached)
        found += invariants.too_many_tries(sampler, base=1, cap=float(SETTINGS["OTE_RETRY_CAP"]))
        assert not found, "\n".join(found[:20])

    def told(self, deployed: Deployed, expected: Mapping[str, str]) -> None:
        """Wait until what is said of each of these clusters, or of the deployment there, has matched its pattern."""
        left, last = dict(expected), dict[str, str]()

        def all_told() -> bool:
            last.update({name: row["lastError"] for name, row in deployed.clusters().items()})
            for row in self.records.ask("everything")["clusters"]:
                last[row["name"]] += f" | {row['last_error']}"
            for name in [name for name, pattern in left.items() if re.search(pattern, last[name])]:
                del left[name]
            return not left

        try:
            until(all_told, "every cluster says what is wrong")
        except AssertionError:
            raise AssertionError({name: (left[name], last[name]) for name in left}) from None

    def arrives(self, deployed: Deployed, names: Sequence[str]) -> None:
        """Wait until these clusters run what is wanted, as rows say."""
        left: list[Any] = []

        def everywhere() -> bool:
            rows = deployed.clusters()
            left[:] = [rows[name] for name in names if rows[name]["state"] != "ready"]
            return not left

        try:
            until(everywhere, "it is there")
        except AssertionError as error:
            raise AssertionError(f"{error}: {left}") from None

    def have(self, made: Sequence[Deployed]) -> None:
        """Wait until all clusters run these, and their changes have ended."""
        for deployed in made:
            self.arrives(deployed, self.clusters)
            deployed.reaches(5)

    def upgrade_in(self, sampler: Sampler, deployed: Deployed, version: str, names: Sequence[str]) -> list[float]:
        """Upgrade, and wait until these clusters run it; return after how many seconds each of them held it."""
        began = time.time()
        deployed.upgrade(version)
        self.arrives(deployed, names)
        sampler.diary.now()
        generations = {name: row["generation"] for name, row in deployed.clusters().items()}
        found = []
        for name in names:
            moments = sampler.diary.moments[Held(name, "Deployment", self.namespace, deployed.name)]
            found.append(next(moment.at for moment in moments if moment.generation == generations[name]) - began)
        return found


def slowed(name: str, before: Sequence[list[float]], during: Sequence[list[float]], **facts: int) -> dict[str, Any]:
    """Return how many times as long the slowest 5 % take with faults elsewhere as without, and write it down.

    before, during: seconds of several changes each. They are judged together; what each alone says stands beside it,
    since a machine that does other things meanwhile shows there.
    """
    ratio = _p95([*itertools.chain(*during)]) / _p95([*itertools.chain(*before)])
    found = {"ratio": ratio, "before": [*map(_p95, before)], "during": [*map(_p95, during)], **facts}
    MEASURED.mkdir(parents=True, exist_ok=True)
    with (MEASURED / f"{name}.jsonl").open("a") as file:
        file.write(json.dumps(found) + "\n")
    return found


def _p95(seconds: list[float]) -> float:
    return round(statistics.quantiles(seconds, n=20)[-1], 3)


def names_here(folder: Path) -> Names | None:
    """Return names that can be taken away; none, with a warning, where the machine has no such thing."""
    names = Names(folder)
    if missing := names.missing():
        warnings.warn(f"Names are always resolved here: {missing}", stacklevel=1)
        return None
    return names


@contextlib.contextmanager
def hostile_fleet(
    folder: Path,
    count: int,
    env: Mapping[str, str],
    chance: random.Random,
    names: Names | None = None,
    line: LossyLine | None = None,
) -> Iterator[HostileFleet]:
    """A product with so many clusters, all of which behave. env: its variables, besides those of every fleet."""
    clusters = [f"edge-{number:03}" for number in range(count)]
    seen_by = names.seen_by if names else lambda *command: command
    with contextlib.ExitStack() as stack:
        hostile = HostileEdge(folder / "data" / "edge", clusters, chance, names, line)
        stack.callback(hostile.close)
        hostile.simulator.write_kubeconfigs(folder / "data" / "kubeconfigs")
        hostile.write_kubeconfigs(folder / "gates")
        variables = SETTINGS | {"OTE_EDGE": "none"} | dict(env)
        made = stack.enter_context(product(folder / "data", command=seen_by(*SUPERVISOR), **variables))
        made.start().ready()
        join = seen_by(sys.executable, "manage.py", "join", str(folder / "gates"), "--expect", str(count))
        subprocess.run(join, cwd=ROOT, env=made.env, check=True, capture_output=True)
        yield HostileFleet(made, hostile)
