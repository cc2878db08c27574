"""What a process keeps of clusters that it does not drive any more: nothing."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clusters.drivers.kubernetes.client import Client
from clusters.engine import sessions
from clusters.models import Bundle, Cluster
from tests.edge.conftest import drive_until, look, proven
from tests.run.product import until

IDLE = 0.4  # seconds


@pytest.fixture
def forgetful(settings: Any, edge: Any) -> Iterator[None]:
    """A process that keeps nothing for long."""
    settings.OTE_IDLE_SECONDS = IDLE
    before = sessions._sessions
    sessions._sessions = sessions.Sessions()
    yield
    sessions._sessions.close()
    sessions._sessions = before


def _clients() -> weakref.WeakSet[Client]:
    return weakref.WeakSet(thing for thing in gc.get_objects() if type(thing) is Client)


def test_credentials_leave_the_memory_of_a_process_that_needs_them_no_more(
    forgetful: None, join: Callable[..., Cluster], web: Callable[..., Bundle]
) -> None:
    cluster = join()
    others = _clients()
    bundle = web()
    drive_until(lambda: proven(bundle))
    mine = weakref.WeakSet(set(_clients()) - set(others))
    assert mine
    until(lambda: gc.collect() >= 0 and not mine, "the credentials are forgotten", 20)
    look(cluster)
    assert proven(bundle)
