"""Three businesses that try to reach each other's things, over every endpoint, and cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from registry.models import ExternalRepository
from tests.registry.tenants import HARBOR_PASSWORD, IMAGE, PROJECT, SUCCESS, TAG, THIRD, USER, Tenant, held


@pytest.fixture
def three(acme: Tenant, other: Tenant, third: Tenant, registry: Any) -> list[Tenant]:
    """Each with a private and a public project, two images in each, and an external repository named like the rest."""
    tenants = [acme, other, third]
    for tenant in tenants:
        for kind in ("private", "public"):
            tenant.project(f"{tenant.name}-{kind}", public=kind == "public")
            registry.push(f"{tenant.name}-{kind}/web", "v1", "v2")
            registry.push(f"{tenant.name}-{kind}/team/api", "v1")
        sent = {"repositoryId": "hub", "address": f"{tenant.name}.example.com", "user": "u", "password": "p"}
        assert tenant.member.post(THIRD, sent).json() == SUCCESS
        own = sent | {"repositoryId": f"{tenant.name}-own"}
        assert tenant.member.post(THIRD, own).json() == SUCCESS
    return tenants


def test_each_sees_its_own(three: list[Tenant]) -> None:
    for tenant in three:
        own = [f"{tenant.name}-private", f"{tenant.name}-public"]
        assert list(tenant.projects()) == own
        assert list(tenant.projects(projectName="public")) == own[1:]
        assert list(tenant.projects(public="true")) == own[1:]
        for project in own:
            assert tenant.images(project) == [f"{project}/team/api", f"{project}/web"]
            assert set(tenant.tags(f"{project}/web")) == {"v1", "v2"}
        listed = tenant.member.get(THIRD).json()
        assert [row["repositoryId"] for row in listed["data"]] == ["hub", f"{tenant.name}-own"]
        assert tenant.member.get(f"{THIRD}/hub").json()["data"]["address"] == f"{tenant.name}.example.com"


def test_nobody_reaches_anothers(three: list[Tenant], registry: Any) -> None:
    before = held(registry)
    rows = list(ExternalRepository.objects.order_by("pk").values_list())
    for tenant in three:
        for victim in three:
            if victim is not tenant:
                _attack(tenant, victim)
    assert held(registry) == before
    assert list(ExternalRepository.objects.order_by("pk").values_list()) == rows


def _attack(tenant: Tenant, victim: Tenant) -> None:
    ids = [row["projectId"] for row in victim.projects().values()]
    assert victim.name not in str(tenant.member.get(PROJECT, projectName=victim.name, pageSize=0).json())
    for kind in ("private", "public"):
        project = f"{victim.name}-{kind}"
        image, spelled = f"{project}/web", f"{tenant.name}-private/../{project}/web"
        for name in (image, spelled, f"{project}/team%2Fapi", f"{project}%2Fweb/x"):
            calls: list[Callable[[], Any]] = [
                lambda name=name: tenant.member.get(TAG, imageName=name),
                lambda name=name: tenant.member.delete(IMAGE, {"imageName": [name]}),
                lambda name=name: tenant.member.delete(TAG, {"imageName": name, "tag": ["v1"]}),
            ]
            for call in calls:
                answer = call()
                assert answer.status_code == answer.json()["code"] == 404, (name, answer.json())
        for query in ({}, {"imageName": "web"}, {"imageName": "%"}, {"pageSize": 0}, {"page": 9}):
            answer = tenant.member.get(IMAGE, projectName=project, **query)
            assert answer.json() == {"code": 404, "message": "There is no such object."}
        assert tenant.member.post(PROJECT, {"projectName": project, "public": False}).json()["code"] == 409
    refused = tenant.admin.delete(PROJECT, {"projectId": ids}).json()
    assert (refused["code"], refused["data"]["deleted"]) == (404, [])
    name = f"{victim.name}-own"
    assert tenant.member.get(f"{THIRD}/{name}").json()["code"] == 404
    assert tenant.member.delete(THIRD, {"repositoryId": [name]}).json()["code"] == 404


def test_a_mixed_batch_takes_only_ones_own(three: list[Tenant], registry: Any) -> None:
    acme, other, _ = three
    sent = {"imageName": ["acme-private/web", "other-public/web", "other-private/web"]}
    answer = acme.member.delete(IMAGE, sent).json()
    assert (answer["code"], answer["data"]["deleted"]) == (409, ["acme-private/web"])
    acme.member.delete(IMAGE, {"imageName": ["acme-private/team/api"]})
    mine, theirs = acme.projects()["acme-private"]["projectId"], other.projects()["other-private"]["projectId"]
    answer = acme.admin.delete(PROJECT, {"projectId": [theirs, mine]}).json()
    assert (answer["code"], answer["data"]["deleted"], list(answer["data"]["failed"])) == (409, [mine], [str(theirs)])
    assert list(other.projects()) == ["other-private", "other-public"]
    answer = acme.member.delete(THIRD, {"repositoryId": ["hub", "other-own"]}).json()
    assert (answer["code"], answer["data"]["deleted"], list(answer["data"]["failed"])) == (409, ["hub"], ["other-own"])
    assert other.member.get(f"{THIRD}/hub").json()["code"] == 200


def test_a_project_that_one_is_only_a_member_of_is_not_ones_own(three: list[Tenant], registry: Any) -> None:
    acme = three[0]
    url = f"{registry.url}/api/v2.0/projects/other-private/members"
    body = {"role_id": 1, "member_user": {"username": "acme-robot"}}
    added = requests.post(url, json=body, auth=("other-robot", HARBOR_PASSWORD), timeout=5)
    assert added.status_code == 201
    assert acme.member.get(IMAGE, projectName="other-private").json()["code"] == 404
    assert acme.member.delete(IMAGE, {"imageName": ["other-private/web"]}).json()["code"] == 404
    assert list(acme.projects()) == ["acme-private", "acme-public"]


def test_without_an_account_everything_is_anothers(three: list[Tenant], tenant: Any, registry: Any) -> None:
    poor = tenant("poor", account=False)
    before = held(registry)
    assert poor.member.get(PROJECT).json() == SUCCESS | {"data": [], "total": 0}
    for name in ("acme-public", "library"):
        assert poor.member.get(IMAGE, projectName=name).json()["code"] == 404
    assert poor.member.get(TAG, imageName="acme-public/web").json()["code"] == 404
    number = three[0].projects()["acme-public"]["projectId"]
    for answer in (
        poor.member.post(PROJECT, {"projectName": "new", "public": False}),
        poor.admin.delete(PROJECT, {"projectId": [number]}),
        poor.member.delete(IMAGE, {"imageName": ["acme-public/web"]}),
        poor.member.delete(TAG, {"imageName": "acme-public/web", "tag": ["v1"]}),
        poor.admin.put(USER, {"password": HARBOR_PASSWORD}),
    ):
        assert answer.json() == {"code": 409, "message": "The business has no registry account; create it first."}
    assert held(registry) == before


def test_a_system_administrator_reaches_all_by_name(three: list[Tenant], api: Any, system: Any, registry: Any) -> None:
    root = api(system)
    listed = root.get(PROJECT, pageSize=0).json()
    assert listed["total"] == 7
    assert {"library", "acme-private", "third-public"} <= {row["projectName"] for row in listed["data"]}
    assert root.get(IMAGE, projectName="acme-private").json()["total"] == 2
    assert root.get(TAG, imageName="other-private/web").json()["total"] == 2
    assert root.delete(TAG, {"imageName": "other-private/web", "tag": ["v2"]}).json() == SUCCESS
    registry.push("library/tool", "v1")
    names = ["acme-private/web", "acme-private/team/api", "library/tool"]
    assert root.delete(IMAGE, {"imageName": names}).json() == SUCCESS
    number = next(row["projectId"] for row in listed["data"] if row["projectName"] == "acme-private")
    assert root.delete(PROJECT, {"projectId": [number]}).json() == SUCCESS
    assert list(three[0].projects()) == ["acme-public"]
    assert root.get(THIRD).json()["total"] == 6
    assert root.get(f"{THIRD}/acme-own").json()["code"] == 404  # by name it acts in its own business
    # So does what it creates.
    refused = root.post(PROJECT, {"projectName": "ours", "public": False})
    assert refused.status_code == 409
    assert root.post(USER, {"user": "system-robot", "password": HARBOR_PASSWORD}).json() == SUCCESS
    assert root.post(PROJECT, {"projectName": "ours", "public": False}).status_code == 201
    assert "ours" not in three[0].projects()
