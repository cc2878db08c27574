"""What a benchmark leaves behind: results/NAME.json with every round, NAME.md with a table, NAME.png with a plot."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = ("Django", "celery", "kombu", "gunicorn", "psycopg2-binary", "redis", "aiohttp", "uvloop", "msgspec",
            "orjson", "djangorestframework")  # fmt: skip
# Fewer say nothing of the spread.
LEAST_ROUNDS = 3


@dataclass(frozen=True)
class Figure:
    """The rounds of one measurement, and their middle and ends."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    def text(self, digits: int = 2) -> str:
        """Return the median, and lowest and highest where there is more than one round."""
        if len(self.rounds) == 1:
            return f"{self.median:.{digits}f}"
        return f"{self.median:.{digits}f} ({min(self.rounds):.{digits}f} to {max(self.rounds):.{digits}f})"


def figure(rounds: Sequence[float]) -> Figure:
    """Return the figure of these rounds."""
    return Figure(tuple(rounds))


@dataclass(frozen=True)
class Target:
    """A promise beside what was measured. most: True where the figure may be that at most, else at least."""

    what: str
    figure: float
    promised: float
    unit: str = ""
    most: bool = True

    @property
    def met(self) -> bool:
        return self.figure <= self.promised if self.most else self.figure >= self.promised


@dataclass
class Report:
    """The results of one benchmark, collected and then written."""

    name: str
    title: str
    command: str = field(default_factory=lambda: "python -m tests.bench " + shlex.join(sys.argv[1:]))
    notes: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    began: float = field(default_factory=time.time)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[object]], caption: str = "") -> None:
        """Add a Markdown table."""
        lines = [caption, ""] if caption else []
        lines.append("| " + " | ".join(head) + " |")
        lines.append("|" + "|".join([" --- "] + [" ---: "] * (len(head) - 1)) + "|")
        lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
        self.tables.append("\n".join(lines))

    def write(self, draw: Callable[[Any], None] | None = None, folder: Path = RESULTS) -> str:
        """Write the files and return the Markdown. draw: fills a matplotlib figure."""
        folder.mkdir(parents=True, exist_ok=True)
        text = self._markdown(with_plot=draw is not None)
        (folder / f"{self.name}.md").write_text(text)
        targets = [asdict(target) | {"met": target.met} for target in self.targets]
        kept = {"name": self.name, "command": self.command, "versions": self.versions, "machine": machine()}
        kept |= {"targets": targets, "data": self.data}
        (folder / f"{self.name}.json").write_text(json.dumps(kept, indent=1, default=_plain) + "\n")
        if draw is not None:
            _plot(folder / f"{self.name}.png", draw)
        return text

    def _markdown(self, *, with_plot: bool) -> str:
        date = time.strftime("%Y-%m-%d", time.gmtime(self.began))
        parts = [f"# {self.title}", f"`{self.command}`, {date}, {time.time() - self.began:.0f} s.", *self.notes]
        if self.targets:
            parts.append(_targets(self.targets))
        parts += self.tables
        if with_plot:
            parts.append(f"![{self.title}]({self.name}.png)")
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        parts.append(f"Versions: {versions}.")
        parts.append("Machine: " + ", ".join(f"{name} {value}" for name, value in machine().items()) + ".")
        return "\n\n".join(parts) + "\n"


def _targets(targets: Sequence[Target]) -> str:
    lines = ["| target | promised | measured | met |", "| --- | ---: | ---: | --- |"]
    for one in targets:
        bound = "at most" if one.most else "at least"
        lines.append(
            f"| {one.what} | {bound} {one.promised:.3g} {one.unit} | {one.figure:.3g} {one.unit} | "
            f"{'yes' if one.met else '**no**'} |"
        )
    return "\n".join(lines)


def _plain(value: Any) -> Any:
    if isinstance(value, Figure):
        return {"median": value.median, "rounds": value.rounds}
    return asdict(value)


def _plot(path: Path, draw: Callable[[Any], None]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    plot = pyplot.figure(figsize=(11, 6), layout="constrained")
    draw(plot)
    plot.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(plot)


def versions(**more: str) -> dict[str, str]:
    """Return what ran: Python, our packages, and more programs by name with a command that tells their version."""
    found = {"Python": platform.python_version()}
    found |= {name: importlib.metadata.version(name) for name in PACKAGES}
    return found | {name: said_version(command) for name, command in more.items()}


def said_version(command: str) -> str:
    """Return the first number with dots that a command prints; '?' when there is none."""
    words = command.split()
    if shutil.which(words[0]) is None:
        return "?"
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else "?"


def machine() -> Mapping[str, str]:
    """Return what the figures were measured on."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    total = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    return {
        "CPUs": str(os.cpu_count()),
        "model": model[1] if model else platform.processor(),
        "memory": f"{int(total[1]) / 2**20:.0f} GB" if total else "?",
        "kernel": platform.release(),
        "load at the end": f"{os.getloadavg()[0]:.1f}",
    }
