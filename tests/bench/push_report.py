"""The report of the push benchmark: tables, targets, plot."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tests.bench.centre import OURS
from tests.bench.pushing import Floor, Moment, Push
from tests.bench.report import RESULTS, Report, Target, figure, versions
from tests.run.product import ROOT
from tests.services import find

if TYPE_CHECKING:
    from tests.bench.push import Results

# The promises: our CPU per cluster is at most one such part of a peer's, or so many times the floor's.
PARTS_COLD = {"kubectl": 25, "helm": 30, "ansible": 500}
PART_WARM, PART_PROVEN = 80, 15
FLOOR_COLD, FLOOR_WARM = 2.5, 7
WALL_COLD, WALL_WARM = 2.0, 2.5
GROWTH = 1.2
KB_PER_CONNECTION, MB_IDLE = 80, 300


def ms(moment: Moment, clusters: int) -> float:
    """Return our CPU per cluster in milliseconds."""
    return 1000 * moment.ours / clusters


def in_one_line(cold: Push, warm: Push, floor: Floor) -> str:
    """Return a round in one line."""
    size = cold.clusters
    return (
        f"cold {ms(cold.applied, size):.2f} ms/cluster in {cold.applied.wall:.2f} s "
        f"(proven {ms(cold.proven, size):.2f} in {cold.proven.wall:.2f}), "
        f"warm {ms(warm.applied, size):.2f} in {warm.applied.wall:.2f} "
        f"(proven {ms(warm.proven, size):.2f} in {warm.proven.wall:.2f}); "
        f"floor {1000 * floor.cold['cpu'] / size:.2f} in {floor.cold['wall']:.2f}, "
        f"warm {1000 * floor.warm['cpu'] / size:.2f} in {floor.warm['wall']:.2f}"
    )


def write(results: Results, options: argparse.Namespace) -> str:
    """Write the files, those of a smoke run, which judges nothing, below .cache; returns the Markdown."""
    report = Report("push", "Push: one deployment to many clusters", began=results.began)
    report.notes = [
        f"Each answer of the edge takes {1000 * options.latency:.0f} ms, over TLS. "
        f"{options.drivers} drive workers; {options.rounds} rounds, each on a centre started for it. "
        "Median (lowest to highest). CPU: user + system of web, workers and beat from the API call to that moment. "
        "Cold: no connection is open; warm: the upgrade after it. Floor: a bare client that sends the same bytes to "
        "the same servers and stores nothing.",
    ]
    _pushes(report, results)
    _parts(report, results)
    _peers(report, results)
    _scale(report, results)
    _memory(report, results)
    if not options.smoke:
        _targets(report, results)
    programs = {"PostgreSQL": "postgres", "Redis": "redis-server"}
    report.versions = versions(**{name: f"{find(program)} --version" for name, program in programs.items()})
    report.versions |= results.peer_versions
    report.data = {name: getattr(results, name) for name in vars(results)}
    folder = ROOT / ".cache" / "bench" if options.smoke else RESULTS
    return report.write(lambda plot: _draw(plot, results), folder)


def _pushes(report: Report, results: Results) -> None:
    head = ("clusters, moment", "CPU ms/cluster", "floor's", "× floor", "wall s", "floor's", "× floor",
            "database ms/cluster", "edge cores", "edge cores, floor")  # fmt: skip
    rows = []
    for size, colds in results.cold.items():
        floors = results.floor[size]
        for kind, pushes in (("cold", colds), ("warm", results.warm[size])):
            spent = [getattr(floor, kind) for floor in floors]
            cpu, wall = figure([1000 * one["cpu"] / size for one in spent]), figure([one["wall"] for one in spent])
            busy = figure([one["edge"] / one["wall"] for one in spent])
            for name in ("applied", "proven"):
                moments = [getattr(push, name) for push in pushes]
                mine, took = figure([ms(one, size) for one in moments]), figure([one.wall for one in moments])
                database = figure([1000 * one.cpu["database"] / size for one in moments])
                edge = figure([one.cpu["edge"] / one.wall for one in moments])
                beside = (cpu.text(3), f"{mine.median / cpu.median:.1f}", took.text(), wall.text(),
                          f"{took.median / wall.median:.1f}")  # fmt: skip
                without = ("", "", took.text(), "", "")
                rows.append((f"{size:,} {kind}, {name}", mine.text(), *(beside if name == "applied" else without),
                             database.text(), edge.text(), busy.text() if name == "applied" else ""))  # fmt: skip
    report.table(head, rows)


def _parts(report: Report, results: Results) -> None:
    rows = []
    for size in results.cold:
        for kind, pushes in (("cold", results.cold[size]), ("warm", results.warm[size])):
            for name in ("applied", "proven"):
                cpus = [getattr(push, name).cpu for push in pushes]
                parts = [figure([1000 * cpu[part] / size for cpu in cpus]).text() for part in (*OURS, "broker")]
                rows.append((f"{size:,} {kind}, {name}", *parts))
    report.table(("clusters, moment", *OURS, "Redis, not ours"), rows, "Which processes: CPU ms/cluster")


def _peers(report: Report, results: Results) -> None:
    if not results.peers:
        return
    number = results.peer_clusters
    size = min(results.cold)
    colds, warms, floors = results.cold[size], results.warm[size], results.floor[size]
    ours = [
        (
            f"otestack, {moment}",
            [ms(getattr(push, moment), size) for push in colds],
            [ms(getattr(push, moment), size) for push in warms],
            [getattr(push, moment).wall for push in colds],
        )
        for moment in ("applied", "proven")
    ]
    cpus = [[1000 * spent["cpu"] / size for spent in each] for each in _floor_rounds(floors)]
    ours.append(("floor", *cpus, [floor.cold["wall"] for floor in floors]))
    rows = [(name, figure(cold).text(), figure(warm).text(), figure(wall).text()) for name, cold, warm, wall in ours]
    for name, pairs in results.peers.items():
        cold, warm = ([1000 * pair[at].cpu / number for pair in pairs] for at in (0, 1))
        walls = [pair[0].wall for pair in pairs]
        rows.append((name, figure(cold).text(1), figure(warm).text(1), figure(walls).text()))
    head = ("tool", "first apply: CPU ms/cluster", "upgrade: CPU ms/cluster", "first apply: wall s")
    report.table(head, rows, f"Beside others, {size} clusters of ours, {number} of theirs:")


def _floor_rounds(floors: Sequence[Floor]) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    return [floor.cold for floor in floors], [floor.warm for floor in floors]


def _scale(report: Report, results: Results) -> None:
    if not results.scaled:
        return
    size, rows = results.scaled_clusters, []
    for drivers, pairs in results.scaled.items():
        row = [str(drivers)]
        for at in (0, 1):
            moments = [pair[at].applied for pair in pairs]
            row += [figure([one.wall for one in moments]).text(), figure([ms(one, size) for one in moments]).text()]
        rows.append(row)
    head = ("drive workers", "cold: wall s", "cold: CPU ms/cluster", "warm: wall s", "warm: CPU ms/cluster")
    report.table(head, rows, f"More drive workers, {size:,} clusters, until all is applied:")


def _memory(report: Report, results: Results) -> None:
    rows = []
    for size, helds in results.memory.items():
        row = [
            f"{size:,}",
            *(figure([getattr(held, name) / 1e6 for held in helds]).text(0) for name in ("base", "open")),
        ]
        row += [figure([held.connections for held in helds]).text(0), figure(_per_connection(helds)).text(0)]
        idle = [held.idle / 1e6 for held in helds if held.idle]
        rows.append([*row, figure(idle).text(0) if idle else ""])
    head = ("clusters", "base MB", "after a cold push MB", "open connections", "KB/connection", "idle ones closed MB")
    report.table(head, rows, "Memory of all workers together, drive and settle (proportional set size):")


def _per_connection(helds: Sequence[Any]) -> list[float]:
    return [(held.open - held.base) / max(1, held.connections) / 1000 for held in helds]


def _targets(report: Report, results: Results) -> None:
    add = report.targets.append
    size = min(results.cold)
    cold = figure([ms(push.applied, size) for push in results.cold[size]]).median
    warm = figure([ms(push.applied, size) for push in results.warm[size]]).median
    proven = figure([ms(push.proven, size) for push in results.cold[size]]).median
    for name, pairs in results.peers.items():
        theirs = [figure([1000 * pair[at].cpu / results.peer_clusters for pair in pairs]).median for at in (0, 1)]
        add(
            Target(
                f"{size} clusters, cold: 1/{PARTS_COLD[name]} of {name}'s CPU", cold, theirs[0] / PARTS_COLD[name], "ms"
            )
        )
        if name == "kubectl":
            add(Target(f"{size} clusters, warm: 1/{PART_WARM} of kubectl's CPU", warm, theirs[1] / PART_WARM, "ms"))
            add(
                Target(
                    f"{size} clusters, proven: 1/{PART_PROVEN} of kubectl's CPU", proven, theirs[0] / PART_PROVEN, "ms"
                )
            )
    for size, floors in results.floor.items():
        for kind, pushes, times, walls in (
            ("cold", results.cold[size], FLOOR_COLD, WALL_COLD),
            ("warm", results.warm[size], FLOOR_WARM, WALL_WARM),
        ):
            least = [getattr(floor, kind) for floor in floors]
            mine = figure([ms(push.applied, size) for push in pushes]).median
            theirs_cpu = figure([1000 * one["cpu"] / size for one in least]).median
            add(Target(f"{size:,} clusters, {kind}: {times:g} × the floor's CPU", mine, times * theirs_cpu, "ms"))
            if size >= 1000:
                took = figure([push.applied.wall for push in pushes]).median
                wall = figure([one["wall"] for one in least]).median
                add(Target(f"{size:,} clusters, {kind}: {walls:g} × the floor's wall", took, walls * wall, "s"))
    _growth_and_memory(report, results)


def _growth_and_memory(report: Report, results: Results) -> None:
    add = report.targets.append
    least, most = min(results.cold), max(results.cold)
    if least != most:
        for kind, pushes in (("cold", results.cold), ("warm", results.warm)):
            costs = [figure([ms(push.applied, size) for push in pushes[size]]).median for size in (least, most)]
            add(
                Target(
                    f"{kind}: CPU per cluster at {most:,} is {GROWTH} × that at {least}",
                    costs[1],
                    GROWTH * costs[0],
                    "ms",
                )
            )
    helds = results.memory[most]
    add(
        Target(
            f"{most:,} clusters: memory per open connection",
            figure(_per_connection(helds)).median,
            KB_PER_CONNECTION,
            "KB",
        )
    )
    idle = [held.idle / 1e6 for held in helds if held.idle]
    if idle:
        add(Target(f"{most:,} clusters: memory once idle connections are closed", figure(idle).median, MB_IDLE, "MB"))


def _draw(plot: Any, results: Results) -> None:
    left, right = plot.subplots(1, 2)
    size = min(results.cold)
    bars = {
        "floor, warm": [1000 * one.warm["cpu"] / size for one in results.floor[size]],
        "floor, cold": [1000 * one.cold["cpu"] / size for one in results.floor[size]],
        "otestack, warm": [ms(push.applied, size) for push in results.warm[size]],
        "otestack, cold": [ms(push.applied, size) for push in results.cold[size]],
        "otestack, cold, proven": [ms(push.proven, size) for push in results.cold[size]],
    }
    for name, pairs in results.peers.items():
        bars[name] = [1000 * pair[0].cpu / results.peer_clusters for pair in pairs]
    medians = [figure(values).median for values in bars.values()]
    spread = [[m - min(v) for m, v in zip(medians, bars.values(), strict=True)],
              [max(v) - m for m, v in zip(medians, bars.values(), strict=True)]]  # fmt: skip
    drawn = left.barh(list(bars), medians, xerr=spread, color=["#999999"] * 2 + ["#2a78b8"] * 3 + ["#c8803a"] * 3)
    left.bar_label(drawn, fmt="%.2f", padding=6)
    left.set(xscale="log", xlabel="CPU ms per cluster", title=f"{size} clusters")
    left.margins(x=0.3)
    sizes = list(results.cold)
    for name, color, style, walls in (
        ("otestack, cold", "#2a78b8", "-", [[push.applied.wall for push in results.cold[s]] for s in sizes]),
        ("otestack, warm", "#2a78b8", "--", [[push.applied.wall for push in results.warm[s]] for s in sizes]),
        ("floor, cold", "#999999", "-", [[one.cold["wall"] for one in results.floor[s]] for s in sizes]),
        ("floor, warm", "#999999", "--", [[one.warm["wall"] for one in results.floor[s]] for s in sizes]),
    ):
        right.plot(sizes, [figure(values).median for values in walls], style, color=color, marker="o", label=name)
    right.set(xscale="log", yscale="log", xlabel="clusters", ylabel="seconds until all is applied", title="Wall time")
    right.legend()
