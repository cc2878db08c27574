"""The API beside bare Django views, and how long a page takes, also deep in a list.

Lists and details of a large fleet, asked by wrk over 16 connections, of the product and of tests/bench/bare.py: the
same web server with as many processes, the same token, the same SQL, the same JSON. Before anything is measured, both
must give the same answer to every path. PostgreSQL without fsync, filled by manage.py loadtest_data.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from otestack.supervisor import parts
from tests.bench import filled
from tests.bench.centre import Centre
from tests.bench.processes import cpu_seconds
from tests.bench.report import RESULTS, Report, Target, figure, versions
from tests.run.product import ROOT, until
from tests.services import Missing, die_with_us, free_port

# Path to the bare view that answers it; what is in braces are ids and names of the load test's rows.
LISTS = {
    "/v1/admin/user": "users",
    "/v1/admin/user?orderBy=user_name": "users",
    "/v1/business": "businesses",
    "/v1/cluster?pageSize=10": "clusters",
    "/v1/cluster/label/{cluster}": "labels_of_cluster",
    "/v1/node": "nodes",
    "/v1/app": "apps",
    "/v1/deploy": "deployments",
    "/v1/deploy/id/{wide}/clusters": "placements",
    "/v1/admin/deploy": "audits",
}
# Not in pages.
WHOLE = {
    "/v1/cluster": "clusters",
    "/v1/cluster/label": "labels",
    "/v1/node/label": "labels",
}
DETAILS = {
    "/v1/authorization": "authorization",
    "/v1/business/id/{business}": "business",
    "/v1/app/id/{app}": "app",
    "/v1/deploy/id/{deployment}": "deployment",
}
LEAST_RATIO = 0.75
MOST_MS = 300
ROWS = 10
RATES = ("ours", "bare", "ours / bare", "CPU of ours", "CPU of bare", "bare CPU / ours")
PAGES = 100
CONNECTIONS = 16


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--rounds", type=int, default=3, help="of each measurement; default: 3")
    parser.add_argument("--seconds", type=int, default=5, help="of one round; default: 5")
    filled.arguments(parser)


def run(options: argparse.Namespace) -> None:
    """Measure, and write the report."""
    if shutil.which("wrk") is None:
        raise Missing("wrk is not installed.")
    if options.smoke:
        options.rounds, options.seconds = 1, 1
    with tempfile.TemporaryDirectory() as folder, filled.filled(options) as centre:
        measure(centre, Path(folder), options)


@dataclass(frozen=True)
class Heard:
    """What wrk has measured. p99: milliseconds; cpu: of the web server for one request, in milliseconds."""

    rate: float
    p99: float
    cpu: float


class Side:
    """A web server, its process, and the token to ask it with."""

    def __init__(self, port: int, pid: int, token: str) -> None:
        self.port, self.pid, self.token = port, pid, token

    def get(self, path: str) -> Any:
        """Return the answer to one request."""
        return json.loads(self._ask("curl", "-sf", "-H", f"Authorization: {self.token}", self._url(path)))

    def load(self, paths: Sequence[str], seconds: int, folder: Path) -> Heard:
        """Ask for these one after the other, over all connections, for so long."""
        script = folder / "paths.lua"
        listed = ", ".join(f'"{path}"' for path in paths)
        script.write_text(
            f'local paths, at = {{{listed}}}, 0\nwrk.headers["Authorization"] = "{self.token}"\n'
            "request = function() at = at % #paths + 1; return wrk.format('GET', paths[at]) end\n"
        )
        options = ["-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "--timeout", "30s", "--latency"]
        before = cpu_seconds(self.pid)
        said = self._ask("wrk", *options, "-s", str(script), self._url(""))
        cpu = cpu_seconds(self.pid) - before
        assert "Non-2xx" not in said and "Socket errors" not in said, said
        assert " 0 requests in" not in said, f"nothing was answered within {seconds} s: {said}"
        (number,), (rate,) = re.findall(r"(\d+) requests in", said), re.findall(r"Requests/sec:\s+([\d.]+)", said)
        ((p99, unit),) = re.findall(r"99%\s+([\d.]+)(us|ms|s)\b", said)
        return Heard(float(rate), float(p99) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit], 1000 * cpu / int(number))

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @staticmethod
    def _ask(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def plan(centre: Centre, folder: Path, only: str) -> dict[str, Any]:
    """Return what the product sends to the database for each path (tests/bench/plans.py)."""
    path = folder / "plans.json"
    command = [sys.executable, "-m", "tests.bench.plans", str(path), json.dumps(LISTS | WHOLE | DETAILS), only]
    subprocess.run(command, cwd=ROOT, env=centre.env, check=True)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@contextlib.contextmanager
def sides(centre: Centre, folder: Path, planned: dict[str, Any]) -> Iterator[tuple[Side, Side]]:
    """The product's web server and the bare one, with as many processes and threads."""
    port = free_port()
    command = ["tests.bench.bare" if word == "otestack.wsgi" else word for word in parts.web(port).command]
    env = centre.env | {"BENCH_PLANS": str(folder / "plans.json")}
    del env["DJANGO_SETTINGS_MODULE"]
    centre.start_web()
    with centre.log_path.open("ab") as log:
        bare = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log, preexec_fn=die_with_us)
    try:
        ours = Side(centre.port, centre.parts["web"].pid, planned["token"])
        theirs = Side(port, bare.pid, planned["token"])
        first = next(iter(planned["paths"]))
        for side in (ours, theirs):
            until(lambda side=side: _answers(side, first), "both web servers answer")
        yield ours, theirs
    finally:
        bare.terminate()
        bare.wait(30)


def _answers(side: Side, path: str) -> bool:
    with contextlib.suppress(subprocess.CalledProcessError):
        return bool(side.get(path))
    return False


def measure(centre: Centre, folder: Path, options: argparse.Namespace) -> None:
    """Compare both sides on every path, then walk through the pages of every list."""
    planned = plan(centre, folder, options.only)
    report = Report("api", "The API beside bare Django views", versions=versions(wrk="wrk -v", PostgreSQL="psql -V"))
    report.notes.append((__doc__ or "").partition("\n\n")[2].strip())
    with sides(centre, folder, planned) as (ours, bare):
        for path in planned["paths"]:
            assert ours.get(path) == bare.get(path), f"the bare view answers {path} otherwise"
        if options.smoke:
            planned["paths"] = dict(list(planned["paths"].items())[:2])
        compare(report, ours, bare, planned, folder, options)
        walk(report, ours, planned, folder, options)
    if options.smoke:
        report.targets.clear()
    print(report.write(partial(draw, report.data), ROOT / ".cache" / "bench" if options.smoke else RESULTS))


def compare(
    report: Report, ours: Side, bare: Side, planned: dict[str, Any], folder: Path, options: argparse.Namespace
) -> None:
    """Ask both for the same, in turn."""
    rows = []
    for path, one in planned["paths"].items():
        name, rounds = f"`{one['name']}`", []
        for _ in range(options.rounds):
            mine, floor = (side.load([path], options.seconds, folder) for side in (ours, bare))
            rounds.append((mine.rate, floor.rate, mine.rate / floor.rate, mine.cpu, floor.cpu, floor.cpu / mine.cpu))
        found = dict(zip(RATES, map(figure, zip(*rounds, strict=True)), strict=True))
        report.data[one["name"]] = found
        print(f"{one['name']}: {found['ours'].text(0)} and {found['bare'].text(0)} requests/s", file=sys.stderr)
        rows.append((name, *(found[word].text(2 if "/" in word or "CPU" in word else 0) for word in RATES)))
        ratio = found["ours / bare"].median
        report.targets.append(Target(f"{name}: share of the bare rate", ratio, LEAST_RATIO, most=False))
    report.table(("path", *RATES), rows, "Requests per second, and CPU of the web server for one in milliseconds.")


def walk(report: Report, ours: Side, planned: dict[str, Any], folder: Path, options: argparse.Namespace) -> None:
    """Ask for the first pages of every list, and for its last."""
    rows = []
    for path, one in planned["paths"].items():
        if one["name"] not in LISTS:
            continue
        page = f"{path}{'&' if '?' in path else '?'}page="
        last = max(1, -(-ours.get(path)["total"] // ROWS))
        asked = [f"{page}{number}" for number in range(1, min(PAGES, last) + 1)], [f"{page}{last}"]
        found = [
            figure([ours.load(paths, options.seconds, folder).p99 for _ in range(options.rounds)]) for paths in asked
        ]
        name = f"`{one['name']}`"
        rows.append((name, last, *(one.text(0) for one in found)))
        print(f"{one['name']}: p99 {found[0].text(0)} and {found[1].text(0)} ms", file=sys.stderr)
        report.data[f"pages of {one['name']}"] = dict(zip(("first", "last"), found, strict=True))
        report.targets.append(Target(f"{name}: p99 of the first {PAGES} pages", found[0].median, MOST_MS, "ms"))
    report.table(("path", "pages", f"first {PAGES}", "last"), rows, f"p99 in ms of pages of {ROWS} rows.")


def draw(data: dict[str, Any], plot: Any) -> None:
    """Plot the rates of both sides."""
    names = [name for name, one in data.items() if "ours" in one]
    axes = plot.add_subplot()
    for offset, side in ((-0.2, "ours"), (0.2, "bare")):
        rates = [data[name][side].median for name in names]
        axes.barh([n + offset for n in range(len(names))], rates, 0.4, label=side)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("requests per second")
    axes.legend()
