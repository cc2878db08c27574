"""The benchmarks themselves: they count what they say, and their short form runs from end to end."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench.processes import connections, cpu_seconds, memory
from tests.bench.report import Target, figure
from tests.run.product import ROOT, clean_env, once
from tests.services import find

FOLDER = ROOT / ".cache" / "bench"
# Burns so much CPU in a child that ends, then as much itself, says so and stays until its standard input ends.
BURNING = """
import subprocess, sys, time
burn = "import time\\nwhile time.process_time() < 0.3: pass"
subprocess.run([sys.executable, "-c", burn], check=True)
exec(burn)
print("done", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def burnt() -> Iterator[int]:
    """A process that has burnt 0.6 seconds, half of them in a child that has ended."""
    process = subprocess.Popen([sys.executable, "-c", BURNING], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == b"done\n"
    yield process.pid
    process.stdin.close()
    process.wait()
    process.stdout.close()


@once
def test_children_that_have_ended_count(burnt: int) -> None:
    assert 0.55 < cpu_seconds(burnt) < 5  # their interpreters took some too
    held = memory(burnt)
    assert 0 < held.now <= held.peak


@once
def test_a_figure_is_its_middle_and_its_ends() -> None:
    assert figure([3, 1, 2]).text(1) == "2.0 (1.0 to 3.0)"
    assert [Target("t", measured, 2).met for measured in (1.9, 2.0, 2.1)] == [True, True, False]
    assert connections([1]) == 0


def short(name: str) -> str:
    """Run the short form of a benchmark; returns what it prints."""
    if find("initdb") is None or find("redis-server") is None:
        pytest.skip("There is no PostgreSQL or no Redis.")
    shutil.rmtree(FOLDER, ignore_errors=True)
    command = [sys.executable, "-m", "tests.bench", name, "--smoke"]
    done = subprocess.run(command, cwd=ROOT, env=clean_env(), capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, (done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


def kept(name: str) -> dict[str, Any]:
    """Return what a short form has measured; it judges nothing."""
    assert {path.suffix for path in FOLDER.glob(f"{name}.*")} == {".md", ".json", ".png"}
    found = json.loads((FOLDER / f"{name}.json").read_text())
    assert found["targets"] == []
    data: dict[str, Any] = found["data"]
    return data


@once
@pytest.mark.processes
def test_the_short_form_of_a_push() -> None:
    short("push")
    assert kept("push")["cold"]["10"][0]["applied"]["cpu"]["drive"] > 0


@once
@pytest.mark.processes
def test_the_short_form_of_the_api() -> None:
    if shutil.which("wrk") is None:
        pytest.skip("There is no wrk.")
    short("api")  # which compares the answers to every path
    found = kept("api")["/v1/admin/user"]
    assert found["ours"]["median"] > 0 and found["bare"]["median"] > 0


@once
@pytest.mark.processes
def test_the_short_form_of_the_back_office() -> None:
    assert " 0 not 200" in short("back_office")
