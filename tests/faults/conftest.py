"""One product for all tests that leave it as they found it; on the services that the suite runs on."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

import pytest

from tests.faults.edge import Edge
from tests.faults.fleet import SETTINGS, Fleet
from tests.run.product import Product, product
from tests.services import REDIS_NUMBERS, broker_beside, create_database

LOCKED = "database is locked"


def ready_fleet(made: Product, edge: Edge | None = None) -> Fleet:
    """Start a product and return it with its tenant. edge: where it has none of its own."""
    made.start().ready()
    return Fleet(made, edge=edge)


@pytest.fixture(scope="session")
def new_backend() -> Callable[[], dict[str, str]]:
    """Return variables of a database and broker of their own; none when the suite runs embedded."""
    url, broker = os.environ.get("DATABASE_URL", ""), os.environ.get("CELERY_BROKER_URL", "")
    numbers = itertools.count(1)

    def make() -> dict[str, str]:
        number, made = next(numbers), {}
        if url.startswith("postgres"):
            made["DATABASE_URL"] = create_database(url, f"faults_{os.getpid()}_{number}")
        if broker.startswith("redis"):
            made["CELERY_BROKER_URL"] = broker_beside(broker, REDIS_NUMBERS - number)
        return made

    return make


@pytest.fixture(scope="session")
def backend(new_backend: Callable[[], dict[str, str]]) -> dict[str, str]:
    """Those of the shared product."""
    return new_backend()


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory, backend: dict[str, str]) -> Iterator[Fleet]:
    """The shared one. Afterwards nobody may have met a locked database."""
    with product(tmp_path_factory.mktemp("faults") / "data", **(SETTINGS | backend)) as made:
        yield ready_fleet(made)
        assert LOCKED not in made.log
