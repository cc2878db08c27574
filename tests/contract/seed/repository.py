"""Repository Management 1 to 13, on a registry stand-in."""

from __future__ import annotations

from typing import Any

from tests.contract.seed.table import SUCCESS, Change, Param, Row, no, yes
from tests.contract.seed.world import World, made
from tests.registry.tenants import HARBOR_PASSWORD, IMAGE, PROJECT, THIRD, USER, configure

CHAPTER = "Repository Management"
DOMAIN = "registry.dcdn.baidu.com"
RULE = "8 to 128 bytes with an upper-case letter, a lower-case letter and a digit"
ONE_PROJECT = "the list is that of one project, which is required"


def harbor(world: World, *, account: bool = True) -> Any:
    """Configure the registry, with an account of acme in it; the caller is its administrator."""
    world.caller = world.admin
    configure(world.settings, world.harbor)
    world.settings.OTE_REGISTRY_DOMAIN = DOMAIN
    if account:
        world.ask(world.admin, "post", USER, {"user": "acme-robot", "password": HARBOR_PASSWORD})
    return world.harbor


def project(world: World, name: str, *, public: bool = False) -> int:
    sent = {"projectName": name, "public": public}
    assert world.api(world.admin).post(PROJECT, sent).status_code == 201
    listed = world.ask(world.admin, "get", PROJECT, projectName=name)["data"]
    return int(next(row["projectId"] for row in listed if row["projectName"] == name))


def configured(world: World) -> None:
    harbor(world, account=False)


def with_account(world: World) -> None:
    harbor(world)


def two_images(world: World) -> None:
    registry = harbor(world)
    project(world, "test")
    for name in ("test-demo2", "test-demo1"):
        registry.push(f"test/{name}", "v1")


def twelve_images(world: World) -> None:
    registry = harbor(world)
    project(world, "test")
    for number in range(12):
        registry.push(f"test/image-{number}", "v1", content_text="same")


def images_to_delete(world: World) -> None:
    registry = harbor(world)
    project(world, "test")
    for name in ("img1", "img2"):
        registry.push(f"test/{name}", "v1")


def two_tags(world: World) -> None:
    registry = harbor(world)
    project(world, "test")
    registry.push("test/demo1", "v1", "latest")


def tags_to_delete(world: World) -> None:
    registry = harbor(world)
    project(world, "test")
    registry.push("test/demo1", "v1", "v2")


def twelve_tags(world: World) -> None:
    registry = harbor(world)
    project(world, "test")
    registry.push("test/demo1", *(f"v{number}" for number in range(12)))


def calico(world: World) -> None:
    registry = harbor(world)
    world.ids["projectId"] = project(world, "calico", public=True)
    for number in range(3):
        registry.push(f"calico/node-{number}", "v1", content_text="same")


def twelve_projects(world: World) -> None:
    harbor(world)
    for number in range(12):
        project(world, f"project-{number}", public=number == 3)


def two_projects(world: World) -> None:
    harbor(world)
    world.ids["projects"] = [project(world, name) for name in ("one", "two")]


def nobody_yet(world: World) -> None:
    world.caller = world.member


def external(world: World, *names: str) -> None:
    nobody_yet(world)
    for name in names:
        sent = {"repositoryId": name, "address": "xxzxsdsdsds", "user": "ddddddd", "password": "p"}
        world.ask(world.member, "post", THIRD, sent)


def repo1_and_repo2(world: World) -> None:
    external(world, "repo1", "repo2")


def yq01_and_yq02(world: World) -> None:
    external(world, "yq01", "yq02")


def twelve_external(world: World) -> None:
    external(world, *(f"repo{number}" for number in range(12)))


def repo1(world: World) -> None:
    external(world, "repo1")
    world.ids["repoId"] = "repo1"


NAMED = Change("imageName", ["test/img1", "test/img2"], "imageName is project/repository")
OF_TEST = {"projectName": "test"}
OF_DEMO1 = {"imageName": "test/demo1"}
_IMAGE = {"projectName": "test", "public": False, "createTime": 1551758321, "updateTime": 1551758321}
_TAG = {"imageAddress": f"{DOMAIN}/test/test-demo1", "createTime": 1551758321, "updateTime": 1551758321}

ROWS = (
    Row(
        CHAPTER, 1, "Get Images", f"GET {IMAGE}", two_images,
        parameters=(
            Param("orderBy", "string", no, "id", one_of=("id",), beside=OF_TEST),
            Param("order", "string", no, "desc", other="asc", one_of=("asc", "desc"), beside=OF_TEST),
            Param("page", "int", no, 1, other=2, beside=OF_TEST),
            Param("pageSize", "int", no, 10, other=11, beside=OF_TEST),
            Param("projectName", "string", yes),
            Param("imageName", "string", no, "", other="IMAGE-11", beside=OF_TEST),
        ),
        crowd=twelve_images,
        example=f"GET {IMAGE}",
        changes=(Change("projectName", "test", "projectName is required for the image list"),),
        answer=SUCCESS | {
            "data": [
                _IMAGE | {"imageName": "test/test-demo1", "imageAddress": f"{DOMAIN}/test/test-demo1"},
                _IMAGE | {
                    "projectName": "test2", "imageName": "test2/test-demo2",
                    "imageAddress": f"{DOMAIN}/test2/test-demo2",
                },
            ],
            "total": 2,
        },
        answer_changes=(
            Change("data.1.projectName", "test", ONE_PROJECT),
            Change("data.1.imageName", "test/test-demo2", ONE_PROJECT),
            Change("data.1.imageAddress", f"{DOMAIN}/test/test-demo2", ONE_PROJECT),
        ),
        fields={
            "data.*": {
                "projectName": "string", "public": "bool", "imageName": "string", "imageAddress": "string",
                "createTime": "int", "updateTime": "int",
            },
            "": {"total": "int"},
        },
        refused=400,
    ),
    Row(
        CHAPTER, 2, "Get Tag of Image", f"GET {IMAGE}/tag", two_tags,
        parameters=(
            Param("page", "int", no, 1, other=2, beside=OF_DEMO1),
            Param("pageSize", "int", no, 10, other=11, beside=OF_DEMO1),
            Param("imageName", "string", yes),
        ),
        crowd=twelve_tags,
        example=f"GET {IMAGE}/tag?imageName=test/demo1",
        answer=SUCCESS | {"data": [{"tag": "latest"} | _TAG, {"tag": "v1"} | _TAG], "total": 2},
        answer_changes=(Change("data.*.imageAddress", f"{DOMAIN}/test/demo1", "the address is that of the image"),),
        fields={
            "data.*": {"tag": "string", "imageAddress": "string", "createTime": "int", "updateTime": "int"},
            "": {"total": "int"},
        },
        refused=400,
    ),
    Row(
        CHAPTER, 3, "Delete Image", f"DELETE {IMAGE}", images_to_delete,
        parameters=(Param("imageName", "[]string", yes),),
        example=f"DELETE {IMAGE}",
        body={"imageName": ["img1", "img2"]},
        changes=(NAMED,),
        refused=400,
    ),
    Row(
        CHAPTER, 4, "Delete Tag of Image", f"DELETE {IMAGE}/tag", tags_to_delete,
        parameters=(Param("tag", "[]string", yes), Param("imageName", "string", yes)),
        example=f"DELETE {IMAGE}/tag",
        body={"imageName": "test/demo1", "tag": ["v1", "v2"]},
        refused=400,
    ),
    Row(
        CHAPTER, 5, "Create User", f"POST {USER}", configured,
        parameters=(Param("user", "string", yes), Param("password", "string", yes)),
        example=f"POST {USER}",
        body={"user": "user1", "password": "xxxx"},
        changes=(Change("password", "Passw0rd", RULE),),
        refused=400,
    ),
    Row(
        CHAPTER, 6, "Update Password", f"PUT {USER}", with_account,
        parameters=(Param("password", "string", yes),),
        example=f"PUT {USER}",
        body={"password": "xxxx"},
        changes=(Change("password", "Passw0rd", RULE),),
        refused=400,
    ),
    Row(
        CHAPTER, 7, "Get Projects of Repository", f"GET {PROJECT}", calico,
        parameters=(
            Param("projectName", "string", no, "", other="PROJECT-11"),
            Param("public", "bool", no, other="true"),
            Param("page", "int", no, 1, other=2),
            Param("pageSize", "int", no, 10, other=11),
        ),
        crowd=twelve_projects,
        example=f"GET {PROJECT}",
        answer=SUCCESS | {
            "data": [
                {
                    "projectId": 13, "projectName": "calico", "createTime": 1551758321, "updateTime": 1551758321,
                    "imageCount": 3, "public": True,
                },
            ],
            "total": 2,
        },
        answer_changes=(
            Change("total", 1, "a list says its true total"),
            Change("data.0.projectId", made("projectId"), "ids are the registry's"),
        ),
        fields={
            # The table says string for the times; its example and the contract's rule for times say int.
            "data.*": {
                "projectId": "int", "projectName": "string", "createTime": "int", "updateTime": "int",
                "public": "bool", "imageCount": "int",
            },
            "": {"total": "int"},
        },
        refused=400,
    ),
    Row(
        CHAPTER, 8, "Create Project", f"POST {PROJECT}", with_account,
        parameters=(Param("projectName", "string", yes), Param("public", "bool", yes)),
        example=f"POST {PROJECT}",
        body={"projectName": "calico", "public": True},
        status=201,
        refused=400,
    ),
    Row(
        CHAPTER, 9, "Delete Project", f"DELETE {PROJECT}", two_projects,
        parameters=(Param("projectId", "[]int64", yes),),
        example=f"DELETE {PROJECT}",
        body={"projectId": [1, 2]},
        changes=(Change("projectId", made("projects"), "ids are the registry's"),),
        refused=400,
    ),
    Row(
        CHAPTER, 10, "Create External Repository", f"POST {THIRD}", nobody_yet,
        parameters=(
            Param("repositoryId", "string", yes),
            Param("address", "string", yes),
            Param("user", "string", yes),
            Param("password", "string", yes),
        ),
        example="POST /v1/repository",
        body={"repositoryId": "repo1", "address": "127.0.0.1", "user": "user1", "password": "password1"},
    ),
    Row(
        CHAPTER, 11, "Delete External Repository", f"DELETE {THIRD}", repo1_and_repo2,
        parameters=(Param("repositoryId", "[]string", yes),),
        example="DELETE /v1/repository",
        body={"repositoryId": ["repo1", "repo2"]},
    ),
    Row(
        CHAPTER, 12, "Get External Repository List", f"GET {THIRD}", yq01_and_yq02,
        parameters=(
            Param("pageSize", "int", no, 10, other=11),
            Param("page", "int", no, 1, other=2),
            Param("orderBy", "string", no, "id", one_of=("id",)),
            Param("order", "string", no, "asc", other="desc", one_of=("asc", "desc")),
        ),
        crowd=twelve_external,
        example=f"GET {THIRD}?pageSize=0",
        answer={
            "data": [
                {"id": 1, "repositoryId": "yq01", "address": "xxzxsdsdsds", "user": "ddddddd"},
                {"id": 2, "repositoryId": "yq02", "address": "xxzxsdsdsds", "user": "ddddddd"},
            ],
            "code": 200,
            "total": 2,
            "message": "Success",
        },
        fields={"data.*": {"repositoryId": "string", "address": "string", "user": "string"}},
    ),
    Row(
        CHAPTER, 13, "Get External Repository", f"GET {THIRD}/[repoId]", repo1,
        parameters=(Param("repoId", "string", yes),),
        example=f"GET {THIRD}/repo1",
        answer={
            "data": {"repositoryId": "yq01", "address": "xxzxsdsdsds", "user": "ddddddd"},
            "code": 200,
            "message": "Success",
        },
        answer_changes=(Change("data.repositoryId", "repo1", "it is the one that was asked for"),),
        fields={"data": {"repositoryId": "string", "address": "string", "user": "string"}},
    ),
)  # fmt: skip
