"""Everything of ours stops, and starts again on a large fleet: how soon it is at full speed.

Full speed: no cluster has been due for longer than one effective observation interval, and it stays so. The edges hold
what their template says, without memory for each object, so that a million placements fit on this machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench import centre as running
from tests.bench import report
from tests.bench.centre import Centre
from tests.bench.edges import Edges, edges
from tests.bench.growing import SMOKE, grow, plant, proven, settled
from tests.bench.processes import Meter
from tests.bench.tenant import ADMIN_PASSWORD, Tenant

MOST_SECONDS = 60.0
INTERVAL = 30.0
# Clusters that are alike hold the same deployments; of so many kinds.
KINDS = 10
# Seconds from one look to the next, and for which full speed must last to be believed.
EVERY = 1.0
LASTS = 30.0
_MOST_WATCHED = 600.0
_LATE = """
    SELECT coalesce(extract(epoch FROM max(clock_timestamp() - least(observe_due_at, change_due_at)))::float, 0),
        count(*) FILTER (WHERE observed_at < to_timestamp(%s)),
        (SELECT observe_interval FROM clusters_installation)
    FROM clusters_cluster
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--clusters", type=int, default=10_000)
    parser.add_argument("--placements", type=int, default=100, help="on each cluster")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm", type=float, default=240, help="seconds of work before the first stop")
    parser.add_argument("--down", type=float, default=60, help="seconds from the stop to the start")


def run(options: argparse.Namespace) -> None:
    """Measure, write the report and print it."""
    smoke, began, clusters, placements = options.smoke, time.time(), options.clusters, options.placements
    rounds, warm, down, interval = options.rounds, options.warm, options.down, INTERVAL
    if smoke:
        clusters, placements, rounds, warm, down, interval = 20, 2, 1, 1.0, 1.0, 2.0
    with (
        tempfile.TemporaryDirectory() as folder,
        running.services() as services,
        edges(Path(folder) / "edge") as edge,
    ):
        services.create("restart")
        env = {"OTE_ADMIN_PASSWORD": ADMIN_PASSWORD, "OTE_OBSERVE_INTERVAL": str(interval)}
        with running.centre(Path(folder) / "data", services, "restart", **env) as centre:
            _fill(centre, edge, clusters, placements, interval)
            number = centre.query("SELECT count(*) FROM clusters_placement")[0][0]
            time.sleep(warm)
            before = _look(centre, 0.0, interval)
            measured = [_round(centre, edge, down, interval, lasts=3.0 if smoke else LASTS) for _ in range(rounds)]
        _tell(measured, before, clusters, number, began=began, smoke=smoke)


def _fill(centre: Centre, edge: Edges, clusters: int, placements: int, interval: float) -> None:
    tenant = Tenant(centre)
    kinds = min(KINDS, clusters // 10)
    names = {kind: [f"kind{kind}-{number}" for number in range(clusters // kinds)] for kind in range(kinds)}
    plant(centre, edge, {first: f"kind{kind}" for kind, (first, *_) in names.items()})
    for kind in names:
        tenant.deploy([f"d{kind}-{number}" for number in range(placements)], f"kind{kind}")
    proven(centre)
    for first, *others in names.values():
        grow(centre, edge, first, others, interval=interval)
    settled(centre)


def _look(centre: Centre, began: float, interval: float) -> dict[str, float]:
    late, unseen, stored = centre.query(_LATE, began)[0]
    return {"late": late, "unseen": unseen, "interval": max(stored, interval)}


def _round(centre: Centre, edge: Edges, down: float, interval: float, *, lasts: float) -> dict[str, Any]:
    """Stop, start and watch until full speed has lasted."""
    centre.stop()
    time.sleep(down)
    began = time.time()
    centre.start()
    meter = Meter(centre.groups() | {"edge": edge.pids})
    ready, since, course = 0.0, 0.0, []
    while True:
        if not ready and centre.readyz()[0] == 200:
            ready = meter.seconds
        look = _look(centre, began, interval) | {"at": meter.seconds}
        course.append(look)
        since = 0.0 if look["late"] > look["interval"] else since or meter.seconds
        if ready and since and meter.seconds - since > lasts and not look["unseen"]:
            break
        assert meter.seconds < _MOST_WATCHED, (look, centre.log[-3000:])
        time.sleep(EVERY)
    cpu = meter.read()
    return {
        "ready": ready,
        "full_speed": since,
        "all_seen": next(look["at"] for look in course if not look["unseen"]),
        "interval": course[-1]["interval"],
        "cpu": running.ours(cpu) / meter.seconds,
        "database": (cpu["database"] - cpu["watching"]) / meter.seconds,
        "edge": cpu["edge"] / meter.seconds,
        "memory": centre.workers_memory().now,
        "course": course,
    }


def _tell(
    measured: list[dict[str, Any]],
    before: dict[str, float],
    clusters: int,
    placements: int,
    *,
    began: float,
    smoke: bool,
) -> None:
    title = f"A restart on {clusters} clusters with {placements} placements"
    made = report.Report("restart", title, began=began, versions=report.versions())
    names = [name for name in measured[0] if name != "course"]
    figures = {name: report.figure([one[name] for one in measured]) for name in names}
    made.notes.append(
        "The product's processes are ended and started; database, broker and edge stay. Full speed: no cluster is due "
        f"for longer than one effective interval, from then on. Before the first stop the interval was "
        f"{before['interval']:.0f} s and the longest due {before['late']:.0f} s. Seconds since the start; CPU in cores."
    )
    if not smoke:
        made.targets = [report.Target("full speed after", figures["full_speed"].median, MOST_SECONDS, "s")]
    made.table(
        ("", "median (lowest to highest)"),
        [
            ("ready (GET /readyz), s", figures["ready"].text(1)),
            ("full speed, s", figures["full_speed"].text(1)),
            ("each cluster was seen again, s", figures["all_seen"].text(1)),
            ("effective interval at the end, s", figures["interval"].text(0)),
            ("CPU of ours meanwhile, cores", figures["cpu"].text()),
            ("CPU of the database meanwhile, cores", figures["database"].text()),
            ("CPU of the edge meanwhile, cores", figures["edge"].text()),
            ("memory of the workers, MB", report.figure([one["memory"] / 1e6 for one in measured]).text(0)),
        ],
    )
    made.data = {"rounds": measured, "before": before}
    print(made.write(lambda plot: _draw(plot, measured), folder=SMOKE if smoke else report.RESULTS))


def _draw(plot: Any, measured: list[dict[str, Any]]) -> None:
    axes = plot.subplots()
    for number, one in enumerate(measured, start=1):
        at = [look["at"] for look in one["course"]]
        axes.plot(at, [look["late"] for look in one["course"]], label=f"longest due, round {number}")
        axes.plot(at, [look["interval"] for look in one["course"]], "--", label=f"effective interval, round {number}")
    axes.set(xlabel="seconds since the start", ylabel="seconds")
    axes.legend()
