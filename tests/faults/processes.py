"""Processes of the product that stand still, that run twice, or that are killed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from tests.faults.fleet import Deployed, Fleet
from tests.run.product import ROOT, once, until

# Of all that is left to chance; a run can be repeated by it. LONG: what `make test-faults` asks for.
SEED = int(os.environ.get("FAULTS_SEED", "1"))
LONG = os.environ.get("FAULTS") == "long"
# Marks of what has nothing to do with the database: the gate runs twice, the long form on one alone.
ONCE = [] if LONG else [once]
# What can be killed: a part with all its processes, or one process of a worker's pool below it.
VICTIMS = ("drive", "settle", "beat", "web", "a driver", "a settler")
# Deployments of a storm at a time.
MOST_DEPLOYMENTS = 4
_POOLS = {"a driver": "drive", "a settler": "settle"}


@contextlib.contextmanager
def frozen(fleet: Fleet, pids: list[int]) -> Iterator[None]:
    """These stand still while this lasts."""
    fleet.product.freeze(pids)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def as_on_a_second_host(fleet: Fleet, what: str, *arguments: str) -> Iterator[None]:
    """A worker or beat of the same installation that runs beside the product's own; it must outlive the block."""
    log = fleet.product.log_path.with_name(f"second-{what}.log")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "--quiet", "-A", "otestack", what, *arguments],
            cwd=ROOT, stdout=out, stderr=out, env=fleet.product.env | {"DJANGO_SETTINGS_MODULE": "otestack.settings"},
        )  # fmt: skip
    try:
        yield
        assert process.poll() is None, log.read_text()
        process.terminate()
        process.wait(30)
    finally:
        process.kill()
        process.wait()


def second_worker(fleet: Fleet) -> contextlib.AbstractContextManager[None]:
    """A second worker that drives."""
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return as_on_a_second_host(
        fleet, "worker", "--queues", "drive", "--concurrency", "1", "--hostname", "second@%h", *quiet
    )


def second_beat(fleet: Fleet) -> contextlib.AbstractContextManager[None]:
    """A second beat: every sweep is sent twice."""
    schedule = fleet.product.data_dir / "second-beat-schedule"
    return as_on_a_second_host(fleet, "beat", "--schedule", str(schedule))


def _works(fleet: Fleet, victim: str) -> None:
    """Wait until one of VICTIMS runs, and the processes below it that do its work."""
    part = _POOLS.get(victim, victim)
    until(lambda: len(fleet.group(part)) > (part != "beat"), f"{part} works")


def kill(fleet: Fleet, victim: str) -> None:
    """Kill one of VICTIMS, which runs."""
    if victim in _POOLS:
        os.kill(fleet.group(_POOLS[victim])[-1], signal.SIGKILL)
    else:
        fleet.kill(victim)


def storm(fleet: Fleet, victims: Sequence[str], chance: random.Random, longest: float) -> int:
    """Kill these, each at a random moment of the `longest` seconds after a change was asked for.

    Return after how many of them clusters were left leased, or with a change that is due.

    Changes are upgrades and deletions of what is not under way, else a deployment, of which there are a few at a time.
    Whoever is killed again and again is started again later each time: nobody is killed before there was work to do.
    """
    made: list[Deployed] = []
    in_the_middle = 0
    for victim in victims:
        _works(fleet, victim)
        _change(fleet, made, chance)
        time.sleep(chance.uniform(0, longest))
        kill(fleet, victim)
        left = fleet.records.ask("everything")["clusters"]
        in_the_middle += any(row["lease_until"] or row["change_due_at"] for row in left)
        fleet.answers()
    return in_the_middle


def _change(fleet: Fleet, made: list[Deployed], chance: random.Random) -> None:
    for deployed in chance.sample(made, len(made)):
        if deployed.read()["editable"]:
            if deployed.read()["version"] == "1.1.1":
                deployed.upgrade("1.1.2")
            else:
                deployed.delete()
                made.remove(deployed)
            return
    if len(made) < MOST_DEPLOYMENTS:
        made.append(fleet.deploy())
