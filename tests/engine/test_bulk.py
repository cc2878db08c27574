"""Many rows in one statement."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clusters.engine.bulk import PER_STATEMENT, update_rows
from clusters.models import Cluster, Placement
from tests.engine.things import bundle, cluster

pytestmark = pytest.mark.django_db
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def row(one: Placement, **fields: Any) -> dict[str, Any]:
    return {"id": one.pk, "generation": one.generation, **fields}


@pytest.fixture
def placements() -> list[Placement]:
    for _ in range(3):
        cluster()
    bundle()
    return list(Placement.objects.order_by("pk"))


def test_values_of_each_type_arrive(placements: list[Placement]) -> None:
    values = {
        "applied_at": AT,
        "next_attempt_at": None,
        "failed": True,
        "running": 2**31 - 1,
        "last_error": 'it\'s 100% "ünïcode" 语 \\ %s {}',
        "marks": {"ConfigMap/a": ["u", "1"]},
    }
    update_rows(Placement, [row(placements[0], **values)], match=("id", "generation"))
    found = Placement.objects.get(pk=placements[0].pk)
    assert {name: getattr(found, name) for name in values} == values
    assert Placement.objects.exclude(pk=found.pk).filter(failed=True).count() == 0
    assert list(Placement.objects.filter(applied_at=AT)) == [found], "readable by the ORM's own comparisons"


def test_each_row_gets_its_own(placements: list[Placement]) -> None:
    update_rows(Placement, [row(one, running=n) for n, one in enumerate(placements)], match=("id", "generation"))
    assert list(Placement.objects.order_by("pk").values_list("running", flat=True)) == [0, 1, 2]


def test_a_row_that_moved_on_is_left(placements: list[Placement]) -> None:
    rows = [row(one, running=7) for one in placements]
    Placement.objects.filter(pk=placements[1].pk).update(generation=2)
    Placement.objects.filter(pk=placements[2].pk).delete()
    update_rows(Placement, rows, match=("id", "generation"))
    assert list(Placement.objects.order_by("pk").values_list("running", flat=True)) == [7, 0]


def test_booleans_match_too(placements: list[Placement]) -> None:
    Placement.objects.filter(pk=placements[0].pk).update(present=False)
    rows = [{"id": one.pk, "present": True, "running": 3} for one in placements]
    update_rows(Placement, rows, match=("id", "present"))
    assert list(Placement.objects.order_by("pk").values_list("running", flat=True)) == [0, 3, 3]


def test_expressions_see_the_old_row_and_the_helpers() -> None:
    one, two = cluster(change_seq=5), cluster(change_seq=5)
    rows = [
        {"id": one.pk, "last_error": "new", "seen_seq": 5, "at": AT},
        {"id": two.pk, "last_error": "new", "seen_seq": 4, "at": AT},
    ]
    update_rows(
        Cluster,
        rows,
        match=("id",),
        expressions={
            "last_error": "CASE WHEN t.change_seq = r.seen_seq THEN r.last_error ELSE t.name END",
            "away_since": "COALESCE(t.away_since, r.at)",
        },
        helpers={"seen_seq": "bigint", "at": "timestamptz"},
    )
    one.refresh_from_db(), two.refresh_from_db()
    assert (one.last_error, two.last_error) == ("new", two.name)
    assert one.away_since == AT


def test_nothing_is_no_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        update_rows(Placement, [], match=("id",))


def test_more_rows_than_a_statement_takes() -> None:
    clusters = Cluster.objects.bulk_create(
        Cluster(name=f"c{n}", server="s", credentials="c", uid=str(n)) for n in range(PER_STATEMENT + 3)
    )
    rows = [{"id": one.pk, "orphans": one.pk} for one in clusters]
    with CaptureQueriesContext(connection) as found:
        update_rows(Cluster, rows, match=("id",))
    assert len(found) == (2 if connection.vendor == "postgresql" else len(found))
    assert all(pk == orphans for pk, orphans in Cluster.objects.values_list("pk", "orphans"))
