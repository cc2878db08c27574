"""Application Management."""

from __future__ import annotations

from typing import Any

from apps.models import AppVersion
from registry.models import ExternalRepository
from tests.apps.bodies import small
from tests.apps.charts.packing import chart, require_helm
from tests.contract.seed.table import SUCCESS, Change, Param, Row, no, yes
from tests.contract.seed.world import World, made

CHAPTER = "Application Management"
FULL_VERSION = "a version is its main line x.x and its minor, here the line's first"


def repo1(world: World) -> None:
    world.caller = world.member
    ExternalRepository.objects.create(
        business=world.acme, repository_id="repo1", address="127.0.0.1", user="user1", password="password1"
    )


def four_applications(world: World) -> None:
    world.caller = world.member
    for number in range(4):
        world.ask(world.member, "post", "/v1/app", small(appName=f"app{number}"))
    world.ids["ids"] = list(AppVersion.objects.order_by("pk").values_list("pk", flat=True))


def create(world: World, **changes: Any) -> None:
    """The application of the seed's answers: that of its request, and what only the answers have."""
    world.settings.OTE_REGISTRY_DOMAIN = "registry.local"
    dependence = [{"name": "nginx", "service": "xxxx", "port": 9090}]
    world.ask(world.member, "post", "/v1/app", NGINX1 | {"dependence": dependence} | changes)
    world.ids["appId"] = AppVersion.objects.latest("pk").pk


def nginx1(world: World) -> None:
    repo1(world)
    create(world, image="registry.local/proj1/nginx:latest", GPU=2)


def nginx1_twice_before(world: World) -> None:
    repo1(world)
    for _ in range(3):
        create(world, image="registry.local/proj1/nginx", GPU=1)


def helm(world: World) -> None:
    require_helm()
    world.caller = world.member


def twelve_applications(world: World) -> None:
    world.caller = world.member
    for number in range(12):
        line = f"1.{number % 2}"
        AppVersion.objects.create(
            business=world.acme, app_name=f"nginx{number}", line=line, minor=1, version=f"{line}.1",
            deploy_type="deployment", image="nginx",
        )  # fmt: skip


def latest(name: str) -> Any:
    """Return where the effect of a parameter of creation shows: the same field of the latest application."""

    def see(world: World, response: Any) -> Any:
        assert response.status_code == 200, response.json()
        return world.ask(world.caller, "get", "/v1/app", pageSize=0)["apps"][-1][name]

    return see


NGINX1: dict[str, Any] = {
    "appName": "nginx1",
    "deployType": "deployment",
    "image": "nginx:latest",
    "version": "1.2",
    "repositoryId": "repo1",
    "replicas": 10,
    "port": [{"port": 8080, "hostPort": 9090}],
    "command": "",
    "volume": [
        {"path": "/host/usr/bin", "hostPath": "/usr/bin", "readOnly": True},
        {"path": "/host/usr/sbin", "hostPath": "/usr/sbin", "readOnly": True},
    ],
    "env": [{"name": "NGINX_PATH", "value": "/usr/share/nginx/"}],
    "minReplicas": 2,
    "maxReplicas": 20,
    "minCPU": 10,
    "maxCPU": 200,
    "isHPA": True,
    "targetCPUUtilization": 100,
    "targetMemUtilization": 150,
    "minMemory": 100,
    "maxMemory": 200,
    "maxUnavailable": 1,
    "maxSurge": 1,
    "minReadySeconds": 10,
}


def answered(**changes: Any) -> dict[str, Any]:
    """Return the application of the seed's answers, the same in the list and by its id but for `changes`."""
    return {
        "id": 1,
        "appName": "nginx1",
        "status": 1,
        "deployType": "deployment",
        "projectName": "proj1",
        "repositoryId": "repo1",
        "replicas": 10,
        "port": [{"port": 8080, "hostPort": 9090}],
        "command": "",
        "volume": [
            {"path": "/host/usr/bin", "hostPath": "/usr/bin", "readOnly": True},
            {"path": "/host/usr/sbin", "hostPath": "/usr/sbin", "readOnly": True},
        ],
        "dependence": [{"name": "nginx", "service": "xxxx", "port": 9090}],
        "env": [{"name": "NGINX_PATH", "value": "/usr/share/nginx/"}],
        "minReplicas": 2,
        "maxReplicas": 20,
        "minCPU": 0.1,
        "maxCPU": 2,
        "isHPA": True,
        "targetCPUUtilization": 1,
        "targetMemUtilization": 150,
        "minMemory": 100,
        "maxMemory": 200,
        "maxUnavailable": 1,
        "maxSurge": 1,
        "minReadySeconds": 10,
        "createTime": 1551758321,
        "updateTime": 1551758321,
    } | changes


IMAGE_OF_PROJECT = "projectName is the Harbor project of the image, so the image lies in one"
ENV = [{"name": "A", "value": "b"}]
VOLUME = [{"path": "/data", "hostPath": "/usr/share", "readOnly": True}]
NO_BOUNDS = {"minReplicas": None, "maxReplicas": None}  # 1 does not lie between the example's

ROWS = (
    Row(
        CHAPTER, 1, "Create Application", "POST /v1/app", repo1,
        parameters=(
            Param("appName", "string", yes),
            Param("deployType", "string", yes, one_of=("deployment", "daemonset")),
            Param("image", "string", yes),
            Param("version", "string", yes),
            Param("repositoryId", "string", no, "", other="repo1", seen=latest("repositoryId")),
            Param("port", "array", yes),
            Param("command", "string", no, "", other="sleep 1", seen=latest("command")),
            Param("volume", "array", no, [], other=VOLUME, seen=latest("volume")),
            Param("env", "array", no, [], other=ENV, seen=latest("env")),
            Param("replicas", "uint32", no, 1, other=3, beside=NO_BOUNDS, seen=latest("replicas")),
            Param("minReplicas", "uint32", no, 10, other=3, seen=latest("minReplicas")),
            Param("maxReplicas", "uint32", no, 10, other=11, seen=latest("maxReplicas")),
            Param("minCPU", "uint32", yes),
            Param("maxCPU", "uint32", yes),
            Param("GPU", "uint32", no, 0, other=2, seen=latest("GPU")),
            Param("isHPA", "bool", yes),
            Param("targetCPUUtilization", "uint32", yes),
            Param("targetMemUtilization", "uint32", yes),
            Param("minMemory", "uint32", yes),
            Param("maxMemory", "uint32", yes),
            Param("maxUnavailable", "uint32", yes),
            Param("maxSurge", "uint32", yes),
            Param("minReadySeconds", "uint32", yes),
        ),
        example="POST /v1/app",
        body=NGINX1,
        answer=SUCCESS,
    ),
    Row(
        CHAPTER, 2, "Delete Application", "DELETE /v1/app", four_applications,
        parameters=(Param("appId", "[]int", yes),),
        example="DELETE /v1/app",
        body={"appId": [1, 2, 3, 4]},
        changes=(Change("appId", made("ids"), "an unknown id is an error"),),
    ),
    Row(
        CHAPTER, 3, "List Applications", "GET /v1/app", nginx1,
        parameters=(
            Param("pageSize", "int", no, 10, other=0),
            Param("page", "int", no, 1, other=2),
            Param("appName", "string", no, other="nginx1"),
            Param(
                "appNameMode", "string", no, "partial", other="strict", one_of=("strict", "partial", "prefix"),
                beside={"appName": "ginx1"},
            ),
            Param("version", "string", no, other="1.1"),
        ),
        crowd=twelve_applications,
        example="GET /v1/app",
        answer={
            "apps": [answered(image="nginx:latest", version="1.2.3.4", GPU=2)],
            "total": 1,
            "code": 200,
            "message": "Success",
        },
        answer_changes=(
            Change("apps.0.image", "registry.local/proj1/nginx:latest", IMAGE_OF_PROJECT),
            Change("apps.0.version", "1.2.1", FULL_VERSION),
        ),
    ),
    Row(
        CHAPTER, 4, "Get Application", "GET /v1/app/id/{appId}", nginx1_twice_before,
        parameters=(Param("appId", "int", no),),  # "no" in the seed; a path without it is another endpoint's
        example="GET /v1/app/id/1",
        answer={
            "data": answered(image="nginx", version="1.2.3", GPU=1),
            "code": 200,
            "message": "Success",
        },
        answer_changes=(Change("data.image", "registry.local/proj1/nginx", IMAGE_OF_PROJECT),),
    ),
    Row(
        CHAPTER, 5, "Upload Helm Chart to Create Application", "POST /v1/app/chart", helm,
        parameters=(
            Param("appName", "string", yes),
            Param("version", "string", yes),
            Param("chart", "file", yes),
        ),
        form=True,
        example="POST /v1/app/chart",
        body={"appName": "test", "version": "1.1", "chart": "@file"},
        changes=(Change("chart", lambda _: chart(), "the file must be a chart"),),
    ),
)  # fmt: skip
