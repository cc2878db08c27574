"""Many clusters come back at once, each with a backlog, while a user goes on changing what runs on others.

Measured: until everything is applied, until everything is proven, the peak of the workers' memory, and how long the
user's changes take from the API call to the record of their application, beside what they take on a calm day.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench import centre as running
from tests.bench import report
from tests.bench.centre import Centre
from tests.bench.edges import Edges, edges
from tests.bench.growing import SMOKE, UNPROVEN, grow, plant, proven, settled
from tests.bench.processes import Meter
from tests.bench.tenant import ADMIN_PASSWORD, Tenant

INTERVAL = 30.0
MOST_RATIO = 2.0
PENDING = 20
# Deployments of the user, changed in turn: one is not changed again before its last change has ended.
OWN = 12
# Seconds between two changes.
EVERY = 1.0
_UNAPPLIED = "SELECT count(*) FROM clusters_placement WHERE applied_generation < generation"
_HERE = "SELECT 1 FROM clusters_cluster WHERE away_since IS NULL AND name LIKE 'storm-%%' LIMIT 1"
_AWAY = "SELECT count(*) FROM clusters_cluster WHERE away_since IS NOT NULL"
_TAKEN = """
    SELECT extract(epoch FROM p.applied_at)::float FROM clusters_placement p
    JOIN clusters_bundle b ON b.id = p.bundle_id JOIN deployments_deployment d ON d.bundle_id = b.id
    WHERE d.name = %s AND p.applied_generation = b.generation
"""
_MOST_SECONDS = 600.0


@dataclass
class Size:
    """storm, calm: clusters that come back, and that were never away; pending: changes of each of the first."""

    storm: int
    calm: int
    pending: int
    seconds: float
    interval: float


@dataclass
class User:
    """Changes deployments on the healthy clusters, one after the other, and notes how long each cluster took."""

    centre: Centre
    tenant: Tenant
    clusters: int
    took: list[float] = field(default_factory=list)

    @contextmanager
    def at_work(self) -> Iterator[User]:
        """While this lasts."""
        over = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            work = pool.submit(self._work, over)
            try:
                yield self
            finally:
                over.set()
            work.result()

    def _work(self, over: threading.Event) -> None:
        for name in itertools.cycle(_names("own", OWN)):
            if over.wait(EVERY) and self.took:
                return
            began = time.time()
            if self.tenant.upgrade(name):
                self.took += [taken - began for taken in self._taken(name)]

    def _taken(self, name: str) -> list[float]:
        end = time.monotonic() + _MOST_SECONDS
        while len(found := self.centre.query(_TAKEN, name)) < self.clusters:
            assert time.monotonic() < end, f"{name} is not everywhere: {found}"
            time.sleep(0.05)
        return [taken for (taken,) in found]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--clusters", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)


def run(options: argparse.Namespace) -> None:
    """Measure, write the report and print it."""
    smoke, began = options.smoke, time.time()
    size = Size(4, 2, 3, 5, 2) if smoke else Size(options.clusters, 10, PENDING, 60, INTERVAL)
    with (
        tempfile.TemporaryDirectory() as folder,
        running.services() as services,
        edges(Path(folder) / "edge") as edge,
    ):
        services.create("storm")
        env = {"OTE_ADMIN_PASSWORD": ADMIN_PASSWORD, "OTE_OBSERVE_INTERVAL": str(size.interval)}
        with running.centre(Path(folder) / "data", services, "storm", **env) as centre:
            tenant = _fill(centre, edge, size)
            rounds = [_round(centre, edge, tenant, size) for _ in range(1 if smoke else options.rounds)]
        _tell(rounds, size, began=began, smoke=smoke)


def _names(word: str, number: int) -> list[str]:
    return [f"{word}-{one}" for one in range(number)]


def _fill(centre: Centre, edge: Edges, size: Size) -> Tenant:
    tenant = Tenant(centre)
    plant(centre, edge, {"storm-0": "storm", "calm-0": "calm"})
    for label, clusters, deployments in (
        ("storm", size.storm, _names("pending", size.pending)),
        ("calm", size.calm, _names("own", OWN)),
    ):
        first, *others = _names(label, clusters)
        tenant.deploy(deployments, label)
        proven(centre)
        grow(centre, edge, first, others, interval=size.interval)
    settled(centre)
    return tenant


def _round(centre: Centre, edge: Edges, tenant: Tenant, size: Size) -> dict[str, Any]:
    """One storm, after a while of calm."""
    time.sleep(2 * size.interval)
    with User(centre, tenant, size.calm).at_work() as calm:
        time.sleep(size.seconds)
    names = _names("storm", size.storm)
    edge.set_away(names, away=True)
    centre.wait(_HERE, every=1, seconds=_MOST_SECONDS)
    for name in _names("pending", size.pending):
        assert tenant.upgrade(name)
    before = centre.workers_memory().now
    meter = Meter(centre.groups() | {"edge": edge.pids})
    edge.set_away(names, away=False)
    with User(centre, tenant, size.calm).at_work() as stormy:
        course = list(_course(centre, meter, most=_MOST_SECONDS))
        centre.wait(UNPROVEN, every=0.5, seconds=_MOST_SECONDS)
        proof = meter.seconds
    cpu = meter.read()
    return {
        "applied": course[-1]["at"],
        "proven": proof,
        "memory_before": before,
        "memory_peak": max(one["memory"] for one in course),
        "calm_p95": _p95(calm.took),
        "storm_p95": _p95(stormy.took),
        "calm_median": statistics.median(calm.took),
        "storm_median": statistics.median(stormy.took),
        "changes": [len(calm.took), len(stormy.took)],
        "cpu": running.ours(cpu),
        "database": (cpu["database"] - cpu["watching"]),
        "edge": cpu["edge"],
        "course": course,
    }


def _course(centre: Centre, meter: Meter, *, most: float) -> Iterator[dict[str, float]]:
    """Look each second until everything that waits is applied."""
    left = 1
    while left:
        assert meter.seconds < most, centre.log[-3000:]
        left, away = centre.query(_UNAPPLIED)[0][0], centre.query(_AWAY)[0][0]
        yield {"at": meter.seconds, "left": left, "away": away, "memory": centre.workers_memory().now}
        time.sleep(1)


def _p95(took: list[float]) -> float:
    return statistics.quantiles(took, n=20)[-1]


def _tell(rounds: list[dict[str, Any]], size: Size, *, began: float, smoke: bool) -> None:
    made = report.Report("storm", f"{size.storm} clusters come back at once", began=began, versions=report.versions())
    figures = {
        name: report.figure([one[name] for one in rounds]) for name in rounds[0] if name not in {"changes", "course"}
    }
    ratio = report.figure([one["storm_p95"] / one["calm_p95"] for one in rounds])
    made.notes.append(
        f"{size.storm} clusters with {size.pending} pending changes each (a Deployment and a Service) answer again at "
        f"once; an away cluster is asked each {size.interval:g} s. Meanwhile a user changes one of {OWN} deployments "
        f"on {size.calm} other clusters each second. Time to applied: from the call of the API to the record."
    )
    if not smoke:
        made.targets = [
            report.Target("p95 of a user's change in the storm, beside calm", ratio.median, MOST_RATIO, "x")
        ]
    made.table(
        ("", "median (lowest to highest)"),
        [
            ("until everything is applied, s", figures["applied"].text(1)),
            ("until everything is proven, s", figures["proven"].text(1)),
            ("a user's change, calm: median, s", figures["calm_median"].text(3)),
            ("a user's change, calm: p95, s", figures["calm_p95"].text(3)),
            ("a user's change, storm: median, s", figures["storm_median"].text(3)),
            ("a user's change, storm: p95, s", figures["storm_p95"].text(3)),
            ("p95 in the storm / calm", ratio.text(2)),
            ("memory of the workers before, MB", _megabytes(figures["memory_before"])),
            ("memory of the workers, peak, MB", _megabytes(figures["memory_peak"])),
            ("CPU of ours until proven, s", figures["cpu"].text(1)),
            ("CPU of the database until proven, s", figures["database"].text(1)),
            ("CPU of the edge until proven, s", figures["edge"].text(1)),
        ],
    )
    made.data = {"rounds": rounds}
    print(made.write(lambda plot: _draw(plot, rounds), folder=SMOKE if smoke else report.RESULTS))


def _megabytes(figure: report.Figure) -> str:
    return report.figure([one / 1e6 for one in figure.rounds]).text(0)


def _draw(plot: Any, rounds: list[dict[str, Any]]) -> None:
    axes = plot.subplots()
    for number, one in enumerate(rounds):
        axes.plot(
            [look["at"] for look in one["course"]],
            [look["left"] for look in one["course"]],
            label=f"round {number + 1}",
        )
    axes.set(xlabel="seconds since they answer again", ylabel="placements to apply")
    axes.legend()
