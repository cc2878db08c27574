"""Callers: the administrator, two users, and nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.simulator import HarborSimulator
from tests.registry.simulator.callers import Caller, made, user_body
from tests.run.product import once


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Nothing here touches the product's database."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(once)


@pytest.fixture
def admin(harbor: HarborSimulator) -> Caller:
    return Caller(harbor, *harbor.admin)


@pytest.fixture
def user(harbor: HarborSimulator, admin: Caller) -> Caller:
    made(admin.post("/users", user_body("user")))
    return Caller(harbor, "user")


@pytest.fixture
def other(harbor: HarborSimulator, admin: Caller) -> Caller:
    made(admin.post("/users", user_body("other")))
    return Caller(harbor, "other")


@pytest.fixture
def nobody(harbor: HarborSimulator) -> Caller:
    return Caller(harbor)
