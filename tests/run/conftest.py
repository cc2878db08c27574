"""Products for these tests: on the embedded default, or on the PostgreSQL and Redis that the suite runs on."""

from __future__ import annotations

import contextlib
import itertools
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.run.product import Product, product
from tests.services import REDIS_NUMBERS, broker_beside, create_database

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def backend() -> Callable[[], dict[str, str]]:
    """Variables of a fresh database and broker beside those of the suite; none when it runs embedded."""
    url, broker = os.environ.get("DATABASE_URL", ""), os.environ.get("CELERY_BROKER_URL", "")

    def make() -> dict[str, str]:
        made = {}
        if url.startswith("postgres"):
            made["DATABASE_URL"] = create_database(url, f"run_{uuid.uuid4().hex[:12]}")
        if broker.startswith("redis"):
            made["CELERY_BROKER_URL"] = broker_beside(broker, next(_numbers) % (REDIS_NUMBERS - 2) + 1)
        return made

    return make


@pytest.fixture
def make_product(tmp_path: Path, backend: Callable[[], dict[str, str]]) -> Iterator[Callable[..., Product]]:
    """make_product("name", OTE_EDGE=…): a product that has not started; stopped when the test ends."""
    with contextlib.ExitStack() as stack:

        def make(name: str = "data", **options: Any) -> Product:
            return stack.enter_context(product(tmp_path / name, **(backend() | options)))

        yield make
