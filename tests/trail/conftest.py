"""Reading the trail in tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from otestack.models import TrailEntry
from tests.deployments.conftest import (
    _installation,
    beijing,
    body,
    decide,
    deploy,
    harbin,
    running,
    versions,
)

__all__ = ["_installation", "beijing", "body", "decide", "deploy", "harbin", "running", "versions"]


@pytest.fixture
def written(db: None) -> Callable[[], object]:
    """with written() as entries: what the block wrote to the trail, in order, once it is over."""

    @contextmanager
    def block() -> Iterator[list[TrailEntry]]:
        last = TrailEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        found: list[TrailEntry] = []
        yield found
        found += TrailEntry.objects.filter(pk__gt=last).order_by("pk")

    return block
