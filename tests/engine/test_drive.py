"""The rolling window over clusters that nobody can reach: nothing here needs an edge."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import psycopg2
import pytest
from django.db import OperationalError, connection

from clusters.engine.clock import db_now
from clusters.engine.drive import drive_due
from clusters.engine.sessions import sessions
from clusters.models import Cluster
from tests.edge.peer import Line, playing
from tests.engine.things import bundle, cluster, due

pytestmark = pytest.mark.django_db(transaction=True)


def test_nothing_due_is_nothing_done() -> None:
    cluster()
    assert drive_due() == 0


@pytest.mark.parametrize(
    "fields",
    [{"driver": "ote"}, {"credentials": "not json"}, {"credentials": '{"server": "https://x", "ca_pem": "no"}'}],
    ids=["unknown driver", "unreadable credentials", "unusable certificate"],
)
def test_a_cluster_that_cannot_be_driven_does_not_stop_the_others(fields: dict[str, str]) -> None:
    odd, fine = cluster("odd", **fields), cluster("fine")
    bundle()
    due(odd, fine)
    assert drive_due() >= 2
    for one in (odd, fine):
        one.refresh_from_db()
        assert one.lease_until is None and one.claims_unrecorded == 0
        assert one.failed_probes >= 1
    assert odd.last_error == "odd cannot be driven with its stored credentials; the reason has been logged."
    assert fine.last_error.startswith("fine cannot be reached: ")


def test_a_secret_that_no_key_opens_does_not_stop_the_others() -> None:
    odd, fine = cluster("odd"), cluster("fine")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE clusters_cluster SET credentials = 'gAAAAA' WHERE id = %s", [odd.pk])
    due(odd, fine)
    drive_due()
    odd, fine = Cluster.objects.defer("credentials").order_by("pk")
    assert odd.failed_probes >= 1 and fine.failed_probes >= 1
    assert odd.lease_until is None and fine.observe_due_at is not None and fine.observe_due_at > db_now()


def _cut() -> None:
    """End our connection from the server's side, as its restart would; on SQLite, which has none, say so."""
    if connection.vendor != "postgresql":
        raise OperationalError("disk I/O error")
    with contextlib.closing(psycopg2.connect(**connection.get_connection_params())) as other:
        other.cursor().execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])


def _slow(line: Line, number: int) -> None:
    """Take a second to say nothing."""
    line.socket.settimeout(1)
    line.ended()


@pytest.mark.parametrize("statement", ["clusters_nodelabel", 'SET "lease_epoch"', '"credentials"'])
def test_a_statement_that_fails_costs_no_pass_its_result(settings: Any, statement: str) -> None:
    """The second claim, or what it loads, while passes of the first are under way."""
    settings.OTE_CONCURRENCY = 2
    met = 0

    def cut_once(execute: Any, sql: str, *rest: Any) -> Any:
        nonlocal met
        if statement in sql and (met := met + 1) == 2:
            _cut()
        return execute(sql, *rest)

    with playing(_slow) as peer:
        slow = cluster(credentials=json.dumps({"server": f"http://127.0.0.1:{peer.port}"}))
        due(slow)
        quick = [cluster() for _ in range(3)]
        due(*quick)
        with connection.execute_wrapper(cut_once):
            assert drive_due() == 2
    assert met >= 2
    found = Cluster.objects.all()
    assert {(one.lease_until, one.claims_unrecorded) for one in found} == {(None, 0)}
    assert sorted(one.failed_probes for one in found) == [0, 0, 1, 1]
    slow.refresh_from_db()
    assert slow.failed_probes == 1
    assert drive_due() >= 2
    assert all(one.failed_probes for one in Cluster.objects.all())


@pytest.mark.parametrize("places", [1, 4])
def test_every_probe_that_is_due_is_made_however_few_have_a_place_at_once(settings: Any, places: int) -> None:
    settings.OTE_CONCURRENCY = places
    for _ in range(6):
        cluster(away_since=db_now(), failed_probes=3, observe_due_at=db_now())
    assert drive_due() == 6


def test_what_hangs_never_has_more_than_a_quarter_of_the_places(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OTE_CONCURRENCY = 8
    monkeypatch.setattr("clusters.engine.drive.LOOKS_EVERY", 0.0)
    hanging: list[int] = []
    at_once = []

    def hang(line: Line, number: int) -> None:
        hanging.append(number)
        at_once.append(len(hanging))
        line.socket.settimeout(0.5)
        line.ended()
        hanging.remove(number)

    with playing(hang) as peer:
        for _ in range(6):
            credentials = json.dumps({"server": f"http://127.0.0.1:{peer.port}"})
            cluster(away_since=db_now(), failed_probes=3, observe_due_at=db_now(), credentials=credentials)
        assert drive_due() == 6
        assert peer.all_closed()
    assert max(at_once) == 2


def test_edges_that_hang_are_not_in_the_way_of_changes(settings: Any) -> None:
    """Nobody knew yet that they do, so that they have all the places."""
    settings.OTE_CONCURRENCY = 4
    settings.OTE_REQUEST_SECONDS = 30
    asked = dict[str, float]()
    ended = list[float]()

    def hang(line: Line, number: int) -> None:
        line.socket.settimeout(3)
        line.ended()
        ended.append(time.monotonic())

    def answer(line: Line, number: int) -> None:
        path = line.socket.recv(4096).split()[1].decode()
        asked.setdefault(path, time.monotonic())

    with playing(hang) as silent, playing(answer) as quick:
        for peer, count in ((silent, 4), (quick, 8)):
            servers = [f"http://127.0.0.1:{peer.port}/{number}" for number in range(count)]
            due(*[cluster(credentials=json.dumps({"server": server})) for server in servers])
        drive_due()
    assert len({path.split("/")[1] for path in asked}) == 8
    assert max(asked.values()) < min(ended)


def test_who_has_nothing_to_do_takes_the_change_of_another_process_at_once() -> None:
    cluster(change_due_at=db_now(), kept_by=1)
    assert drive_due() == 1
    assert Cluster.objects.get().kept_by == sessions().keeper
