"""The message that wakes the workers: sent when a change is committed, and only then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import Empty
from typing import Any

import pytest
from celery import current_app
from django.db import transaction

from clusters.engine.nudge import nudge

pytestmark = pytest.mark.django_db(transaction=True)

QUEUE = "drive"
# Seconds. A message that comes is there in milliseconds; so long is waited for one that must not come.
COMES, DOES_NOT_COME = 10, 0.5


@pytest.fixture
def message() -> Iterator[Callable[[float], Any]]:
    """message(seconds): the next message to the workers, None if none comes in time."""
    with current_app.connection_for_read() as connection, connection.SimpleQueue(QUEUE) as queue:
        queue.clear()

        def wait(seconds: float) -> Any:
            try:
                found = queue.get(timeout=seconds)
            except Empty:
                return None
            found.ack()
            return found.headers["task"]

        yield wait


def test_a_change_over_the_api_wakes_them(
    api: Any, make_business: Callable[..., Any], make_user: Callable[..., Any], message: Callable[[float], Any]
) -> None:
    from clusters.models import Cluster

    Cluster.objects.create(name="beijing", server="https://127.0.0.1:1", credentials="{}", uid="1")
    root = make_user(4, make_business("platform"), "root")
    body = {"clusterLabel": "shops", "clusterName": ["beijing"]}
    assert api(root).post("/v1/cluster/label", body).status_code == 200
    assert message(COMES) == "clusters.tasks.drive"


def test_nothing_is_said_before_the_commit(message: Callable[[float], Any]) -> None:
    with transaction.atomic():
        nudge()
        nudge()
        assert message(DOES_NOT_COME) is None
    assert message(COMES) == "clusters.tasks.drive"
    assert message(DOES_NOT_COME) is None


def test_nothing_is_said_of_what_was_rolled_back(message: Callable[[float], Any]) -> None:
    with transaction.atomic():
        nudge()
        transaction.set_rollback(True)
    assert message(DOES_NOT_COME) is None
