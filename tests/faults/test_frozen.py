"""Processes that stand still for longer than their lease, and go on as if nothing had happened."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.fleet import Deployed, Fleet
from tests.run.product import ROOT, until

pytestmark = pytest.mark.processes


@contextlib.contextmanager
def frozen(fleet: Fleet, pids: list[int]) -> Iterator[None]:
    """These stand still while this lasts."""
    fleet.product.freeze(pids)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def second_worker(fleet: Fleet) -> Iterator[None]:
    """Another worker of the same installation, as on a second host."""
    celery = [sys.executable, "-m", "celery", "--quiet", "-A", "otestack", "worker"]
    which = ["--queues", "drive", "--concurrency", "1", "--hostname", "second@%h"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    log = fleet.product.log_path.with_name("second.log")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*celery, *which, *quiet], cwd=ROOT, stdout=out, stderr=out,
            env=fleet.product.env | {"DJANGO_SETTINGS_MODULE": "otestack.settings"},
        )  # fmt: skip
    try:
        yield
        assert process.poll() is None, log.read_text()
        process.terminate()
        process.wait(30)
    finally:
        process.kill()
        process.wait()


def observed(deployed: Deployed) -> dict[str, Any]:
    return {name: row["observedAt"] for name, row in deployed.clusters().items()}


def test_what_a_frozen_worker_writes_late_does_no_harm(fleet: Fleet) -> None:
    group = fleet.group("drive")
    with fleet.slow():
        deployed = fleet.deploy()
        fleet.in_the_middle(deployed)
        with frozen(fleet, group), second_worker(fleet):
            fleet.control(latency=0)
            deployed.is_everywhere()
            deployed.upgrade("1.1.2")
            deployed.is_everywhere("1.1.2")
            thawed = observed(deployed)
    # Its answers come now, of an older generation and under a lease that is no longer its own.
    until(lambda: all(at > thawed[name] + 3 for name, at in observed(deployed).items()), "all were observed again")
    deployed.is_everywhere("1.1.2")
    assert fleet.group("drive") == group
    rows = deployed.clusters().values()
    assert {(row["state"], row["generation"], row["appliedGeneration"]) for row in rows} == {("ready", 2, 2)}


def test_a_stopped_engine_turns_green_into_6_when_read(fleet: Fleet) -> None:
    deployed = fleet.deploy()
    deployed.is_everywhere()
    with frozen(fleet, [*fleet.group("drive"), *fleet.group("settle")]):
        deployed.reaches(6)
        # Each cluster was observed at a time of its own.
        until(lambda: {row["state"] for row in deployed.clusters().values()} == {"stale"}, "all are stale")
        row = next(row for row in fleet.call("GET", "/v1/deploy?pageSize=0")["data"] if row["id"] == deployed.id)
        assert row["status"] == 6
        assert "not observed in time" in row["errorMessage"]
    deployed.is_everywhere()
