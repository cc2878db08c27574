"""A fleet in which nothing happens: what watching it costs.

Every status is fresh within the observation interval; nothing is deployed meanwhile. What the engine does on its own is
part of it: full lists and re-applies at the rate of a fleet that has been there for long.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench import centre as running
from tests.bench import report
from tests.bench.centre import OURS, Centre
from tests.bench.edges import NODES, edges
from tests.bench.growing import SMOKE, grow, plant, proven, settled
from tests.bench.processes import Meter
from tests.bench.statements import Statements, with_statements
from tests.bench.tenant import ADMIN_PASSWORD, Tenant

INTERVAL = 30.0
MOST_PERCENT = 15.0
DEPLOYMENTS = 20
_PASSES = "SELECT sum(lease_epoch)::int FROM clusters_cluster"
_AGES = """
    SELECT extract(epoch FROM max(clock_timestamp() - observed_at))::float,
        extract(epoch FROM percentile_cont(0.99) WITHIN GROUP (ORDER BY clock_timestamp() - observed_at))::float
    FROM clusters_cluster
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--clusters", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60, help="of each round")


def run(options: argparse.Namespace) -> None:
    """Measure, write the report and print it."""
    smoke, began = options.smoke, time.time()
    size, rounds, seconds = (5, 1, 3.0) if smoke else (options.clusters, options.rounds, options.seconds)
    interval = 2.0 if smoke else INTERVAL
    with (
        tempfile.TemporaryDirectory() as folder,
        running.services() as services,
        edges(Path(folder) / "edge") as edge,
    ):
        with_statements(services)
        services.create("quiet")
        env = {"OTE_ADMIN_PASSWORD": ADMIN_PASSWORD, "OTE_OBSERVE_INTERVAL": str(interval)}
        with running.centre(Path(folder) / "data", services, "quiet", **env) as centre:
            plant(centre, edge, {"quiet-0": "quiet"})
            Tenant(centre).deploy([f"d{number}" for number in range(DEPLOYMENTS)], "quiet")
            proven(centre)
            grow(centre, edge, "quiet-0", [f"quiet-{number}" for number in range(1, size)], interval=interval)
            settled(centre)
            time.sleep(2 * interval)  # each was looked at, on a connection that stays
            measured = [_measure(centre, edge.pids, seconds) for _ in range(rounds)]
            memory = centre.workers_memory().now
        _tell(measured, memory, size, interval, began=began, smoke=smoke)


def _measure(centre: Centre, edge: list[int], seconds: float) -> dict[str, Any]:
    """Return what one round took: CPU by part, statements, ages of the observations."""
    statements, passes = Statements(centre), centre.query(_PASSES)[0][0]
    meter = Meter(centre.groups() | {"edge": edge})
    ages = []
    while meter.seconds < seconds:
        ages.append(centre.query(_AGES)[0])
        time.sleep(1)
    took, cpu = meter.seconds, meter.read()
    cpu["database"] -= cpu["watching"]
    parts = {name: 100 * cpu[name] / took for name in (*OURS, "database", "broker", "edge")}
    return {
        "percent": 100 * running.ours(cpu) / took,
        "parts": parts,
        "statements": 60 * statements.number() / took,
        "top": statements.top(),
        "oldest": max(age for age, _ in ages),
        "p99": max(age for _, age in ages),
        "passes": (centre.query(_PASSES)[0][0] - passes) / took,
    }


def _tell(
    measured: list[dict[str, Any]], memory: int, size: int, interval: float, *, began: float, smoke: bool
) -> None:
    made = report.Report("quiet", f"A quiet fleet of {size} clusters", began=began, versions=report.versions())
    percent = report.figure([one["percent"] for one in measured])
    oldest = report.figure([one["oldest"] for one in measured])
    made.notes.append(
        f"{size} clusters of {NODES} nodes, {DEPLOYMENTS} deployments of 3 pods and a Service on each, observed every "
        f"{interval:g} s. CPU in percent of one core, user and system time."
    )
    if not smoke:
        made.targets = [
            report.Target("CPU of all our processes", percent.median, MOST_PERCENT, "%"),
            report.Target("oldest observation, sampled each second", oldest.median, interval, "s"),
        ]
    rows: list[tuple[str, str]] = [("all of ours, % of a core", percent.text(1))]
    for name in measured[0]["parts"]:
        rows.append((f"{name}, % of a core", report.figure([one["parts"][name] for one in measured]).text(1)))
    rows += [
        ("passes a second", report.figure([one["passes"] for one in measured]).text(1)),
        (
            "CPU of ours for each pass, ms",
            report.figure([10 * one["percent"] / one["passes"] for one in measured]).text(),
        ),
        ("statements a minute", report.figure([one["statements"] for one in measured]).text(0)),
        ("oldest observation, s", oldest.text(1)),
        ("99 % of observations younger than, s", report.figure([one["p99"] for one in measured]).text(1)),
        ("memory of the workers, MB", f"{memory / 1e6:.0f}"),
    ]
    made.table(("", "median (lowest to highest)"), rows)
    made.table(
        ("statement", "calls a minute", "ms each"),
        measured[-1]["top"],
        "The statements that took most of the database:",
    )
    made.data = {"rounds": measured, "memory": memory}
    print(made.write(lambda plot: _draw(plot, measured), folder=SMOKE if smoke else report.RESULTS))


def _draw(plot: Any, measured: list[dict[str, Any]]) -> None:
    axes = plot.subplots()
    names = list(measured[0]["parts"])
    axes.bar(names, [report.figure([one["parts"][name] for one in measured]).median for name in names])
    axes.set(ylabel="% of a core")
