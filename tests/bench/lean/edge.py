"""The lean edge from outside: its processes, its clusters and how they are reached."""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import ssl
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clusters.simulator import certs, kubeconfig
from tests.bench.lean.server import token_of
from tests.run.product import ROOT
from tests.services import HOST, die_with_us


@dataclass(frozen=True)
class Place:
    """One cluster and how it is reached."""

    name: str
    uid: str
    port: int
    token: str

    @property
    def server(self) -> str:
        """The URL of its API."""
        return f"https://{HOST}:{self.port}/clusters/{self.name}"


class Edge:
    """So many clusters, spread over so many processes."""

    def __init__(self, folder: Path, clusters: int, processes: int = 2) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.ca = certs.ensure(folder)
        self._secret = secrets.token_hex(16)
        names = [f"edge-{number:05d}" for number in range(1, clusters + 1)]
        self._processes: list[subprocess.Popen[str]] = []
        self._ports: list[int] = []
        self.places: list[Place] = []
        try:
            for number in range(processes):
                self._start(names[number::processes])
        except BaseException:
            self.stop()
            raise
        self.places.sort(key=lambda place: place.name)

    def _start(self, names: list[str]) -> None:
        uids = {name: str(uuid.uuid4()) for name in names}
        wanted = {"clusters": uids, "secret": self._secret, "certificate": str(self.folder / "server.crt"),
                  "key": str(self.folder / "server.key"), "host": HOST}  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.lean.server"], cwd=ROOT, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, preexec_fn=die_with_us,
        )  # fmt: skip
        self._processes.append(process)
        assert process.stdin is not None and process.stdout is not None
        json.dump(wanted, process.stdin)
        process.stdin.close()
        line = process.stdout.readline()
        assert line, "the lean edge did not start"
        port = int(line)
        self._ports.append(port)
        self.places += [Place(name, uid, port, token_of(self._secret, name)) for name, uid in uids.items()]

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    @property
    def ports(self) -> list[int]:
        return list(self._ports)

    def control(self, **change: Any) -> list[dict[str, int]]:
        """Change every process (latency, keep, restore); returns what each says of itself."""
        context = ssl.create_default_context(cadata=self.ca)
        found = []
        for port in self._ports:
            connection = http.client.HTTPSConnection(HOST, port, context=context, timeout=60)
            connection.request("PUT", "/control", json.dumps(change))
            found.append(json.load(connection.getresponse()))
            connection.close()
        return found

    def kubeconfig(self, place: Place) -> str:
        """Return a cluster's kubeconfig."""
        return kubeconfig.render(place.name, place.server, self.ca, place.token)

    def write_kubeconfigs(self, folder: Path, number: int) -> list[Path]:
        """Write the kubeconfigs of the first so many clusters."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for place in self.places[:number]:
            paths.append(folder / f"{place.name}.yaml")
            certs.write_private(paths[-1], self.kubeconfig(place))
        return paths

    def stop(self) -> None:
        """End every process."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


@contextlib.contextmanager
def edge(folder: Path, clusters: int, processes: int = 2) -> Iterator[Edge]:
    """A lean edge that is stopped at the end."""
    made = Edge(folder, clusters, processes)
    try:
        yield made
    finally:
        made.stop()
