"""The template edge as processes: starting them, telling them what clusters hold, and what they cost."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import requests

from clusters.simulator import certs, kubeconfig
from tests.run.product import ROOT
from tests.services import die_with_us

# Of each answer: what a wide area network takes.
LATENCY_SECONDS = 0.02
NODES = 10


class Edges:
    """So many processes, each the API server of any cluster whose address names its port."""

    def __init__(self, folder: Path, processes: int = 2, *, nodes: int = NODES) -> None:
        folder.mkdir(parents=True)
        self.ca = certs.ensure(folder)
        self._folder = folder
        command = [sys.executable, "-m", "tests.bench.template_edge", str(folder)]
        command += ["--nodes", str(nodes), "--latency", str(LATENCY_SECONDS)]
        self.processes = [
            subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_us
            )
            for _ in range(processes)
        ]
        self.ports = [int((process.stdout and process.stdout.readline()) or 0) for process in self.processes]

    def stop(self) -> None:
        """End them."""
        for process in self.processes:
            process.kill()
            process.wait()

    @property
    def pids(self) -> list[int]:
        """Their process ids."""
        return [process.pid for process in self.processes]

    def server(self, name: str) -> str:
        """Return a cluster's address: the same for a name at every call."""
        port = self.ports[sum(name.encode()) % len(self.ports)]
        return f"https://127.0.0.1:{port}/clusters/{name}"

    def kubeconfig(self, name: str) -> str:
        """Return a cluster's kubeconfig; any token opens it."""
        return kubeconfig.render(name, self.server(name), self.ca, "anything")

    def take_after(self, seed: str, names: Sequence[str]) -> None:
        """Let these clusters hold what the seed holds now."""
        objects = self._ask("GET", self.server(seed).split("/")[2], f"/control/{seed}")
        self.control(templates={seed: objects}, like={seed: [seed, *names]})

    def set_away(self, names: Iterable[str], *, away: bool) -> None:
        """Have clusters cut every connection, or answer again."""
        self.control(**{"away" if away else "back": list(names)})

    def control(self, **change: Any) -> None:
        """Change something in every process."""
        for port in self.ports:
            self._ask("PUT", f"127.0.0.1:{port}", "/control", change)

    def asked(self) -> int:
        """Return how many requests were answered so far."""
        told = [self._ask("GET", f"127.0.0.1:{port}", "/control")["asked"] for port in self.ports]
        return sum(sum(methods.values()) for methods in told)

    def _ask(self, method: str, address: str, path: str, body: Any = None) -> Any:
        answer = requests.request(
            method, f"https://{address}{path}", json=body, verify=str(self._folder / "ca.crt"), timeout=60
        )
        answer.raise_for_status()
        return answer.json()


@contextlib.contextmanager
def edges(folder: Path, processes: int = 2, **options: Any) -> Iterator[Edges]:
    """Started, and stopped at the end."""
    made = Edges(folder, processes, **options)
    try:
        yield made
    finally:
        made.stop()
