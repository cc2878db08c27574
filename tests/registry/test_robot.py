"""Our account as a robot with the least that works (docs/registry.md), and what each permission is for."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.registry.tenants import HARBOR_PASSWORD, IMAGE, PROJECT, SUCCESS, TAG, USER, Tenant

SYSTEM = ["user:create", "user:list", "user:update", "user:delete"]
PROJECTS = ["project:read", "repository:list", "repository:read", "artifact:list"]
DELETES = ["project:delete", "repository:delete", "tag:delete"]
NOT_OURS = "The image registry does not accept this installation's account; its operator has to look at it."


def access(words: list[str]) -> list[dict[str, str]]:
    return [dict(zip(("resource", "action"), word.split(":"), strict=True)) for word in words]


@pytest.fixture
def as_robot(registry: Any, settings: Any) -> Any:
    """as_robot(without="user:list", more=[…]): log our account in as a robot with these permissions."""

    def make(*, without: str = "", more: tuple[str, ...] = ()) -> None:
        permissions = [
            {"kind": "system", "namespace": "/", "access": access([word for word in SYSTEM if word != without])},
            {
                "kind": "project",
                "namespace": "*",
                "access": access([word for word in [*PROJECTS, *more] if word != without]),
            },
        ]
        body = {"name": "otestack", "level": "system", "duration": -1, "permissions": permissions}
        made = requests.post(f"{registry.url}/api/v2.0/robots", json=body, auth=registry.admin, timeout=5)
        assert made.status_code == 201, made.text
        settings.OTE_REGISTRY_USER, settings.OTE_REGISTRY_PASSWORD = made.json()["name"], made.json()["secret"]

    return make


def test_the_least_that_works(as_robot: Any, tenant: Any, registry: Any) -> None:
    as_robot()
    acme: Tenant = tenant("acme", account=False)
    registry.fail_next(method="POST", path="/users", lost=True)
    account = {"user": "acme-robot", "password": HARBOR_PASSWORD}
    assert acme.admin.post(USER, account).json()["code"] == 503
    assert acme.admin.post(USER, account | {"user": "acme-again"}).json() == SUCCESS
    other = tenant("other")
    number = acme.project("shop")
    registry.push("shop/web", "v1", "v2")
    other.project("closed")
    registry.push("closed/web", "v1")
    assert list(acme.projects()) == ["shop"]
    assert acme.images("shop") == ["shop/web"]
    assert set(acme.tags("shop/web")) == {"v1", "v2"}
    assert acme.member.get(TAG, imageName="shop/none").json()["code"] == 404
    # A robot is told 403 of what does not exist.
    for name in ("closed", "nowhere", "library"):
        assert acme.member.get(IMAGE, projectName=name).json()["code"] == 404
        assert acme.member.delete(IMAGE, {"imageName": [f"{name}/web"]}).json()["code"] == 404
    assert acme.member.delete(TAG, {"imageName": "shop/web", "tag": ["v2"]}).json() == SUCCESS
    assert acme.member.delete(IMAGE, {"imageName": ["shop/web"]}).json() == SUCCESS
    assert acme.admin.delete(PROJECT, {"projectId": [number]}).json() == SUCCESS
    assert acme.admin.put(USER, {"password": "Another0Passw0rd"}).json() == SUCCESS
    acme.project("again")


def test_a_system_administrator_with_it(as_robot: Any, acme: Tenant, api: Any, system: Any, registry: Any) -> None:
    acme.project("shop")
    for name in ("shop/web", "library/tool"):
        registry.push(name, "v1")
    as_robot()
    root = api(system)
    assert [row["projectName"] for row in root.get(PROJECT).json()["data"]] == ["library", "shop"]
    assert root.get(IMAGE, projectName="nowhere").json()["code"] == 404
    # What belongs to a business is deleted by the business's account; the rest needs permissions of its own.
    answer = root.delete(IMAGE, {"imageName": ["shop/web", "library/tool"]}).json()
    assert (answer["code"], answer["data"]) == (
        409,
        {
            "deleted": ["shop/web"],
            "failed": {"library/tool": "The registry does not allow this account to delete it."},
        },
    )
    requests.delete(f"{registry.url}/api/v2.0/robots/1", auth=registry.admin, timeout=5)
    as_robot(more=tuple(DELETES))
    assert root.delete(IMAGE, {"imageName": ["library/tool"]}).json() == SUCCESS


@pytest.mark.parametrize("word", [*SYSTEM, *PROJECTS])
def test_each_of_them_is_needed(as_robot: Any, tenant: Any, registry: Any, word: str) -> None:
    """Without it something answers 503 and says who has to look."""
    as_robot(without=word)
    acme: Tenant = tenant("acme", account=False)
    registry.fail_next(method="POST", path="/users", lost=True)
    acme.admin.post(USER, {"user": "first", "password": HARBOR_PASSWORD})
    said = [
        acme.admin.post(USER, {"user": "acme-robot", "password": HARBOR_PASSWORD}),
        acme.member.post(PROJECT, {"projectName": "shop", "public": False}),
        acme.member.get(PROJECT),
        acme.admin.put(USER, {"password": "Another0Passw0rd"}),
    ]
    if said[0].status_code == 200:
        registry.push("shop/web", "v1")
        registry.push("shop/bare")
        said += [
            acme.member.get(IMAGE, projectName="shop"),
            acme.member.get(TAG, imageName="shop/web"),
            acme.member.get(TAG, imageName="shop/bare"),
        ]
    assert NOT_OURS in [answer.json()["message"] for answer in said]
