"""POST, DELETE, GET /v1/repository/third and GET /v1/repository/third/[name]."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.models import ExternalRepository
from tests.registry.tenants import SUCCESS, THIRD

pytestmark = pytest.mark.django_db
SENT = {"repositoryId": "repo1", "address": "registry.example.com", "user": "user1", "password": "S3cret-word"}


def test_kept_listed_shown_and_deleted(api: Any, make_user: Any, make_business: Any) -> None:
    member = api(make_user(2, make_business()))
    assert member.post(THIRD, SENT).json() == SUCCESS
    assert member.post("/v1/repository", SENT | {"repositoryId": "repo2"}).json() == SUCCESS
    shown = {"address": "registry.example.com", "user": "user1"}
    ids = list(ExternalRepository.objects.order_by("pk").values_list("pk", flat=True))
    rows = [{"id": ids[0], "repositoryId": "repo1"} | shown, {"id": ids[1], "repositoryId": "repo2"} | shown]
    assert member.get(THIRD).json() == SUCCESS | {"data": rows, "total": 2}
    assert member.get(THIRD, order="desc", pageSize=1).json() == SUCCESS | {"data": rows[1:], "total": 2}
    assert member.get(f"{THIRD}/repo1").json() == SUCCESS | {"data": {"repositoryId": "repo1"} | shown}
    assert member.delete("/v1/repository", {"repositoryId": ["repo1", "repo1"]}).json() == SUCCESS
    assert member.delete(THIRD, {"repositoryId": ["repo1"]}).json()["code"] == 404
    answer = member.delete(THIRD, {"repositoryId": ["repo1", "repo2"]}).json()
    assert answer == {
        "code": 409,
        "message": "1 of 2 could not be deleted; repo1: There is no such object.",
        "data": {"deleted": ["repo2"], "failed": {"repo1": "There is no such object."}},
    }
    assert member.get(THIRD).json()["total"] == 0


def test_a_name_is_unique_in_its_business(api: Any, make_user: Any, make_business: Any) -> None:
    one, two = (api(make_user(2, make_business())) for _ in range(2))
    assert one.post(THIRD, SENT).json() == SUCCESS
    assert one.post(THIRD, SENT).json() == {"code": 409, "message": "There is a repository 'repo1' already."}
    assert two.post(THIRD, SENT).json() == SUCCESS
    assert one.delete(THIRD, {"repositoryId": ["repo1"]}).json() == SUCCESS
    assert two.get(f"{THIRD}/repo1").json()["code"] == 200
    assert one.post(THIRD, SENT).json() == SUCCESS  # the name is free again


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "localhost:5000", "https://index.docker.io/v1/", "[::1]:5000", "a.b-c.example/team", "xxzxsdsdsds"],
)
def test_addresses_that_are_taken(api: Any, make_user: Any, make_business: Any, address: str) -> None:
    member = api(make_user(2, make_business()))
    assert member.post(THIRD, SENT | {"address": address}).json() == SUCCESS
    assert member.get(f"{THIRD}/repo1").json()["data"]["address"] == address


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"repositoryId": ""}, "repositoryId"),
        ({"repositoryId": "a/b"}, "repositoryId"),
        ({"repositoryId": ".."}, "repositoryId"),
        ({"repositoryId": "x" * 256}, "repositoryId"),
        ({"address": "user:secret@registry.example.com"}, "address"),
        ({"address": "ftp://registry.example.com"}, "address"),
        ({"address": "registry example"}, "address"),
        ({"address": "registry.example.com\n"}, "address"),
        ({"address": "registry?x=1"}, "address"),
        ({"user": "a:b"}, "user"),
        ({"user": 1}, "user"),
        ({"password": ""}, "password"),
        ({"password": "x" * 10_001}, "password"),
    ],
)
def test_parameter_errors_are_422(api: Any, make_user: Any, make_business: Any, change: Any, field: str) -> None:
    member = api(make_user(2, make_business()))
    answer = member.post(THIRD, SENT | change)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
    assert "secret" not in answer.content.decode()
    assert ExternalRepository.objects.count() == 0


@pytest.mark.parametrize("name", ["répo 1", "a%2Fb", "李雷", "a?b", "a#b", "…", "x" * 255])
def test_a_name_of_any_letters_can_be_asked_for(api: Any, make_user: Any, make_business: Any, name: str) -> None:
    from urllib.parse import quote

    member = api(make_user(2, make_business()))
    assert member.post(THIRD, SENT | {"repositoryId": name}).json() == SUCCESS
    assert member.get(f"{THIRD}/{quote(name, safe='')}").json()["data"]["repositoryId"] == name
    assert member.delete(THIRD, {"repositoryId": [name]}).json() == SUCCESS


def test_the_password_lies_encrypted(api: Any, make_user: Any, make_business: Any) -> None:
    assert api(make_user(2, make_business())).post(THIRD, SENT).json() == SUCCESS
    with connection.cursor() as cursor:
        cursor.execute("SELECT password FROM registry_externalrepository")
        assert "S3cret" not in cursor.fetchone()[0]
    assert ExternalRepository.objects.get().password == "S3cret-word"


def test_a_list_costs_the_same_whatever_its_length(api: Any, make_user: Any, make_business: Any) -> None:
    business = make_business()
    member = api(make_user(2, business))
    counts = []
    for number in (1, 30):
        ExternalRepository.objects.bulk_create(
            ExternalRepository(
                business=business, repository_id=f"{number}-{index}", address="a", user="u", password="p"
            )
            for index in range(number)
        )
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert member.get(THIRD, pageSize=0).status_code == 200
        counts.append(len(queries))
        assert not any('registry_externalrepository"."password' in query["sql"] for query in queries)
    assert counts[0] == counts[1]
