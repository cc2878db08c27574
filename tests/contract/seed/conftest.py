"""The world of the scenes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clusters.models import Installation
from tests.contract.seed.world import World
from tests.registry.harbor import harbor, shared_harbor

__all__ = ["harbor", "shared_harbor", "world"]


@pytest.fixture
def world(
    api: Callable[..., Any],
    make_user: Callable[..., Any],
    make_business: Callable[..., Any],
    settings: Any,
    acme: Any,
    admin: Any,
    member: Any,
    system: Any,
    request: pytest.FixtureRequest,
) -> World:
    Installation.objects.get_or_create(pk=1)  # a flush after an earlier test may have taken it away
    return World(api, make_user, make_business, settings, acme, admin, member, system, request.getfixturevalue)
