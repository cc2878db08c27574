"""GET /v1/cluster."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clusters.engine.clock import db_now
from clusters.models import Installation


def test_fields_and_total(api: Any, member: Any, make_cluster: Any) -> None:
    make_cluster("GuangZhou", node_count=1, away_since=db_now())
    make_cluster("BeiJing", node_count=2)
    answer = api(member).get("/v1/cluster")
    assert answer.status_code == 200
    assert answer.json() == {
        "code": 200,
        "message": "success",
        "data": [
            {"clusterName": "GuangZhou", "nodeCount": 1, "isReady": False},
            {"clusterName": "BeiJing", "nodeCount": 2, "isReady": True},
        ],
        "total": 2,
    }


@pytest.mark.parametrize(("seen", "ready"), [(None, False), (1, True), (80, True), (100, False), (100000, False)])
def test_ready_is_fresh_within_three_intervals(
    api: Any, member: Any, make_cluster: Any, seen: float | None, ready: bool
) -> None:
    make_cluster("a", seen=seen)
    [row] = api(member).get("/v1/cluster").json()["data"]
    assert row["isReady"] is ready


def test_a_stretched_interval_stretches_freshness(api: Any, member: Any, make_cluster: Any) -> None:
    Installation.objects.update_or_create(pk=1, defaults={"observe_interval": 60})
    make_cluster("a", seen=100)
    [row] = api(member).get("/v1/cluster").json()["data"]
    assert row["isReady"] is True


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, "abc"),
        ({"clusterLabel": "all"}, "abc"),
        ({"clusterLabel": ""}, "abc"),
        ({"clusterLabel": "x"}, "ab"),
        ({"clusterLabel": "y"}, "b"),
        ({"clusterLabel": "X"}, ""),
        ({"clusterLabel": "none"}, ""),
        ({"clusterLabel": "a.b"}, ""),
        ({"clusterLabel": "x", "page": 2, "pageSize": 1}, "b"),
        ({"page": 9, "pageSize": 2}, ""),
        ({"pageSize": 0}, "abc"),
        ({"unknown": 1}, "abc"),
    ],
)
def test_filter_and_pages(api: Any, member: Any, make_cluster: Any, query: dict[str, Any], names: str) -> None:
    make_cluster("a", "x")
    make_cluster("b", "x", "y")
    make_cluster("c")
    answer = api(member).get("/v1/cluster", **query).json()
    assert [row["clusterName"] for row in answer["data"]] == list(names)
    assert answer["total"] == {"x": 2, "y": 1}.get(query.get("clusterLabel", ""), len(names) or 3 * ("page" in query))


def test_no_limit_by_default(api: Any, member: Any, make_cluster: Any) -> None:
    for _ in range(12):
        make_cluster()
    assert len(api(member).get("/v1/cluster").json()["data"]) == 12


@pytest.mark.parametrize("query", [{"page": 0}, {"page": "x"}, {"pageSize": -1}, {"pageSize": 2**31}])
def test_bad_pages(api: Any, member: Any, query: dict[str, Any]) -> None:
    answer = api(member).get("/v1/cluster", **query)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == list(query)


def test_a_nul_in_the_filter(api: Any, member: Any) -> None:
    assert api(member).get("/v1/cluster", clusterLabel="a\0b").status_code == 422


def test_a_constant_number_of_queries(api: Any, member: Any, make_cluster: Any) -> None:
    client = api(member)
    counts = []
    for _ in range(2):
        for _ in range(5):
            make_cluster(None, "x", "y")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get("/v1/cluster", clusterLabel="x")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 6


def test_who_may(api: Any, make_user: Any, acme: Any, system: Any) -> None:
    assert api().get("/v1/cluster").status_code == 401
    assert api(make_user(1)).get("/v1/cluster").status_code == 403
    assert api(system).get("/v1/cluster/").status_code == 200
    assert api(system).post("/v1/cluster").status_code == 405
