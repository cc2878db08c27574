"""Node Management 1 to 4."""

from __future__ import annotations

from typing import Any

from clusters.models import Cluster, Node, NodeLabel
from tests.contract.seed.deployments import deploy
from tests.contract.seed.table import SUCCESS, Param, Row, no, yes
from tests.contract.seed.world import World
from tests.deployments import fleet

CHAPTER = "Node Management"


def node(cluster: Cluster, name: str, *labels: str) -> None:
    made = Node.objects.create(
        cluster=cluster, name=name, operating_system="Linux", kernel_version="2.6", ip="1.2.3.4", ready=True
    )
    NodeLabel.objects.bulk_create(NodeLabel(node=made, label=label, observed=True) for label in labels)


def gz1_and_bj1(world: World) -> None:
    world.caller = world.member
    node(fleet.join("GuangZhou"), "GZ1")
    node(fleet.join("BeiJing"), "BJ1")


def c1(world: World, *labels: str) -> None:
    world.caller = world.system
    cluster = fleet.join("c1")
    node(cluster, "GuangZhou", *labels)
    node(cluster, "BeiJing", *labels)


def c1_with_label1(world: World) -> None:
    c1(world, "label1")


def c1_and_another(world: World) -> None:
    c1(world, "label1")
    node(fleet.join("c2"), "n1", "label2")


def label1_in_use(world: World) -> None:
    c1(world, "label1")
    deploy(world, cluster="c1", nodeLabel="label1")


def twelve_nodes(world: World) -> None:
    world.caller = world.member
    for cluster in (fleet.join("c1"), fleet.join("c2")):
        for number in range(6):
            node(cluster, f"{cluster}-{number}", *(["label1"] if number == 3 else []))


def code(world: World, response: Any) -> int:
    return int(response.json()["code"])


ROWS = (
    Row(
        CHAPTER, 1, "Get Node List", "GET /v1/node", gz1_and_bj1,
        parameters=(
            Param("field", "string", no, other="nodeName"),
            Param("nodeLabel", "string", no, other="label1"),
            Param("clusterName", "string", no, other="c2"),
            Param("nodeName", "string", no, other="C1-"),
            Param("page", "int", no, 1, other=2),
            Param("pageSize", "int", no, 10, other=11),
        ),
        crowd=twelve_nodes,
        example="GET /v1/node",
        answer={
            "code": 200,
            "message": "success",
            "data": [
                {
                    "nodeName": "GZ1",
                    "operatingSystem": "Linux",
                    "clusterName": "GuangZhou",
                    "kernelVersion": "2.6",
                    "isReady": True,
                    "ip": "1.2.3.4",
                },
                {
                    "nodeName": "BJ1",
                    "operatingSystem": "Linux",
                    "clusterName": "BeiJing",
                    "kernelVersion": "2.6",
                    "isReady": True,
                    "ip": "1.2.3.4",
                },
            ],
            "meta": {"readyNodeCount": 2},
            "total": 2,
        },
        fields={
            "data.*": {
                "nodeName": "string", "clusterName": "string", "operatingSystem": "string", "kernelVersion": "string",
                "ip": "string", "memory": "int64", "cpu": "int", "isReady": "bool", "gpu": "int", "disk": "int64",
            },
            "": {"total": "int"},
            "meta": {"readyNodeCount": "int"},
        },
    ),
    Row(
        CHAPTER, 2, "Add Label to Node", "POST /v1/node/label", c1,
        parameters=(
            Param("nodeName", "[]string", yes),
            Param("nodeLabel", "string", yes),
            Param("clusterName", "string", yes),
        ),
        example="POST /v1/node/label",
        body={"nodeLabel": "label1", "clusterName": "c1", "nodeName": ["GuangZhou", "BeiJing"]},
        answer=SUCCESS,
    ),
    Row(
        CHAPTER, 3, "Delete Label", "DELETE /v1/node/label", c1_with_label1,
        parameters=(
            Param("nodeName", "[]string", yes),
            Param("nodeLabel", "string", yes),
            Param("clusterName", "string", yes),
            Param("deleteDeploy", "bool", no, False, other=True, seen=code),
        ),
        crowd=label1_in_use,
        example="DELETE /v1/node/label",
        body={"nodeLabel": "label1", "clusterName": "c1", "nodeName": ["GuangZhou", "BeiJing"], "deleteDeploy": True},
        answer=SUCCESS,
    ),
    Row(
        CHAPTER, 4, "Get Label List", "GET /v1/node/label", c1_with_label1,
        parameters=(Param("clusterName", "string", no, other="c1"),),
        crowd=c1_and_another,
        example="GET /v1/node/label?clusterName=c1",
        answer={"code": 200, "message": "success", "data": ["label1"]},
        fields={"": {"data": "[]string"}},
    ),
)  # fmt: skip
