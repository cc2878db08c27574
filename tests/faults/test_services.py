"""PostgreSQL and Redis that stop, die or start anew: requests stay quick, and the end is the same."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import ready_fleet
from tests.faults.fleet import SETTINGS, Deployed, Fleet
from tests.faults.processes import ONCE
from tests.run.product import product, until
from tests.services import Missing, Postgres, Redis

# With servers of its own, whatever the suite runs on.
pytestmark = [pytest.mark.processes, *ONCE]

# Seconds that a request may take whatever the broker does.
QUICK = 2.0
# Of the disk of PostgreSQL.
DISK_BYTES = 400 * 2**20


@pytest.fixture(scope="module")
def disk() -> Iterator[Path | None]:
    """A small disk for PostgreSQL; None where this process may not make one."""
    folder = Path(tempfile.mkdtemp(prefix="otestack-disk-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder], check=False)
    try:
        yield folder if made.returncode == 0 else None
    finally:
        if made.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        folder.rmdir()


@pytest.fixture(scope="module")
def servers(disk: Path | None) -> Iterator[tuple[Postgres, Redis]]:
    made: list[Any] = []
    try:
        made = [Postgres(disk)]
        made.append(Redis())
        yield made[0], made[1]
    except Missing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    finally:
        for server in made:
            server.stop()


@pytest.fixture(scope="module")
def fleet(servers: tuple[Postgres, Redis], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    postgres, redis = servers
    env = {"DATABASE_URL": postgres.url("postgres"), "CELERY_BROKER_URL": redis.url()}
    folder: Path = tmp_path_factory.mktemp("services")
    with product(folder / "data", **(SETTINGS | env)) as made:
        yield ready_fleet(made)


def deploy_quickly(fleet: Fleet, number: int = 3) -> list[Deployed]:
    """Deploy, and read back; each request within its bound."""
    made = []
    for _ in range(number):
        began = time.monotonic()
        deployed = fleet.deploy()
        middle = time.monotonic()
        deployed.clusters()
        assert middle - began < 2 * QUICK  # two requests
        assert time.monotonic() - middle < QUICK
        made.append(deployed)
    return made


def test_a_silent_redis(fleet: Fleet, servers: tuple[Postgres, Redis]) -> None:
    _, redis = servers
    with fleet.watched():
        redis.pause()
        try:
            made = deploy_quickly(fleet)
        finally:
            redis.resume()
        for deployed in made:
            deployed.is_everywhere()


def test_a_redis_that_forgets_dies_and_comes_back_empty(fleet: Fleet, servers: tuple[Postgres, Redis]) -> None:
    _, redis = servers
    with fleet.watched():
        with fleet.slow():
            begun = fleet.deploy()
            fleet.in_the_middle(begun)
            redis.client().flushall()
            made = [fleet.deploy()]
            redis.kill()
            made += deploy_quickly(fleet)
            redis.start()
        for deployed in [begun, *made]:
            deployed.is_everywhere()


def test_a_postgres_that_cuts_everybody_off_then_restarts(fleet: Fleet, servers: tuple[Postgres, Redis]) -> None:
    postgres, _ = servers
    assert postgres.process is not None
    with fleet.watched():
        with fleet.slow():
            deployed = fleet.deploy()
            fleet.in_the_middle(deployed)
            with contextlib.closing(postgres.connect()) as connection, connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                )
                assert cursor.rowcount > 0
            fleet.answers()
            postgres.process.send_signal(signal.SIGQUIT)  # what pg_ctl restart -m immediate sends
            postgres.process.wait(30)
            postgres.start()
        until(lambda: fleet.product.readyz()[0] == 200, "ready again")
        deployed.is_everywhere()
        deployed.delete()
        deployed.is_gone()


def test_a_disk_that_is_full_for_a_moment(fleet: Fleet, servers: tuple[Postgres, Redis], disk: Path | None) -> None:
    if disk is None:
        pytest.skip("needs a tmpfs of its own for PostgreSQL, and this process may not mount one")
    postgres, _ = servers
    assert postgres.process is not None
    with fleet.watched():
        with fleet.slow():
            deployed = fleet.deploy()
            fleet.in_the_middle(deployed)
            fill(disk / "filler")
            try:
                until(lambda: "No space left on device" in postgres.log.read_text(errors="replace"), "the disk is full")
            finally:
                (disk / "filler").unlink()
            if postgres.process.poll() is not None:  # without room for its log it gives up
                postgres.start()
        until(lambda: fleet.product.readyz()[0] == 200, "ready again")
        deployed.is_everywhere()


def fill(path: Path) -> None:
    """Write until nothing more goes in."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(2**20))
