"""Labels of nodes: POST, DELETE and GET /v1/node/label. The edge is written to by the engine, later."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clusters.engine.clock import db_now
from clusters.models import Cluster, NodeLabel

PATH = "/v1/node/label"


def body(*nodes: Any, label: Any = "x", cluster: Any = "c1", **more: Any) -> dict[str, Any]:
    return {"nodeLabel": label, "clusterName": cluster, "nodeName": list(nodes)} | more


def rows() -> set[tuple[str, str, bool, bool | None]]:
    return set(NodeLabel.objects.values_list("node__name", "label", "observed", "wanted"))


@pytest.fixture
def c1(make_cluster: Any, make_node: Any) -> Cluster:
    """A cluster with nodes n1 and n2; n2 shows the label 'shown'."""
    cluster: Cluster = make_cluster("c1")
    make_node(cluster, "n1")
    make_node(cluster, "n2", "shown")
    return cluster


def seq(cluster: Cluster) -> int:
    return Cluster.objects.values_list("change_seq", flat=True).get(pk=cluster.pk)


def test_add(api: Any, system: Any, c1: Cluster) -> None:
    answer = api(system).post(PATH, body("n1", "n2", "n1"))
    assert answer.status_code == 200
    assert answer.json() == {"code": 200, "message": "success"}
    assert rows() == {("n1", "x", False, True), ("n2", "x", False, True), ("n2", "shown", True, None)}
    assert seq(c1) == 1


def test_delete(api: Any, system: Any, c1: Cluster) -> None:
    assert api(system).delete(PATH, body("n1", "n2", label="shown")).json() == {"code": 200, "message": "success"}
    assert rows() == {("n2", "shown", True, False)}
    assert seq(c1) == 1


def test_there_and_back_again(api: Any, system: Any, c1: Cluster) -> None:
    api(system).post(PATH, body("n1"))
    api(system).delete(PATH, body("n1", deleteDeploy=True))
    label = NodeLabel.objects.get(label="x")
    assert (label.wanted, label.wanted_seq, label.evict) == (False, 2, True)
    api(system).post(PATH, body("n1"))
    label.refresh_from_db()
    assert (label.wanted, label.wanted_seq, label.evict) == (True, 3, False)
    assert seq(c1) == 3


def test_twice_and_absent_change_nothing(api: Any, system: Any, c1: Cluster) -> None:
    api(system).post(PATH, body("n1"))
    before = set(NodeLabel.objects.values_list())
    assert api(system).post(PATH, body("n1")).status_code == 200
    assert api(system).post(PATH, body("n2", label="shown")).status_code == 200
    assert api(system).delete(PATH, body("n1", label="shown")).status_code == 200
    assert set(NodeLabel.objects.values_list()) == before
    assert seq(c1) == 1


@pytest.mark.parametrize("method", ["post", "delete"])
def test_unknown_names_are_named_and_nothing_changes(
    api: Any, system: Any, c1: Cluster, make_cluster: Any, make_node: Any, method: str
) -> None:
    make_node(make_cluster("c2"), "n3")
    call = getattr(api(system), method)
    label = "shown" if method == "delete" else "x"
    answer = call(PATH, body("n2", "n3", label=label))
    assert answer.status_code == 422
    assert answer.json()["errors"] == {"nodeName": ["There is no node 'n3' in the cluster 'c1'."]}
    answer = call(PATH, body("n2", label=label, cluster="gone"))
    assert answer.status_code == 422
    assert answer.json()["errors"] == {"clusterName": ["There is no cluster 'gone'."]}
    assert rows() == {("n2", "shown", True, None)}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"nodeLabel": "a.b"}, "nodeLabel"),
        ({"nodeLabel": "node.otestack.io/a"}, "nodeLabel"),
        ({"nodeLabel": "all"}, "nodeLabel"),
        ({"nodeLabel": ""}, "nodeLabel"),
        ({"nodeLabel": "a" * 64}, "nodeLabel"),
        ({"nodeLabel": 5}, "nodeLabel"),
        ({"clusterName": ["c1"]}, "clusterName"),
        ({"clusterName": None}, "clusterName"),
        ({"clusterName": ""}, "clusterName"),
        ({"nodeName": "n1"}, "nodeName"),
        ({"nodeName": []}, "nodeName"),
        ({"nodeName": [7]}, "nodeName.0"),
        ({"nodeName": None}, "nodeName"),
    ],
)
@pytest.mark.parametrize("method", ["post", "delete"])
def test_bad_bodies(api: Any, system: Any, c1: Cluster, method: str, change: dict[str, Any], field: str) -> None:
    answer = getattr(api(system), method)(PATH, body("n1") | change)
    assert answer.status_code == 422
    assert any(name.startswith(field.split(".")[0]) for name in answer.json()["errors"])


@pytest.mark.parametrize("flag", ["true", 1, 0, [], {}])
def test_delete_deploy_is_a_flag(api: Any, system: Any, c1: Cluster, flag: Any) -> None:
    answer = api(system).delete(PATH, body("n1", deleteDeploy=flag))
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["deleteDeploy"]


def test_a_label_in_use(api: Any, system: Any, c1: Cluster, make_bundle: Any) -> None:
    make_bundle("nginx1", on=(c1,), node_label="shown")
    make_bundle("other", on=(c1,), node_label="another")
    make_bundle("ended", on=(c1,), node_label="shown", ended_at=db_now())
    make_bundle("elsewhere", node_label="shown")
    answer = api(system).delete(PATH, body("n2", label="shown"))
    assert answer.status_code == 409
    assert "'nginx1'" in answer.json()["message"]
    assert not {"other", "ended", "elsewhere"} & set(answer.json()["message"].replace("'", " ").split())
    assert rows() == {("n2", "shown", True, None)}
    assert seq(c1) == 0
    assert api(system).delete(PATH, body("n1", label="shown")).status_code == 200, "n1 does not carry it"
    answer = api(system).delete(PATH, body("n2", label="shown", deleteDeploy=True))
    assert answer.status_code == 200
    assert NodeLabel.objects.get().evict
    assert rows() == {("n2", "shown", True, False)}


def test_an_away_cluster_takes_the_wish_and_keeps_its_probe(api: Any, system: Any, c1: Cluster) -> None:
    Cluster.objects.update(away_since=db_now(), change_due_at=None)
    assert api(system).post(PATH, body("n1")).status_code == 200
    assert seq(c1) == 1
    assert Cluster.objects.get().change_due_at is None


def test_label_list(api: Any, member: Any, c1: Cluster, make_cluster: Any, make_node: Any) -> None:
    make_node(make_cluster("c2"), "n3", "shown", "Zone")
    assert api(member).get(PATH).json() == {"code": 200, "message": "success", "data": ["Zone", "shown"]}
    assert api(member).get(PATH, clusterName="c1").json()["data"] == ["shown"]
    assert api(member).get(PATH, clusterName="gone").json()["data"] == []
    assert api(member).get(PATH, clusterName="").json()["data"] == ["Zone", "shown"]


def test_who_may(api: Any, admin: Any, c1: Cluster) -> None:
    assert api(admin).post(PATH, body("n1")).status_code == 403
    assert api(admin).delete(PATH, body("n2", label="shown")).status_code == 403
    assert rows() == {("n2", "shown", True, None)}


def test_constant_numbers_of_queries(api: Any, system: Any, make_cluster: Any, make_node: Any) -> None:
    cluster = make_cluster("c1")
    client = api(system)
    counted: dict[str, list[int]] = {"post": [], "delete": [], "get": []}
    for size in (3, 30):
        nodes = [make_node(cluster, f"m{size}-{number}", f"l{number}").name for number in range(size)]
        for method in counted:
            with CaptureQueriesContext(connection) as queries:
                answer = client.get(PATH) if method == "get" else getattr(client, method)(PATH, body(*nodes))
            assert answer.status_code == 200
            counted[method].append(len(queries))
    assert all(few == many for few, many in counted.values()), counted
