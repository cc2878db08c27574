"""GET /v1/node."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clusters.models import NodeLabel

FULL = {
    "operating_system": "linux", "kernel_version": "6.1", "ip": "1.2.3.4", "memory": 2**40, "cpu": 8, "disk": 2**41,
    "gpu": 2**34,
}  # fmt: skip


def names(answer: Any) -> list[str]:
    return [row["nodeName"] for row in answer.json()["data"]]


def test_fields(api: Any, member: Any, make_cluster: Any, make_node: Any) -> None:
    make_node(make_cluster("GuangZhou"), "GZ1", **FULL)
    assert api(member).get("/v1/node").json() == {
        "code": 200,
        "message": "success",
        "data": [
            {
                "nodeName": "GZ1",
                "clusterName": "GuangZhou",
                "operatingSystem": "linux",
                "kernelVersion": "6.1",
                "isReady": True,
                "ip": "1.2.3.4",
                "memory": 2**40,
                "cpu": 8,
                "gpu": 2**34,
                "disk": 2**41,
            }
        ],
        "total": 1,
        "meta": {"readyNodeCount": 1},
    }


def test_ready_nodes_over_all_pages(api: Any, member: Any, make_cluster: Any, make_node: Any) -> None:
    fresh, stale = make_cluster("fresh"), make_cluster("stale", seen=1000)
    for number in range(13):
        make_node(fresh, f"f{number:02}", ready=number != 3)
    make_node(stale, "s1")
    answer = api(member).get("/v1/node").json()
    assert (len(answer["data"]), answer["total"], answer["meta"]) == (10, 14, {"readyNodeCount": 12})
    assert [row["nodeName"] for row in answer["data"] if not row["isReady"]] == ["f03"]
    answer = api(member).get("/v1/node", page=2, clusterName="fresh").json()
    assert (len(answer["data"]), answer["total"], answer["meta"]) == (3, 13, {"readyNodeCount": 12})
    answer = api(member).get("/v1/node", clusterName="stale").json()
    assert answer["data"][0]["isReady"] is False
    assert answer["meta"] == {"readyNodeCount": 0}
    answer = api(member).get("/v1/node", page=9).json()
    assert (answer["data"], answer["total"], answer["meta"]) == ([], 14, {"readyNodeCount": 12})


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["Alpha", "beta", "alphabet"]),
        ({"clusterName": "a"}, ["Alpha", "beta"]),
        ({"clusterName": "A"}, []),
        ({"clusterName": "gone"}, []),
        ({"nodeName": "ALPHA"}, ["Alpha", "alphabet"]),
        ({"nodeName": "%"}, []),
        ({"nodeName": "eta"}, ["beta"]),
        ({"nodeLabel": "x"}, ["Alpha", "alphabet"]),
        ({"nodeLabel": "X"}, []),
        ({"nodeLabel": "x", "clusterName": "b"}, ["alphabet"]),
        ({"nodeLabel": "x", "nodeName": "bet"}, ["alphabet"]),
        ({"nodeLabel": "", "nodeName": "", "clusterName": ""}, ["Alpha", "beta", "alphabet"]),
        ({"pageSize": 2, "page": 2}, ["alphabet"]),
    ],
)
def test_filters(
    api: Any, member: Any, make_cluster: Any, make_node: Any, query: dict[str, Any], found: list[str]
) -> None:
    first = make_cluster("a")
    make_node(first, "Alpha", "x", "y")
    make_node(first, "beta", "y")
    make_node(make_cluster("b"), "alphabet", "x")
    answer = api(member).get("/v1/node", **query)
    assert answer.status_code == 200
    assert names(answer) == found


@pytest.mark.parametrize(("observed", "wanted", "carried"), [
    (True, None, True), (False, True, True), (True, False, False), (False, False, False), (False, None, False),
])  # fmt: skip
def test_a_label_counts_from_the_request_on(
    api: Any, member: Any, make_cluster: Any, make_node: Any, observed: bool, wanted: bool | None, carried: bool
) -> None:
    NodeLabel.objects.create(node=make_node(make_cluster("a"), "n"), label="x", observed=observed, wanted=wanted)
    assert names(api(member).get("/v1/node", nodeLabel="x")) == (["n"] if carried else [])
    assert api(member).get("/v1/node/label").json()["data"] == (["x"] if carried else [])


@pytest.mark.parametrize(
    ("field", "keys"),
    [
        ("nodeName", {"nodeName"}),
        ("nodeName,isReady", {"nodeName", "isReady"}),
        (" nodeName , ip,", {"nodeName", "ip"}),
        ("clusterName,clusterName", {"clusterName"}),
    ],
)
def test_chosen_fields(api: Any, member: Any, make_cluster: Any, make_node: Any, field: str, keys: set[str]) -> None:
    make_node(make_cluster("a"))
    answer = api(member).get("/v1/node", field=field).json()
    assert set(answer["data"][0]) == keys
    assert answer["meta"] == {"readyNodeCount": 1}


def test_an_empty_field_means_all(api: Any, member: Any, make_cluster: Any, make_node: Any) -> None:
    make_node(make_cluster("a"))
    assert len(api(member).get("/v1/node", field="").json()["data"][0]) == 10


@pytest.mark.parametrize(
    "query", [{"field": "nodeName,password"}, {"field": "id"}, {"page": 0}, {"pageSize": "x"}, {"nodeName": "a\0"}]
)
def test_bad_queries(api: Any, member: Any, query: dict[str, Any]) -> None:
    answer = api(member).get("/v1/node", **query)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == list(query)


def test_a_constant_number_of_queries(api: Any, member: Any, make_cluster: Any, make_node: Any) -> None:
    client = api(member)
    counts = []
    for _ in range(2):
        for _ in range(6):
            make_node(make_cluster(), None, "x")
        with CaptureQueriesContext(connection) as queries:
            client.get("/v1/node", pageSize=0, nodeLabel="x")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_who_may(api: Any, make_user: Any) -> None:
    assert api().get("/v1/node").status_code == 401
    assert api(make_user(0)).get("/v1/node").status_code == 403
