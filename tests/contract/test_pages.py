"""Pages of lists whose statements are kept: deep ones, other callers' and those of changed circumstances."""

from __future__ import annotations

import itertools
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from business.models import Business
from clusters.models import Cluster, Installation, NodeLabel
from deployments.freshness import late_clusters
from deployments.models import Deployment
from otestack.api.lists import DEEP
from otestack.statements import Statement, Statements, holes
from tests.contract.crowd import Crowd, more_nodes

SIZE = 100


def pages(client: Any, path: str, **query: Any) -> list[Any]:
    """All rows of a list, page by page."""
    found: list[Any] = []
    for number in itertools.count(1):
        answer = client.get(path, page=number, pageSize=SIZE, **query).json()
        found += answer["data"]
        if not answer["data"]:
            assert answer["total"] == len(found)
            return found
    raise AssertionError


def test_deep_pages_go_on_where_the_others_end(api: Any, acme: Any, system: Any) -> None:
    Crowd(acme).grow(DEEP + 2 * SIZE + 1)
    client, first = api(system), Deployment.objects.get(name="d0")
    for path, query in (
        ("/v1/admin/user", {"orderBy": "user_name", "order": "desc"}),
        ("/v1/cluster", {"clusterLabel": "north"}),
        ("/v1/cluster/label/c0", {}),
        ("/v1/node", {"nodeName": "N"}),
        ("/v1/deploy", {"field": "deployName,status,errorMessage"}),
        (f"/v1/deploy/id/{first.pk}/clusters", {}),
        ("/v1/admin/deploy", {"order": "asc"}),
    ):
        whole = client.get(path, pageSize=0, **query).json()
        assert len(whole["data"]) > DEEP
        assert pages(client, path, **query) == whole["data"], path


def test_a_user_who_moves_sees_the_other_business(api: Any, acme: Any, admin: Any) -> None:
    Crowd(acme).grow(3)
    other = Business.objects.create(name="other", applicant=User.objects.get(username="u0"), status=1, namespace="o")
    client, one = api(admin), Deployment.objects.get(name="d1")
    path = f"/v1/deploy/id/{one.pk}"
    assert client.get("/v1/deploy").json()["total"] == 3
    assert client.get(path).json()["data"]["deployName"] == "d1"
    User.objects.filter(pk=admin.pk).update(business=other)
    assert client.get("/v1/deploy").json()["total"] == 0
    assert client.get(path).status_code == 404
    assert client.get(f"{path}/clusters").status_code == 404
    Deployment.objects.filter(pk=one.pk).update(business=other)
    assert [row["id"] for row in client.get("/v1/deploy").json()["data"]] == [one.pk]
    assert client.get(path).json()["data"]["deployName"] == "d1"


def test_a_stretched_interval_counts_at_once(api: Any, acme: Any, system: Any) -> None:
    Crowd(acme).grow(2)
    Cluster.objects.update(observed_at=datetime(2020, 1, 1, tzinfo=UTC))
    client = api(system)

    def said() -> tuple[Any, ...]:
        first = Deployment.objects.get(name="d0")
        return (
            [row["isReady"] for row in client.get("/v1/cluster").json()["data"]],
            client.get("/v1/node").json()["meta"]["readyNodeCount"],
            client.get("/v1/deploy").json()["data"][0]["status"],
            client.get(f"/v1/deploy/id/{first.pk}/clusters").json()["data"][0]["state"],
        )

    assert said() == ([False, False], 0, 6, "stale")
    Installation.objects.update_or_create(defaults={"observe_interval": 1e9}, id=1)
    assert said() == ([True, True], 2, 5, "ready")


def test_labels_are_told_once(api: Any, acme: Any, system: Any) -> None:
    Crowd(acme).grow(3)
    client = api(system)
    assert client.get("/v1/cluster/label").json()["data"] == ["l0", "l1", "l2", "north"]
    assert client.get("/v1/node/label").json()["data"] == ["gpu", "x0", "x1", "x2"]
    NodeLabel.objects.filter(label="gpu").update(wanted=False)
    NodeLabel.objects.filter(label="x1").update(observed=False)
    assert client.get("/v1/node/label").json()["data"] == ["x0", "x2"]
    NodeLabel.objects.all().delete()
    assert client.get("/v1/node/label").json()["data"] == []


def test_a_statement_runs_with_other_values(db: None) -> None:
    User.objects.bulk_create(User(username=name, password="!", token_epoch=n) for n, name in enumerate("abc"))
    name, epoch = replaced = holes("", 0)
    found = User.objects.filter(username=name, token_epoch=epoch).values_list("username")
    statement = Statement(found, replaced)
    assert [statement.run("b", 1), statement.run("b", 2)] == [[("b",)], []]
    assert (statement.count("c", 2), statement.page(0, 5, "c", 2), statement.page(1, 5, "c", 2)) == (1, [("c",)], [])
    nothing = Statement(User.objects.none().values_list("username"))
    assert (nothing.run(), nothing.count(), nothing.distinct("username")) == ([], 0, [])


def test_a_statement_runs_with_other_times_and_any_number_of_ids(db: None) -> None:
    now = timezone.now()
    times = [now, now + timedelta(days=1), now + timedelta(days=2)]
    rows = [Cluster(name=name, uid=name, observe_due_at=at) for name, at in zip("abc", times, strict=True)]
    a, b, c = (row.pk for row in Cluster.objects.bulk_create(rows))
    since, ids = replaced = holes(now, [])
    found = Cluster.objects.filter(observe_due_at__gte=since, pk__among=ids).order_by("name")
    statement = Statement(found.values_list("name", "observe_due_at"), replaced)
    assert statement.run(now, []) == []
    assert [name for name, _ in statement.run(now, [b])] == ["b"]
    assert [name for name, _ in statement.run(now, [a, b, c])] == ["a", "b", "c"]
    assert statement.run(times[2], [a, b, c]) == [("c", times[2])]


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_is_kept_than_may_be(most: int) -> None:
    kept: Statements[int] = Statements(most)
    made = []
    for key in (1, 2, 1, 1):
        kept.get(key, lambda key=key: made.append(key) or key)
    assert made == ([1, 2, 1] if most == 1 else [1, 2])


def test_a_long_page_is_read_without_naming_each_row(api: Any, system: Any) -> None:
    size = 2 * DEEP
    more_nodes(1, 2 * size)
    client = api(system)
    whole = client.get("/v1/node", pageSize=0, field="nodeName").json()["data"]
    with CaptureQueriesContext(connection) as queries:
        second = client.get("/v1/node", page=2, pageSize=size, field="nodeName").json()["data"]
    assert second == whole[size:]
    assert len(max((query["sql"] for query in queries), key=len)) < 5 * DEEP


def test_lists_of_many_lengths_leave_nothing_in_memory(db: None) -> None:
    late_clusters([1])
    tracemalloc.start()
    try:
        for length in range(2000, 2010):
            late_clusters(list(range(length)))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 500_000
