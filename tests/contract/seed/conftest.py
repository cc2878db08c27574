"""The world of the scenes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clusters.models import Installation
from tests.contract.seed.world import World


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
) -> World:
    Installation.objects.get_or_create(pk=1)  # a flush after an earlier test may have taken it away
    return World(api, make_user, make_business, settings, acme, admin, member, system)
