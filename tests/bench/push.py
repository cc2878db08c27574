"""Push: one deployment to 100, 1,000 and 10,000 clusters, beside kubectl, helm, Ansible and a bare client.

CPU per cluster is user + system of web, workers and beat between the API call and the moment, divided by the clusters.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import push_report
from tests.bench.centre import Services, services
from tests.bench.lean.edge import Edge, edge
from tests.bench.peers import PEERS, Peer, Spent, Unavailable
from tests.bench.processes import connections
from tests.bench.pushing import Floor, Push, Stage
from tests.run.product import until

# Connections of the product that nobody uses are closed after so many seconds, in the run that looks for it.
IDLE_SECONDS = 5
# After that their memory goes back to the system within so many seconds.
GIVEN_BACK_SECONDS = 3


@dataclass
class Held:
    """Memory of all workers together, in bytes, and the connections that are open."""

    base: int
    open: int = 0
    connections: int = 0
    idle: int = 0


@dataclass
class Results:
    """Everything that was measured, round by round."""

    # By number of clusters.
    cold: dict[int, list[Push]] = field(default_factory=dict)
    warm: dict[int, list[Push]] = field(default_factory=dict)
    floor: dict[int, list[Floor]] = field(default_factory=dict)
    memory: dict[int, list[Held]] = field(default_factory=dict)
    # By name: (first, upgrade) of each round, and how many clusters that was.
    peers: dict[str, list[tuple[Spent, Spent]]] = field(default_factory=dict)
    peer_clusters: int = 0
    peer_versions: dict[str, str] = field(default_factory=dict)
    # By number of drive worker processes: (cold, warm) of each round, and how many clusters that was.
    scaled: dict[int, list[tuple[Push, Push]]] = field(default_factory=dict)
    scaled_clusters: int = 0
    began: float = field(default_factory=time.time)


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part]


def _words(text: str) -> list[str]:
    return [part for part in text.split(",") if part and part != "none"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--clusters", type=_numbers, default=[100, 1000, 10000], help="sizes of the fleet: %(default)s")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--drivers", type=int, default=2, help="drive worker processes, as make run has them")
    parser.add_argument("--peers", type=_words, default=list(PEERS), help="kubectl,helm,ansible or none")
    parser.add_argument("--peer-clusters", type=int, default=100)
    parser.add_argument(
        "--scale", type=_numbers, default=[1, 2, 4], help="numbers of drive workers to compare; '' for none"
    )
    parser.add_argument("--scale-clusters", type=int, default=1000)
    parser.add_argument(
        "--no-idle", action="store_true", help="leave out the run that waits for idle connections to close"
    )
    parser.add_argument("--latency", type=float, default=0.02, help="seconds that each answer of the edge takes")
    parser.add_argument(
        "--edges", type=int, default=0, help="processes of the edge; 0: one for each 2,500 clusters, at least 2"
    )
    parser.add_argument("--side-by-side", type=int, default=200, help="clusters that the bare client works on at once")


def run(options: argparse.Namespace) -> None:
    """Measure and write the report."""
    if options.smoke:
        options.clusters, options.rounds, options.scale, options.no_idle = [10], 1, [], True
        options.peers, options.peer_clusters = ["kubectl"], 3
    results = Results(peer_clusters=options.peer_clusters, scaled_clusters=options.scale_clusters)
    sizes = sorted(set(options.clusters))
    with tempfile.TemporaryDirectory(prefix="otestack-bench-") as folder, services() as servers:
        bench = _Bench(Path(folder), servers, options, results)
        for size in sizes:
            with bench.stage(size) as stage:
                bench.measure(stage)
                if size == sizes[0]:
                    bench.measure_peers(stage)
                if size == sizes[-1] and not options.no_idle:
                    bench.measure_idle(stage)
        if options.scale:
            with bench.stage(options.scale_clusters) as stage:
                bench.measure_scale(stage)
    print(push_report.write(results, options))


class _Bench:
    def __init__(self, folder: Path, servers: Services, options: argparse.Namespace, results: Results) -> None:
        self._folder, self._services, self._options, self._results = folder, servers, options, results
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:6.0f} s  {text}", flush=True)

    @contextlib.contextmanager
    def stage(self, clusters: int) -> Iterator[Stage]:
        """A fleet of that size that has joined."""
        folder = self._folder / f"{clusters}-{time.monotonic_ns()}"
        processes = self._options.edges or max(2, -(-clusters // 2500))
        with edge(folder / "edge", clusters, processes) as lean:
            lean.control(latency=self._options.latency)
            made = Stage(folder, self._services, lean)
            self.say(f"{clusters} clusters have joined")
            yield made

    def measure(self, stage: Stage) -> None:
        """Push cold and warm, and the floor, round by round."""
        results, size = self._results, stage.clusters
        for number in range(self._options.rounds):
            with stage.round(drivers=self._options.drivers) as one:
                held = Held(one.centre.workers_memory().now)
                cold = one.cold()
                held.open, held.connections = one.centre.workers_memory().now, connections(stage.edge.ports)
                warm = one.warm()
            floor = stage.floor(self._options.side_by_side)
            results.cold.setdefault(size, []).append(cold)
            results.warm.setdefault(size, []).append(warm)
            results.floor.setdefault(size, []).append(floor)
            results.memory.setdefault(size, []).append(held)
            self.say(f"{size} clusters, round {number + 1}: {push_report.in_one_line(cold, warm, floor)}")

    def measure_idle(self, stage: Stage) -> None:
        """Memory once idle connections are closed."""
        for held in self._results.memory[stage.clusters]:
            with stage.round(drivers=self._options.drivers, OTE_IDLE_SECONDS=str(IDLE_SECONDS)) as one:
                one.cold()
                until(lambda: connections(stage.edge.ports) == 0, "idle connections are closed", 20 * IDLE_SECONDS)
                time.sleep(GIVEN_BACK_SECONDS)
                held.idle = one.centre.workers_memory().now
            self.say(f"idle connections closed: {held.idle / 1e6:.0f} MB")

    def measure_scale(self, stage: Stage) -> None:
        """More drive workers, round by round."""
        for _ in range(self._options.rounds):
            for drivers in self._options.scale:
                with stage.round(drivers=drivers) as one:
                    pair = one.cold(), one.warm()
                self._results.scaled.setdefault(drivers, []).append(pair)
                self.say(
                    f"{drivers} drive workers: {pair[0].applied.wall:.2f} s cold, {pair[1].applied.wall:.2f} s warm"
                )

    def measure_peers(self, stage: Stage) -> None:
        """Each tool brings the same objects to some of the same clusters."""
        manifests = [[json.loads(one["body"]) for one in version] for version in stage.bodies]
        paths = stage.edge.write_kubeconfigs(self._folder / "kubeconfigs", self._options.peer_clusters)
        self._results.peer_clusters = len(paths)
        for name in self._options.peers:
            try:
                peer: Peer = PEERS[name](self._folder / name, paths, manifests)
            except Unavailable as error:
                self.say(f"{name} is left out: {error}")
                continue
            self._results.peer_versions[name] = peer.version
            self._fan_out(stage.edge, peer)  # fills the discovery caches that kubectl and helm keep
            for _ in range(self._options.rounds):
                pair = self._fan_out(stage.edge, peer)
                self._results.peers.setdefault(name, []).append(pair)
                first, upgrade = (1000 * spent.cpu / len(paths) for spent in pair)
                self.say(f"{name}: {first:.0f} ms/cluster, upgrade {upgrade:.0f}")

    @staticmethod
    def _fan_out(lean: Edge, peer: Peer) -> tuple[Spent, Spent]:
        lean.control(restore=True)
        return peer.run(0), peer.run(1)
