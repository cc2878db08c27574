"""The whole product as processes, the way `make run` starts it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from otestack.supervisor.process import children_of
from tests.services import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
SUPERVISOR = (sys.executable, "-m", "otestack.supervisor")
# Generous: these machines are slow when they do other things besides.
DEADLINE = 90.0

# For what has nothing to do with database and broker: the suite runs twice.
once = pytest.mark.skipif(
    "DATABASE_URL" in os.environ, reason="the same on every database: runs with the embedded default"
)

T = TypeVar("T")


def until(condition: Callable[[], T], what: str, seconds: float = DEADLINE) -> T:
    """Return the condition's first true value; fails with `what` when the deadline passes."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"after {seconds:.0f} s still not: {what}"
        time.sleep(0.05)
    return value


def clean_env(**extra: str) -> dict[str, str]:
    """Return our environment without the product's variables, with these."""
    ours = (
        "DATABASE_URL",
        "CELERY_BROKER_URL",
        "DJANGO_SETTINGS_MODULE",
        "PORT",
        "REGISTRY_PORT",
        "MAKEFLAGS",
        "MAKELEVEL",
    )
    env = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("OTE_")}
    return env | extra


def command_line(pid: int) -> list[str]:
    """Return a process's arguments; empty when it is gone or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


class Product:
    """One running product with its own data folder and port."""

    def __init__(self, data_dir: Path, *, command: tuple[str, ...] = SUPERVISOR, **env: str) -> None:
        # The simulated registry listens behind it.
        self.data_dir, self.port, self.command = data_dir, free_port(2), command
        without = {"OTE_EDGE": "none", "OTE_REGISTRY": "none"}
        self.env = clean_env(**{"OTE_DATA_DIR": str(data_dir), "PORT": str(self.port)} | without | env)
        self.log_path = data_dir.with_name(f"{data_dir.name}.log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Product:
        """Start it in a process group of its own, as a shell with job control would."""
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True
            )
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def said(self, text: str) -> None:
        """Wait until its output holds the text."""
        until(lambda: text in self.log or self.ended(), f"it says '{text}'")
        assert text in self.log, self.log[-3000:]

    def ended(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None

    def request(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        """Return status and JSON; status 0 when nobody answers."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": token} if token else {})
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, data, headers, method=method), timeout=20
            ) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except (OSError, ValueError):
            return 0, None

    def readyz(self, query: str = "") -> tuple[int, Any]:
        return self.request("GET", f"/readyz{query}")

    def ready(self) -> Product:
        """Wait until it is ready, and has said so."""
        self.said("otestack | Ready at")
        until(lambda: self.readyz()[0] == 200, "ready")
        return self

    def supervisor(self) -> int:
        """Return the supervisor's process id, also below make."""
        if "make" not in self.command[0]:
            return self.pid
        return until(lambda: next(iter(children_of(self.pid)), 0), "make has a child")

    def part(self, name: str) -> int:
        """Return the process id of a part; 0 when it does not run."""
        marks = {
            "web": "gunicorn",
            "beat": "beat",
            "drive": "drive@%h",
            "settle": "settle@%h",
            "edge": "simulate_edge",
            "registry": "simulate_harbor",
        }
        found = [pid for pid in children_of(self.supervisor()) if marks[name] in command_line(pid)]
        return found[0] if found else 0

    def everything(self) -> list[int]:
        """Return all processes of this data folder, wherever they hang."""
        mark = f"OTE_DATA_DIR={self.data_dir}\0".encode()
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes() + b"\0":
                    found.append(int(entry.name))
        return found

    def gone(self) -> None:
        """Wait until nothing of it is left."""
        until(lambda: not self.everything(), "no process is left", 30)

    def signal(self, number: signal.Signals) -> int:
        """Send a signal as a terminal or an init system would, and return the exit code."""
        assert self.process is not None
        if number == signal.SIGINT:
            os.killpg(self.pid, number)  # Ctrl-C goes to the whole foreground group
        else:
            os.kill(self.pid, number)
        return self.process.wait(40)

    def freeze(self, pids: list[int]) -> None:
        """Let these stand still, none of them in the middle of a write.

        The embedded database is one file with one lock: who stands still with it in hand holds up everybody.
        """
        with contextlib.ExitStack() as stack:
            if "DATABASE_URL" not in self.env:
                path = self.data_dir / "otestack.sqlite3"
                database = stack.enter_context(
                    contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None))
                )
                database.execute("BEGIN IMMEDIATE")
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)

    def stop(self) -> None:
        """Kill what is left, whatever the test has done with it."""
        if self.process is not None and not self.ended():
            self.process.kill()  # the supervisor first, or it starts the others again
        for pid in self.everything():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait(20)


@contextlib.contextmanager
def product(data_dir: Path, **options: Any) -> Iterator[Product]:
    """A product that is stopped at the end."""
    made = Product(data_dir, **options)
    try:
        yield made
    finally:
        made.stop()
