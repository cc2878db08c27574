"""PostgreSQL and Redis that stop, die or start anew: requests stay quick, and the end is the same."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import ready_fleet
from tests.faults.fleet import SETTINGS, Deployed, Fleet
from tests.run.product import once, product, until
from tests.services import Missing, Postgres, Redis

# With servers of its own, whatever the suite runs on.
pytestmark = [pytest.mark.processes, once]

# Seconds that a request may take whatever the broker does.
QUICK = 2.0


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Postgres, Redis]]:
    made: list[Any] = []
    try:
        made = [Postgres()]
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
    redis.pause()
    try:
        made = deploy_quickly(fleet)
    finally:
        redis.resume()
    for deployed in made:
        deployed.is_everywhere()


def test_a_redis_that_dies_and_comes_back_empty(fleet: Fleet, servers: tuple[Postgres, Redis]) -> None:
    _, redis = servers
    with fleet.slow():
        begun = fleet.deploy()
        fleet.in_the_middle(begun)
        redis.kill()
        made = deploy_quickly(fleet)
        redis.start()
    for deployed in [begun, *made]:
        deployed.is_everywhere()


def test_a_postgres_that_restarts_in_the_middle_of_a_push(fleet: Fleet, servers: tuple[Postgres, Redis]) -> None:
    postgres, _ = servers
    assert postgres.process is not None
    with fleet.slow():
        deployed = fleet.deploy()
        fleet.in_the_middle(deployed)
        postgres.process.send_signal(signal.SIGQUIT)  # what pg_ctl restart -m immediate sends
        postgres.process.wait(30)
        postgres.start()
    until(lambda: fleet.product.readyz()[0] == 200, "ready again")
    deployed.is_everywhere()
    deployed.delete()
    deployed.is_gone()
