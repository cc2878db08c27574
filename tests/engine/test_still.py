"""Who stands still in the middle of a transaction on PostgreSQL holds up nobody for longer than a lease."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import pre_migrate
from django.test import override_settings

from clusters.drivers.base import ObservedNode
from clusters.engine.bundles import put
from clusters.engine.claim import Quota, claim
from clusters.engine.clock import db_now
from clusters.engine.load import Work, load
from clusters.engine.outcome import PassOutcome, PlacementOutcome
from clusters.engine.record import Finished, record
from clusters.models import Cluster, Node, Placement
from tests.engine.things import bundle, cluster, configmap, due, node, nodes, wish
from tests.races import beside, needs_postgres

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
SECONDS = 1.0


@pytest.fixture(autouse=True)
def _postgres(transactional_db: None) -> Iterator[None]:
    needs_postgres()
    yield


class Still(list[ObservedNode]):
    """Nodes at which whoever goes through them stands still, the first time."""

    def __init__(self, *items: ObservedNode) -> None:
        super().__init__(items)
        self.came, self.go_on = threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[ObservedNode]:
        self.came.set()
        self.go_on.wait(60)
        return super().__iter__()


def begin(one: Cluster) -> Work:
    due(one)
    claims, now = claim(Quota(10, 10))
    (work,) = load(claims, now)
    return work


def proven(work: Work, **fields: Any) -> Finished:
    results = {item.id: PlacementOutcome(applied=True, ready=True, reason="") for item in work.placements}
    return Finished(work, PassOutcome(**({"answered": True, "complete": True, "placements": results} | fields)))


def timeout() -> str:
    """Return how long a transaction of this connection may stand still."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        (found,) = cursor.fetchone()
    return str(found)


def test_a_worker_that_stands_still_while_it_records_holds_up_nobody() -> None:
    one, item = cluster(), bundle("a")
    first, listed = begin(one), Still(node("late"))
    with override_settings(OTE_LEASE_SECONDS=SECONDS):
        thread, results = beside(lambda: record([proven(first, nodes=listed)]))
        assert listed.came.wait(20)
    # It holds the locks of bundle and cluster. A request and another worker get through all the same.
    put(item, wish("a", objects=[configmap("a", new="1")]))
    Cluster.objects.update(lease_until=db_now() - timedelta(seconds=1))
    second = begin(one)
    record([proven(second, nodes=[node("n1")])])
    placement = Placement.objects.values().get()
    assert placement["ready_generation"] == 2
    listed.go_on.set()
    thread.join(30)
    assert results == [math.inf], "it goes on, and has nothing to say any more"
    assert Placement.objects.values().get() == placement
    assert Cluster.objects.values_list("last_error", "lease_epoch").get() == ("", 2)
    assert list(Node.objects.values_list("name", flat=True)) == ["n1"]


def test_a_worker_that_stood_still_and_still_has_its_lease_records_after_all() -> None:
    one, _ = cluster(), bundle("a")
    work, listed = begin(one), Still(node("n1"))
    with override_settings(OTE_LEASE_SECONDS=SECONDS):
        thread, results = beside(lambda: record([proven(work, nodes=listed)]))
        assert listed.came.wait(20)
    due(one)  # waits until the database has ended that transaction
    listed.go_on.set()
    thread.join(30)
    (due_in,) = results
    assert 0 < due_in <= settings.OTE_OBSERVE_INTERVAL
    assert Placement.objects.get().ready_generation == 1
    assert Cluster.objects.values_list("last_error", "lease_until", "node_count").get() == ("", None, 1)


def test_a_long_list_that_is_read_slowly_is_read_to_its_end() -> None:
    """As GET with pageSize=0 does (otestack/api/pagination.py): a cursor of the server, outside a transaction."""
    nodes(cluster(), *(f"n{number}" for number in range(30)))
    slowly = threading.Event()

    def read() -> int:
        rows = Node.objects.order_by("pk").iterator(10)
        found = [next(rows)]
        assert timeout() == "1s"
        slowly.wait(2 * SECONDS)
        return len(found + list(rows))

    with override_settings(OTE_LEASE_SECONDS=SECONDS):
        thread, results = beside(read)
        thread.join(30)
    assert results == [30]


def test_a_migration_may_think_for_longer_than_a_lease() -> None:
    before, meanwhile = timeout(), []

    def look(**_: Any) -> None:
        meanwhile.append(timeout())

    pre_migrate.connect(look)
    try:
        call_command("migrate", verbosity=0)
    finally:
        pre_migrate.disconnect(look)
    assert set(meanwhile) == {"0"}
    assert timeout() == before != "0"
