"""Lists without a limit: all rows, in bounded memory, whole or not at all."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.db import connection

from accounts.models import User
from clusters.models import Cluster
from otestack.api.renderers import ROWS_AT_ONCE
from tests.contract.crowd import more_nodes

CLUSTERS, NODES_OF_EACH = 1000, 100
# What otestack/api/renderers.py promises for 100,000 nodes.
MOST_BYTES = 96 * 2**20
_PAGE = 4096


class Memory:
    """Bytes of the process's memory before and, at most, during something."""

    before = 0
    most = 0

    @property
    def grown(self) -> int:
        return self.most - self.before


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


@contextmanager
def watched() -> Iterator[Memory]:
    """Look at the process's memory every few milliseconds: what traces each allocation takes five times as long."""
    memory, done = Memory(), threading.Event()

    def look() -> None:
        while not done.wait(0.005):
            memory.most = max(memory.most, _resident())

    gc.collect()
    memory.before = memory.most = _resident()
    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield memory
    finally:
        done.set()
        watcher.join()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc to see the memory")
def test_a_hundred_thousand_nodes_stay_below_the_stated_memory(api: Any, system: Any) -> None:
    more_nodes(CLUSTERS, NODES_OF_EACH)
    Cluster.objects.filter(name="far999").update(observed_at=None)
    client = api(system)
    with watched() as memory:
        answer = client.get("/v1/node", pageSize=0)
    assert answer.status_code == 200
    assert memory.grown < MOST_BYTES, f"{memory.grown / 2**20:.0f} MB"
    body = orjson.loads(answer.content)
    assert (body["code"], body["message"], body["total"]) == (200, "success", CLUSTERS * NODES_OF_EACH)
    assert body["meta"] == {"readyNodeCount": CLUSTERS * NODES_OF_EACH - NODES_OF_EACH}
    assert len({(row["clusterName"], row["nodeName"]) for row in body["data"]}) == CLUSTERS * NODES_OF_EACH
    few = client.get("/v1/node", pageSize=3).json()
    assert body["data"][:3] == few["data"]
    assert list(body) == list(few)


@pytest.mark.parametrize("size", [0, 1, ROWS_AT_ONCE, ROWS_AT_ONCE + 1])
def test_without_a_limit_is_one_large_page(api: Any, system: Any, size: int) -> None:
    client = api(system)
    if size:
        more_nodes(1, size)
    assert client.get("/v1/node", pageSize=0).content == client.get("/v1/node", pageSize=2 * ROWS_AT_ONCE).content
    assert len(client.get("/v1/node", pageSize=0).json()["data"]) == size
    assert client.get("/v1/node", pageSize=0, page=2).json()["data"] == []


def test_a_failure_on_the_way_is_an_error_and_no_half_list(api: Any, system: Any) -> None:
    """A row far down that cannot be shown, as no Python date has its year."""
    users = User.objects.bulk_create(User(username=f"u{n}", business=system.business) for n in range(3 * ROWS_AT_ONCE))
    bad = "0044-03-15 00:00:00+00 BC" if connection.vendor == "postgresql" else "2026-13-32 00:00:00"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_user SET created_at = %s WHERE id = %s", [bad, users[-1].pk])
    answer = api(system).get("/v1/admin/user", pageSize=0)
    assert answer.status_code == 500
    assert answer.json() == {"code": 500, "message": "An unexpected internal error occurred; it has been logged."}
    assert len(api(system).get("/v1/admin/user", pageSize=ROWS_AT_ONCE).json()["data"]) == ROWS_AT_ONCE
