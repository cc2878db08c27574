"""GET /v1/app and GET /v1/app/id/[id]."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.apps.bodies import SEED, body

pytestmark = pytest.mark.django_db


def names(api: Any, user: Any, **query: Any) -> list[str]:
    """'name version' of each row that a list shows."""
    return [f"{row['appName']} {row['version']}" for row in api(user).get("/v1/app", **query).json()["apps"]]


@pytest.fixture
def three(member: Any, create: Any) -> None:
    for name, line in [("web", "1.0"), ("web-front", "1.0"), ("my-web", "1.10")]:
        create(member, appName=name, version=line)


def test_shape(api: Any, member: Any, three: None) -> None:
    answer = api(member).get("/v1/app").json()
    assert set(answer) == {"apps", "total", "code", "message"}
    assert (answer["code"], answer["message"], answer["total"], len(answer["apps"])) == (200, "success", 3, 3)


def test_empty(api: Any, member: Any) -> None:
    assert api(member).get("/v1/app").json() == {"apps": [], "total": 0, "code": 200, "message": "success"}


@pytest.mark.parametrize("path", ["/v1/app", "/v1/app/"])
def test_with_and_without_a_slash(api: Any, member: Any, path: str) -> None:
    assert api(member).get(path).status_code == 200
    assert api(member).post(path, body()).json()["code"] == 200


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["web 1.0.1", "web-front 1.0.1", "my-web 1.10.1"]),
        ({"appName": "web"}, ["web 1.0.1", "web-front 1.0.1", "my-web 1.10.1"]),
        ({"appName": "WEB"}, ["web 1.0.1", "web-front 1.0.1", "my-web 1.10.1"]),
        ({"appName": "web", "appNameMode": "partial"}, ["web 1.0.1", "web-front 1.0.1", "my-web 1.10.1"]),
        ({"appName": "web", "appNameMode": "prefix"}, ["web 1.0.1", "web-front 1.0.1"]),
        ({"appName": "web", "appNameMode": "strict"}, ["web 1.0.1"]),
        ({"appNameMode": "strict"}, ["web 1.0.1", "web-front 1.0.1", "my-web 1.10.1"]),
        ({"appName": ""}, ["web 1.0.1", "web-front 1.0.1", "my-web 1.10.1"]),
        ({"appName": "_"}, []),
        ({"appName": "%"}, []),
        ({"version": "1.0"}, ["web 1.0.1", "web-front 1.0.1"]),
        ({"version": "1.0.1"}, ["web 1.0.1", "web-front 1.0.1"]),
        ({"version": "1.1"}, []),
        ({"version": "1.10"}, ["my-web 1.10.1"]),
        ({"version": "1.10.1", "appName": "front"}, []),
        ({"colour": "red"}, ["web 1.0.1", "web-front 1.0.1", "my-web 1.10.1"]),
    ],
)
def test_filters(api: Any, member: Any, three: None, query: dict[str, str], expected: list[str]) -> None:
    assert names(api, member, **query) == expected
    assert api(member).get("/v1/app", **query).json()["total"] == len(expected)


@pytest.mark.parametrize(
    "query", [{"appNameMode": "fuzzy"}, {"appName": "a\0b"}, {"version": "\0"}, {"page": "0"}, {"pageSize": "-1"}]
)
def test_wrong_parameters(api: Any, member: Any, query: dict[str, str]) -> None:
    answer = api(member).get("/v1/app", **query)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, list(query))


def test_paging(api: Any, member: Any, create: Any) -> None:
    for _ in range(12):
        create(member, appName="a")
    versions = [f"a 1.0.{minor}" for minor in range(1, 13)]
    assert names(api, member) == versions[:10]
    assert names(api, member, page=2) == versions[10:]
    assert names(api, member, page=2, pageSize=5) == versions[5:10]
    assert names(api, member, pageSize=0) == versions
    beyond = api(member).get("/v1/app", page=9).json()
    assert (beyond["apps"], beyond["total"]) == ([], 12)


def test_a_business_sees_its_own(api: Any, member: Any, system: Any, make_user: Any, other: Any, create: Any) -> None:
    stranger = make_user(3, other)
    ours, theirs = create(member, appName="ours"), create(stranger, appName="theirs")
    assert names(api, member) == ["ours 1.0.1"]
    assert names(api, stranger) == ["theirs 1.0.1"]
    assert names(api, system) == ["ours 1.0.1", "theirs 1.0.1"]
    assert api(member).get(f"/v1/app/id/{theirs['id']}").json()["code"] == 404
    assert api(system).get(f"/v1/app/id/{ours['id']}").json()["data"] == ours


def test_one(api: Any, member: Any, create: Any) -> None:
    shown = create(member, **SEED)
    answer = api(member).get(f"/v1/app/id/{shown['id']}")
    assert answer.json() == {"code": 200, "message": "success", "data": shown}


def test_a_version_without_the_fields_of_an_image(api: Any, member: Any, acme: Any) -> None:
    from apps.models import AppVersion

    chart = AppVersion.objects.create(
        business=acme, app_name="a", line="1.0", minor=1, version="1.0.1", deploy_type="chart", spec={}
    )
    shown = api(member).get(f"/v1/app/id/{chart.pk}").json()["data"]
    assert (shown["deployType"], shown["image"], shown["port"], shown["maxCPU"]) == ("chart", "", [], 0)
    assert set(shown) >= set(SEED)


@pytest.mark.parametrize("role", [None, 0, 1])
def test_who_may_not(api: Any, make_user: Any, role: int | None) -> None:
    client = api() if role is None else api(make_user(role))
    answers = [client.get("/v1/app"), client.get("/v1/app/id/1"), client.post("/v1/app", {}), client.delete("/v1/app")]
    assert {answer.status_code for answer in answers} == {401 if role is None else 403}


@pytest.mark.parametrize("number", ["0", "999999", "-1", "x", "1.5", "9" * 40, "%00", "१"])
def test_no_such_application(api: Any, member: Any, number: str) -> None:
    answer = api(member).get(f"/v1/app/id/{number}")
    assert (answer.status_code, answer.json()["code"]) == (404, 404)


def test_the_list_is_a_constant_number_of_queries(api: Any, member: Any, acme: Any) -> None:
    from apps.models import AppVersion

    def queries() -> int:
        client = api(member)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get("/v1/app", pageSize=0).json()["code"] == 200
        return len(captured)

    def fill(first: int, last: int) -> None:
        AppVersion.objects.bulk_create(
            AppVersion(
                business=acme,
                app_name="a",
                line="1.0",
                minor=n,
                version=f"1.0.{n}",
                deploy_type="deployment",
                image="nginx",
                spec=SEED,
            )
            for n in range(first, last)
        )

    fill(1, 11)
    few = queries()
    fill(11, 1001)
    assert queries() == few <= 6
