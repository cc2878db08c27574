"""The rolling window over clusters that nobody can reach: nothing here needs an edge."""

from __future__ import annotations

import json
from typing import Any

import pytest

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
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("UPDATE clusters_cluster SET credentials = 'gAAAAA' WHERE id = %s", [odd.pk])
    due(odd, fine)
    drive_due()
    odd, fine = Cluster.objects.defer("credentials").order_by("pk")
    assert odd.failed_probes >= 1 and fine.failed_probes >= 1
    assert odd.lease_until is None and fine.observe_due_at is not None and fine.observe_due_at > db_now()


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


def test_who_has_nothing_to_do_takes_the_change_of_another_process_at_once() -> None:
    cluster(change_due_at=db_now(), kept_by=1)
    assert drive_due() == 1
    assert Cluster.objects.get().kept_by == sessions().keeper
