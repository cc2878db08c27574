"""Fixtures of these tests: the registry stand-in, configured as ours, and callers of three businesses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from registry.simulator import HarborSimulator
from tests.registry.harbor import harbor, shared_harbor
from tests.registry.tenants import HARBOR_PASSWORD, Tenant, configure

__all__ = ["harbor", "shared_harbor"]


@pytest.fixture
def registry(db: None, harbor: HarborSimulator, settings: Any) -> HarborSimulator:
    """The stand-in, configured as our registry by its administrator's account."""
    configure(settings, harbor)
    return harbor


@pytest.fixture
def tenant(registry: HarborSimulator, api: Any, make_business: Any, make_user: Any) -> Iterator[Callable[..., Tenant]]:
    """tenant("acme"): a business with an administrator, a general user and, unless account=False, its account."""

    def make(name: str, *, account: bool = True) -> Tenant:
        business = make_business(name)
        made = Tenant(name, business, api(make_user(3, business)), api(make_user(2, business)))
        if account:
            sent = {"user": f"{name}-robot", "password": HARBOR_PASSWORD}
            assert made.admin.post("/v1/repository/user", sent).json() == {"code": 200, "message": "success"}
        return made

    yield make


@pytest.fixture
def acme(tenant: Callable[..., Tenant]) -> Tenant:
    """A business with its account."""
    return tenant("acme")


@pytest.fixture
def other(tenant: Callable[..., Tenant]) -> Tenant:
    """Another one."""
    return tenant("other")


@pytest.fixture
def third(tenant: Callable[..., Tenant]) -> Tenant:
    """A third one."""
    return tenant("third")
