"""Deployment Management 1 to 9."""

from __future__ import annotations

from typing import Any

from deployments.models import Audit, Deployment, Operation
from tests.apps.bodies import small
from tests.contract.seed.answers import JsonText
from tests.contract.seed.table import SUCCESS, Change, Extra, Param, Row, no, yes
from tests.contract.seed.world import World, made
from tests.deployments import fleet

CHAPTER = "Deployment Management"
FULL_VERSION = "a version is its main line x.x and its minor"


def versions(world: World, count: int = 1, name: str = "nginx1", line: str = "1.1") -> None:
    for _ in range(count):
        world.ask(world.admin, "post", "/v1/app", small(appName=name, version=line))


def deploy(world: World, by: Any = None, **changes: Any) -> Deployment:
    """Submit the seed's deployment, changed; make its application if there is none."""
    sent = NGINX1 | {"version": "1.1.1", "cluster": "", "nodeLabel": ""} | changes
    if not world.ask(world.admin, "get", "/v1/app", appName=sent["appName"])["total"]:
        versions(world, name=sent["appName"], line=sent["version"].rpartition(".")[0])
    world.ask(by or world.admin, "post", "/v1/deploy", sent)
    row = Deployment.objects.latest("pk")
    world.ids |= {"deployId": row.pk, "deployName": row.name, "id": Operation.objects.latest("pk").pk}
    return row


def application_and_place(world: World) -> None:
    world.caller = world.admin
    fleet.join("cluster1", nodes=("node1",))
    versions(world)


def deploy1(world: World) -> None:
    world.caller = world.admin
    fleet.ready(deploy(world, deployName="deploy1", cluster=fleet.join("cluster1").name))


def with_a_newer_version(world: World) -> None:
    world.caller = world.admin
    fleet.join("cluster1")
    versions(world, 2)
    fleet.ready(deploy(world))


def upgraded(world: World) -> None:
    world.caller = world.admin
    fleet.join("cluster1")
    versions(world, 3)
    row = deploy(world, version="1.1.2")
    fleet.ready(row)
    world.ask(world.admin, "post", f"/v1/deploy/id/{row.pk}", {"version": "1.1.3"})
    fleet.ready(row)


def half_up(world: World, version: str = "1.1.1") -> None:
    """On two clusters that carry the label cluster1: ten pods run on one, three fail on the other."""
    world.caller = world.member
    good, bad = (fleet.join(name, "cluster1", nodes=("node1",)) for name in ("good", "bad"))
    versions(world, 2)
    row = deploy(world, version=version, cluster="cluster1", nodeLabel="node1")
    fleet.ready(row, good, pods=10)
    fleet.applied(row, bad, failed=True, last_error="ImagePullBackOff", running=0, error=3, total=3)


def half_up_in_its_second_version(world: World) -> None:
    half_up(world, "1.1.2")


def waiting(world: World) -> None:
    world.caller = world.admin
    fleet.join("cluster1")
    deploy(world, by=world.member)


def disapproved(world: World) -> None:
    business = world.make_business("a")
    world.member = world.make_user(2, business)
    world.caller = world.admin = world.make_user(3, business)
    fleet.join("bjct")
    deploy(world, by=world.member, appName="dsdar2", version="1.2.1", cluster="bjct")
    world.ask(world.admin, "put", "/v1/admin/deploy", {"id": world.ids["id"], "status": 2, "comment": "no pass"})


def twelve_deployments(world: World) -> None:
    """Two of them run and can be changed."""
    deploy1(world)
    first = Deployment.objects.get()
    for number in range(11):
        copy = fleet.copy(first, f"copy{number}")
        if number:
            Deployment.objects.filter(pk=copy.pk).update(app_name=f"web{number}", editable=False, running=False)


def twelve_audits(world: World) -> None:
    """All of them wait; one is another business's."""
    twelve_deployments(world)
    world.caller = world.system
    Operation.objects.update(audit=Audit.WAITING)
    Deployment.objects.filter(pk=world.ids["deployId"]).update(business=world.make_business("Another"))


def comment(world: World, response: Any) -> Any:
    """Return the comment of the change that was submitted."""
    assert response.status_code == 200, response.json()
    return world.ask(world.caller, "get", f"/v1/deploy/id/{world.ids['deployId']}")["data"]["comment"]


NGINX1: dict[str, Any] = {
    "deployName": "nginx1",
    "appName": "nginx1",
    "version": "1.1.1.1",
    "cluster": "cluster1",
    "nodeLabel": "node1",
    "comment": "",
}
COUNTS = '{"running": 10, "error": 3, "total": 13}'
REASON = JsonText({"running": 10, "error": 3, "total": 13}, {"reason": str})
REASON_WHY = "a fourth key `reason` when there is one to say"
DEPLOYMENT = {
    "id": "int32", "deployName": "string", "appName": "string", "version": "string", "cluster": "string",
    "nodeLabel": "string", "comment": "string", "deployType": "int32", "status": "int32", "createTime": "int32",
    "updateTime": "int32", "editable": "bool", "errorMessage": "string", "auditComment": "string",
}  # fmt: skip
RUNNING_WHY = "`running` is true while some version is meant to be live"

ROWS = (
    Row(
        CHAPTER, 1, "Create Deployment", "POST /v1/deploy", application_and_place,
        parameters=(
            Param("deployName", "string", yes),
            Param("appName", "string", yes),
            Param("version", "string", yes),
            Param("cluster", "string", yes),
            Param("nodeLabel", "string", yes),
            Param("comment", "string", yes),
        ),
        example="POST /v1/deploy/install",
        body=NGINX1,
        changes=(Change("version", "1.1.1", FULL_VERSION),),
        answer=SUCCESS,
    ),
    Row(
        CHAPTER, 2, "Delete Deployment", "DELETE /v1/deploy/{deployName}", deploy1,
        parameters=(Param("deployName", "string", yes),),
        example="DELETE /v1/deploy/deploy1",
        answer=SUCCESS,
    ),
    Row(
        CHAPTER, 3, "Upgrade Deployment", "POST /v1/deploy/id/{deployId}", with_a_newer_version,
        parameters=(
            Param("deployId", "int", yes),
            Param("version", "string", yes),
            Param("comment", "string", no, "", other="why", seen=comment),
        ),
        example="POST /v1/deploy/id/1",
        body={"version": "1.1.1.2"},
        changes=(Change("version", "1.1.2", FULL_VERSION),),
        answer=SUCCESS,
    ),
    Row(
        CHAPTER, 4, "List Deployment", "GET /v1/deploy", half_up,
        parameters=(
            Param("pageSize", "int", no, 10, other=0),
            Param("page", "int", no, 1, other=2),
            Param("field", "string", no, other="deployName,status"),
            Param("appName", "string", no, other="nginx1"),
            Param(
                "appNameMode", "string", no, "partial", other="strict", one_of=("strict", "partial", "prefix"),
                beside={"appName": "eb1"},
            ),
            Param("editable", "string", no, "all", other="true", one_of=("true", "false", "all")),
            Param("running", "string", no, "all", other="true", one_of=("true", "all")),
        ),
        crowd=twelve_deployments,
        example="GET /v1/deploy?pageSize=10&page=1",
        answer={
            "data": [
                {
                    "id": 1,
                    "deployName": "nginx1",
                    "appName": "nginx1",
                    "version": "1.1.1.1",
                    "cluster": "cluster1",
                    "nodeLabel": "node1",
                    "deployType": 1,
                    "status": 6,
                    "errorMessage": COUNTS,
                    "comment": "",
                    "editable": True,
                    "createTime": 1551758321,
                    "updateTime": 1551758321,
                }
            ],
            "total": 1,
        },
        answer_changes=(
            Change("code", 200, "every answer has it"),
            Change("data.0.version", "1.1.1", FULL_VERSION),
            Change("data.0.errorMessage", REASON, REASON_WHY),
        ),
        fields={"data.*": DEPLOYMENT},
        extra=(Extra("data.*.running", "bool", RUNNING_WHY),),
    ),
    Row(
        CHAPTER, 5, "Rollback Deployment", "PUT /v1/deploy/id/{deployId}", upgraded,
        parameters=(
            Param("deployId", "int", yes),
            Param("version", "string", yes),
            Param("comment", "string", yes),
        ),
        example="PUT /v1/deploy/id/1",
        body={"version": "1.1.1.2", "comment": ""},
        changes=(Change("version", "1.1.2", FULL_VERSION),),
        answer=SUCCESS,
    ),
    Row(
        CHAPTER, 6, "Get Deployment", "GET /v1/deploy/id/{deployId}", half_up_in_its_second_version,
        parameters=(
            Param("deployId", "int", yes),  # in the heading only
            Param("field", "string", no, other="historyVersion"),
        ),
        example="GET /v1/deploy/id/1",
        answer={
            "data": {
                "id": 1,
                "deployName": "nginx1",
                "appName": "nginx1",
                "version": "1.1.1.2",
                "cluster": "cluster1",
                "nodeLabel": "node1",
                "status": 6,
                "comment": "",
                "errorMessage": COUNTS,
                "deployType": 1,
                "createTime": 1551758321,
                "updateTime": 1551758321,
            }
        },
        answer_changes=(
            Change("code", 200, "every answer has it"),
            Change("data.version", "1.1.2", FULL_VERSION),
            Change("data.errorMessage", REASON, REASON_WHY),
        ),
        fields={"data": DEPLOYMENT},
        extra=(Extra("data.running", "bool", RUNNING_WHY),),
    ),
    Row(
        CHAPTER, 7, "Delete Deployment", "DELETE /v1/deploy/id/{deployId}", deploy1,
        parameters=(Param("deployId", "int", yes),),
        example="DELETE /v1/deploy/id/1",
    ),
    Row(
        CHAPTER, 8, "Audit Deployment", "PUT /v1/admin/deploy", waiting,
        parameters=(
            Param("id", "int", yes),
            Param("status", "int", yes, one_of=(1, 2)),
            Param("comment", "string", yes),
        ),
        example="POST /v1/admin/deploy",
        body={"id": 123456, "status": 0, "comment": "xxxx"},
        changes=(
            Change("id", made("id"), "an unknown id is 404"),
            Change("status", 1, "an audit says 1 or 2"),
        ),
    ),
    Row(
        CHAPTER, 9, "List Audit List of Deployment", "GET /v1/admin/deploy", disapproved,
        parameters=(
            Param("orderBy", "string", no, "id", one_of=("id",)),
            Param("order", "string", no, "desc", other="asc", one_of=("asc", "desc")),
            Param("businessName", "string", no, other="ACM"),
            Param("page", "int", no, 1, other=2),
            Param("pageSize", "int", no, 10, other=11),
        ),
        crowd=twelve_audits,
        example="GET /v1/admin/deploy",
        answer={
            "data": [
                {
                    "id": 6878,
                    "businessName": "a",
                    "appName": "dsdar2",
                    "version": "1.2.1",
                    "cluster": "bjct",
                    "deployType": 1,
                    "status": 0,
                    "comment": "no pass",
                    "createTime": 1551758321,
                    "updateTime": 1551758321,
                }
            ],
            "total": 1,
            "code": 200,
            "message": "success",
        },
        answer_changes=(Change("data.0.status", 2, "the comment is the audit's, and 0 waits for it"),),
        fields={
            "data.*": {
                "id": "int", "businessName": "string", "appName": "string", "version": "string", "cluster": "string",
                "deployId": "int", "deployType": "int", "status": "int", "comment": "string", "createTime": "int",
                "updateTime": "int",
            }
        },
    ),
)  # fmt: skip
