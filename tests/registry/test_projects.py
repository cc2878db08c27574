"""GET, POST, DELETE /v1/repository/project."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.registry.tenants import PROJECT, SUCCESS, Tenant


def test_created_listed_and_deleted(acme: Tenant, registry: Any) -> None:
    answer = acme.member.post(PROJECT, {"projectName": "calico", "public": True})
    assert (answer.status_code, answer.json()) == (201, SUCCESS)
    registry.push("calico/app", "v1")
    (row,) = acme.member.get(PROJECT).json()["data"]
    assert abs(time.time() - row.pop("createTime")) < 60
    assert abs(time.time() - row.pop("updateTime")) < 60
    number = row.pop("projectId")
    assert row == {"projectName": "calico", "imageCount": 1, "public": True}
    refused = acme.admin.delete(PROJECT, {"projectId": [number]})
    sentence = "It still holds images; delete them first."
    assert (refused.status_code, refused.json()) == (
        409,
        {"code": 409, "message": sentence, "data": {"deleted": [], "failed": {str(number): sentence}}},
    )
    acme.member.delete("/v1/repository/image", {"imageName": ["calico/app"]})
    assert acme.admin.delete(PROJECT, {"projectId": [number, number]}).json() == SUCCESS
    assert acme.projects() == {}


def test_the_owner_in_the_registry_is_the_account(acme: Tenant, registry: Any) -> None:
    import requests

    acme.project("mine")
    found = requests.get(f"{registry.url}/api/v2.0/projects/mine", auth=registry.admin, timeout=5).json()
    assert found["owner_name"] == "acme-robot"


def test_filters(acme: Tenant) -> None:
    for name, public in (("red-one", True), ("red-two", False), ("blue", False)):
        acme.project(name, public=public)
    assert list(acme.projects()) == ["red-one", "red-two", "blue"]
    assert list(acme.projects(projectName="RED")) == ["red-one", "red-two"]
    assert list(acme.projects(public="true")) == ["red-one"]
    assert list(acme.projects(public="false")) == ["red-two", "blue"]
    assert list(acme.projects(public="false", projectName="-t")) == ["red-two"]
    for nothing in ("%", "_", "*", "red,one", "red one", "Ü", "red=~"):
        assert acme.projects(projectName=nothing) == {}


@pytest.mark.parametrize(("size", "calls"), [(10, 2), (100, 2), (0, 3), (150, 3)])
def test_pages_cost_a_bounded_number_of_calls(acme: Tenant, registry: Any, size: int, calls: int) -> None:
    import requests

    # 120, of which ours: by the owner itself, as our own client would
    for number in range(120):
        sent = {"project_name": f"p{number:03}", "metadata": {"public": "false"}}
        requests.post(
            f"{registry.url}/api/v2.0/projects", json=sent, auth=("acme-robot", "Harbor0Passw0rd"), timeout=5
        ).raise_for_status()
    registry.reset_calls()
    answer = acme.member.get(PROJECT, pageSize=size).json()
    assert len(registry.calls) == calls
    assert answer["total"] == 120
    names = [row["projectName"] for row in answer["data"]]
    assert names == [f"p{number:03}" for number in range(min(size or 120, 120))]
    answer = acme.member.get(PROJECT, pageSize=50, page=3).json()
    assert [row["projectName"] for row in answer["data"]] == [f"p{number:03}" for number in range(100, 120)]
    answer = acme.member.get(PROJECT, pageSize=70, page=2**31 - 1).json()
    assert (answer["data"], answer["total"]) == ([], 120)
