"""Cluster Management 1 to 5."""

from __future__ import annotations

from clusters.models import Cluster
from tests.contract.seed.table import SUCCESS, Param, Row, no, yes
from tests.contract.seed.world import World
from tests.deployments import fleet

CHAPTER = "Cluster Management"


def guangzhou_and_beijing(world: World, *labels: str) -> None:
    world.caller = world.system
    Cluster.objects.filter(pk=fleet.join("GuangZhou", *labels).pk).update(node_count=1, observed_at=None)
    Cluster.objects.filter(pk=fleet.join("BeiJing", *labels).pk).update(node_count=2)


def with_label1(world: World) -> None:
    guangzhou_and_beijing(world, "label1")


def with_both_labels(world: World) -> None:
    guangzhou_and_beijing(world, "label2", "label1")


def cluster1(world: World) -> None:
    world.caller = world.member
    fleet.join("cluster1", "GuangZhou", "BeiJing")


def twelve_clusters(world: World) -> None:
    world.caller = world.member
    for number in range(12):
        fleet.join(f"c{number}", *(["north"] if number % 2 else []))


def twelve_labels(world: World) -> None:
    world.caller = world.member
    fleet.join("cluster1", *(f"label{number}" for number in range(12)))


LABELLING = (
    Param("clusterName", "[]string", yes),
    Param("clusterLabel", "string", yes),
)

ROWS = (
    Row(
        CHAPTER, 1, "Get Cluster List", "GET /v1/cluster", guangzhou_and_beijing,
        parameters=(
            Param("clusterLabel", "string", no, "all", other="north"),
            Param("page", "int", no, 1, other=2),
            Param("pageSize", "int", no, 0, other=10),
        ),
        crowd=twelve_clusters,
        example="GET /v1/cluster?clusterLabel=all&page=1&pageSize=10",
        answer={
            "code": 200,
            "message": "success",
            "data": [
                {"clusterName": "GuangZhou", "nodeCount": 1, "isReady": False},
                {"clusterName": "BeiJing", "nodeCount": 2, "isReady": True},
            ],
            "total": 2,
        },
        fields={"data.*": {"clusterName": "string", "nodeCount": "int", "isReady": "bool"}, "": {"total": "int"}},
    ),
    Row(
        CHAPTER, 2, "Add Label to Cluster", "POST /v1/cluster/label", guangzhou_and_beijing,
        parameters=LABELLING,
        example="POST /v1/cluster/label",
        body={"clusterLabel": "label1", "clusterName": ["GuangZhou", "BeiJing"]},
        answer=SUCCESS,
    ),
    Row(
        CHAPTER, 3, "Delete Label", "DELETE /v1/cluster/label", with_label1,
        parameters=LABELLING,
        example="DELETE /v1/cluster/label",
        body={"clusterLabel": "label1", "clusterName": ["GuangZhou", "BeiJing"]},
        answer=SUCCESS,
    ),
    Row(
        CHAPTER, 4, "Get Label List", "GET /v1/cluster/label", with_both_labels,
        example="GET /v1/cluster/label",
        answer={"code": 200, "message": "success", "data": ["label1", "label2"]},
        fields={"": {"data": "[]string"}},
    ),
    Row(
        CHAPTER, 5, "Get Label", "GET /v1/cluster/label/[clusterName]", cluster1,
        parameters=(
            Param("clusterName", "string", yes),
            Param("page", "int", no, 1, other=2),
            Param("pageSize", "int", no, 10, other=0),
        ),
        crowd=twelve_labels,
        example="GET /v1/cluster/label/cluster1?page=1&pageSize=10",
        answer={
            "code": 200,
            "message": "success",
            "data": [
                {"clusterLabel": "GuangZhou", "createTime": 1234567890},
                {"clusterLabel": "BeiJing", "createTime": 1234567891},
            ],
            "total": 2,
        },
        fields={"data.*": {"clusterLabel": "string", "createTime": "int64"}, "": {"total": "int32"}},
    ),
)  # fmt: skip
