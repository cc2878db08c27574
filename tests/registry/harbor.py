"""A registry stand-in for tests, and callers of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.simulator import HarborSimulator


def running(data: Path) -> Iterator[HarborSimulator]:
    """A stand-in that loses no time: a wrong password costs nothing, a pull counts at once."""
    with HarborSimulator(data, login_delay=0.0, pull_lag=0.0) as made:
        yield made


@pytest.fixture(scope="session")
def shared_harbor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HarborSimulator]:
    """One for the whole run: starting costs 20 ms, but so does every test's share."""
    yield from running(tmp_path_factory.mktemp("harbor"))


@pytest.fixture
def harbor(shared_harbor: HarborSimulator) -> Iterator[HarborSimulator]:
    """The registry, healthy and empty: `url`, `address`, `admin` (name, password), knobs and faults."""
    shared_harbor.reset()
    yield shared_harbor
    shared_harbor.heal()
