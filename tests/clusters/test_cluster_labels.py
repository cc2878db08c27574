"""Labels of clusters: POST, DELETE and GET /v1/cluster/label, GET /v1/cluster/label/[name]."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clusters.models import Bundle, Cluster, ClusterLabel, Placement

PATH = "/v1/cluster/label"


def body(label: Any, *names: Any) -> dict[str, Any]:
    return {"clusterLabel": label, "clusterName": list(names)}


def labels() -> set[tuple[str, str]]:
    return set(ClusterLabel.objects.values_list("cluster__name", "label"))


def test_add_and_delete(api: Any, system: Any, make_cluster: Any) -> None:
    make_cluster("GuangZhou")
    make_cluster("BeiJing", "old")
    answer = api(system).post(PATH, body("label1", "GuangZhou", "BeiJing", "BeiJing"))
    assert answer.status_code == 200
    assert answer.json() == {"code": 200, "message": "success"}
    assert labels() == {("GuangZhou", "label1"), ("BeiJing", "label1"), ("BeiJing", "old")}
    answer = api(system).delete(PATH, body("label1", "BeiJing"))
    assert answer.json() == {"code": 200, "message": "success"}
    assert labels() == {("GuangZhou", "label1"), ("BeiJing", "old")}


def test_twice_and_absent_change_nothing(api: Any, system: Any, make_cluster: Any) -> None:
    cluster = make_cluster("a", "x")
    before = ClusterLabel.objects.get()
    assert api(system).post(PATH, body("x", "a")).status_code == 200
    assert api(system).delete(PATH, body("y", "a")).status_code == 200
    assert ClusterLabel.objects.get() == before
    assert ClusterLabel.objects.get().created_at == before.created_at
    assert Cluster.objects.get().change_seq == cluster.change_seq, "no wake-up for nothing"


@pytest.mark.parametrize(
    "label",
    ["", "a.b", "a_b", "a b", "-a", "a-", "a" * 64, "ü", "all", "ALL", "a\n", "a\0", None, 5, True, ["a"], {}],
)
@pytest.mark.parametrize("method", ["post", "delete"])
def test_bad_labels(api: Any, system: Any, make_cluster: Any, method: str, label: Any) -> None:
    make_cluster("a")
    answer = getattr(api(system), method)(PATH, body(label, "a"))
    assert answer.status_code == 422
    assert "clusterLabel" in answer.json()["errors"]
    assert labels() == set()


@pytest.mark.parametrize("label", ["a", "A", "0", "a-b", "9-Z", "a" * 63])
def test_good_labels(api: Any, system: Any, make_cluster: Any, label: str) -> None:
    make_cluster("first")
    assert api(system).post(PATH, body(label, "first")).status_code == 200
    assert labels() == {("first", label)}


@pytest.mark.parametrize("names", [None, "a", [], [5], [None], ["a", True], {"a": 1}, [""], ["a\0"]])
@pytest.mark.parametrize("method", ["post", "delete"])
def test_bad_names(api: Any, system: Any, make_cluster: Any, method: str, names: Any) -> None:
    make_cluster("a")
    answer = getattr(api(system), method)(PATH, {"clusterLabel": "x", "clusterName": names})
    assert answer.status_code == 422
    assert next(iter(answer.json()["errors"])).startswith("clusterName")
    assert labels() == set()


@pytest.mark.parametrize("method", ["post", "delete"])
def test_unknown_clusters_are_named_and_nothing_changes(api: Any, system: Any, make_cluster: Any, method: str) -> None:
    make_cluster("a", "kept")
    answer = getattr(api(system), method)(PATH, body("kept" if method == "delete" else "x", "a", "gone", "A"))
    assert answer.status_code == 422
    assert answer.json()["errors"]["clusterName"] == ["There are no clusters 'A', 'gone'."]
    assert labels() == {("a", "kept")}


def test_missing_fields(api: Any, system: Any) -> None:
    assert set(api(system).post(PATH, {}).json()["errors"]) == {"clusterLabel", "clusterName"}


@pytest.mark.parametrize("label", ["beijing", "BeiJing"])
def test_a_label_may_not_be_a_clusters_name(api: Any, system: Any, make_cluster: Any, label: str) -> None:
    make_cluster("BeiJing")
    answer = api(system).post(PATH, body(label, "BeiJing"))
    assert answer.status_code == 422
    assert "'BeiJing'" in answer.json()["errors"]["clusterLabel"][0]


def test_placements_follow(api: Any, system: Any, make_cluster: Any, make_bundle: Any) -> None:
    cluster = make_cluster("a")
    bundle = make_bundle(selector="label", selector_value="x")
    api(system).post(PATH, body("x", "a"))
    placement = Placement.objects.get()
    assert (placement.cluster, placement.bundle, placement.present) == (cluster, bundle, True)
    cluster.refresh_from_db()
    assert cluster.change_seq == 1 and cluster.change_due_at is not None
    Bundle.objects.update(dirty_at=None)
    api(system).delete(PATH, body("x", "a"))
    placement.refresh_from_db()
    cluster.refresh_from_db()
    bundle.refresh_from_db()
    assert not placement.present
    assert cluster.change_seq == 2
    assert bundle.dirty_at is not None


def test_label_list(api: Any, system: Any, member: Any, make_cluster: Any) -> None:
    assert api(member).get(PATH).json() == {"code": 200, "message": "success", "data": []}
    make_cluster("a", "x", "z")
    make_cluster("b", "x", "Y")
    assert api(member).get(PATH).json() == {"code": 200, "message": "success", "data": ["Y", "x", "z"]}
    api(system).delete(PATH, body("z", "a"))
    assert api(member).get(PATH).json()["data"] == ["Y", "x"]


def test_labels_of_one_cluster(api: Any, member: Any, make_cluster: Any) -> None:
    make_cluster("cluster1", *(f"l{number}" for number in range(12)))
    make_cluster("other", "elsewhere")
    answer = api(member).get(f"{PATH}/cluster1").json()
    assert answer["total"] == 12
    assert [row["clusterLabel"] for row in answer["data"]] == [f"l{number}" for number in range(10)]
    assert isinstance(answer["data"][0]["createTime"], int)
    assert set(answer["data"][0]) == {"clusterLabel", "createTime"}
    assert len(api(member).get(f"{PATH}/cluster1/", pageSize=0).json()["data"]) == 12
    assert len(api(member).get(f"{PATH}/cluster1", page=2).json()["data"]) == 2


@pytest.mark.parametrize("name", ["gone", "Cluster1", "a.b", "%00", "ü"])
def test_labels_of_an_unknown_cluster(api: Any, member: Any, make_cluster: Any, name: str) -> None:
    make_cluster("cluster1")
    assert api(member).get(f"{PATH}/{name}").status_code == 404


def test_who_may(api: Any, member: Any, admin: Any, make_cluster: Any) -> None:
    make_cluster("a", "x")
    for user, method in ((member, "post"), (admin, "post"), (admin, "delete")):
        assert getattr(api(user), method)(PATH, body("x", "a")).status_code == 403
    assert api().post(PATH, body("y", "a")).status_code == 401
    assert labels() == {("a", "x")}


def test_constant_numbers_of_queries(api: Any, system: Any, make_cluster: Any) -> None:
    client = api(system)
    calls = {
        "list": lambda names: client.get(PATH),
        "of one": lambda names: client.get(f"{PATH}/a", pageSize=0),
        "post": lambda names: client.post(PATH, body("new", *names)),
        "delete": lambda names: client.delete(PATH, body("new", *names)),
    }
    make_cluster("a")
    counted: dict[str, list[int]] = {name: [] for name in calls}
    for size in (3, 30):
        names = [make_cluster(f"c{size}-{number}", f"l{number}").name for number in range(size)]
        client.post(PATH, body(f"x{size}", "a"))
        for name, call in calls.items():
            with CaptureQueriesContext(connection) as queries:
                assert call(names).status_code == 200
            counted[name].append(len(queries))
    assert all(few == many for few, many in counted.values()), counted
