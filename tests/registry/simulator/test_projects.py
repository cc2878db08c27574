"""Projects: names, owners, who sees which, members."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from registry.simulator import HarborSimulator
from tests.registry.simulator.callers import Caller, made, project_body, refused, user_body


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["name"] for row in rows]


@pytest.fixture
def acme(user: Caller) -> int:
    return made(user.post("/projects", project_body("acme")))


def test_names(admin: Caller) -> None:
    for name in ["a", "a1", "a.b", "a-b_c.d", "1", "x" * 255]:
        assert admin.post("/projects", project_body(name)).status_code == 201, name
    for name in ["", "A", "a..b", "a--b", "a__b", "-a", "a-", "a b", "a/b", "ä"]:
        assert refused(admin.post("/projects", project_body(name))) == (400, "BAD_REQUEST"), name
    assert refused(admin.post("/projects", project_body("x" * 256))) == (422, "UNPROCESSABLE_ENTITY")
    assert refused(admin.post("/projects", {"project_name": "b", "metadata": {"public": "yes"}})) == (
        400,
        "BAD_REQUEST",
    )
    assert refused(admin.post("/projects", {"project_name": "b", "metadata": {"public": True}}))[0] == 422


def test_a_number_is_an_id_unless_it_is_said_to_be_a_name(admin: Caller) -> None:
    made(admin.post("/projects", project_body("1")))
    assert admin.read("/projects/1")["name"] == "library"
    assert admin.read("/projects/1", headers={"X-Is-Resource-Name": "true"})["name"] == "1"
    assert admin.delete("/projects/1", headers={"X-Is-Resource-Name": "true"}).status_code == 200
    assert admin.read("/projects/1")["name"] == "library"


def test_what_a_project_shows(user: Caller, acme: int) -> None:
    row = user.read("/projects/acme")
    assert user.read(f"/projects/{acme}") == row == user.read("/projects?name=acm")[0]
    assert (row["name"], row["owner_name"], row["metadata"], row["repo_count"]) == (
        "acme",
        "user",
        {"public": "false"},
        0,
    )
    assert row["current_user_role_ids"] == [1]
    plain = user.read("/projects?name=acme&with_detail=false")[0]
    assert not {"metadata", "owner_name"} & set(plain)
    assert plain["owner_id"] == row["owner_id"]


def test_the_owner_is_the_caller(harbor: HarborSimulator, admin: Caller, user: Caller, acme: int) -> None:
    assert names(admin.read("/projects?owner=user")) == ["acme"]
    on_behalf = made(admin.post("/projects", project_body("theirs")))
    assert admin.post(f"/projects/{on_behalf}/members", {"role_id": 1, "member_user": {"username": "user"}}).ok
    assert names(admin.read("/projects?owner=user")) == ["acme"]
    assert names(user.read("/projects?public=false")) == ["acme", "theirs"]


def test_who_sees_which(admin: Caller, user: Caller, other: Caller, nobody: Caller, acme: int) -> None:
    made(user.post("/projects", project_body("open", public=True)))
    lists = [names(caller.read("/projects")) for caller in (admin, user, other, nobody)]
    assert lists == [["acme", "library", "open"], ["acme", "library", "open"], ["library", "open"], ["library", "open"]]
    private = [names(caller.read("/projects?public=false")) for caller in (admin, user, other, nobody)]
    assert private == [["acme"], ["acme"], [], []]
    assert names(user.read("/projects?public=true")) == ["library", "open"]
    assert names(other.read("/projects?owner=user")) == ["open"]


def test_what_is_not_yours_is_as_what_is_not_there(
    admin: Caller, user: Caller, other: Caller, nobody: Caller, acme: int
) -> None:
    paths = ["/projects/{}", "/projects/{}/repositories", "/projects/{}/members", "/projects/{}/repositories/x"]
    for path in paths:
        for project in ("acme", "nowhere"):
            assert refused(other.get(path.format(project))) == (403, "FORBIDDEN")
            assert refused(nobody.get(path.format(project))) == (401, "UNAUTHORIZED")
        assert refused(admin.get(path.format("nowhere"))) == (404, "NOT_FOUND")
    for project in ("acme", "nowhere"):
        assert refused(other.delete(f"/projects/{project}")) == (403, "FORBIDDEN")
        assert refused(nobody.delete(f"/projects/{project}")) == (401, "UNAUTHORIZED")
    assert refused(admin.delete("/projects/nowhere")) == (404, "NOT_FOUND")


def test_head_tells_everybody(admin: Caller, other: Caller, nobody: Caller, acme: int) -> None:
    assert other.call("HEAD", "/projects?project_name=acme").status_code == 200
    assert other.call("HEAD", "/projects?project_name=nowhere").status_code == 404
    assert other.call("HEAD", "/projects").status_code == 422
    assert nobody.call("HEAD", "/projects?project_name=acme").status_code == 401


def test_who_may_make_one(harbor: HarborSimulator, admin: Caller, user: Caller, nobody: Caller) -> None:
    assert refused(nobody.post("/projects", project_body("acme"))) == (401, "UNAUTHORIZED")
    harbor.set(project_creation_restriction="adminonly")
    assert refused(user.post("/projects", project_body("acme"))) == (403, "FORBIDDEN")
    made(admin.post("/projects", project_body("acme")))
    assert refused(admin.post("/projects", project_body("acme"))) == (409, "CONFLICT")


def test_one_of_many_at_once(user: Caller) -> None:
    def create(_: int) -> int:
        with requests.Session() as session:
            session.trust_env, session.auth = False, user.session.auth
            return session.post(f"{user.base}/projects", json=project_body("acme"), timeout=10).status_code

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(create, range(8))) == [201] + [409] * 7


def test_deleting(harbor: HarborSimulator, user: Caller, admin: Caller, acme: int) -> None:
    harbor.push("acme/web", "v1")
    assert refused(user.delete("/projects/acme")) == (412, "PRECONDITION")
    assert user.delete("/projects/acme/repositories/web/artifacts/v1").status_code == 200
    assert user.read("/projects/acme/repositories")[0]["artifact_count"] == 0
    assert refused(user.delete("/projects/acme")) == (412, "PRECONDITION")  # its empty repository is still there
    assert user.delete("/projects/acme/repositories/web").status_code == 200
    gone = user.delete("/projects/acme")
    assert (gone.status_code, gone.content) == (200, b"")
    assert refused(admin.get(f"/projects/{acme}")) == (404, "NOT_FOUND")
    assert made(user.post("/projects", project_body("acme"))) > acme


def test_proxies_of_other_registries(harbor: HarborSimulator, admin: Caller, user: Caller) -> None:
    body = project_body("hub") | {"registry_id": 1}
    assert refused(user.post("/projects", body)) == (403, "FORBIDDEN")
    made(admin.post("/projects", body))
    assert admin.read("/projects/hub")["registry_id"] == 1
    harbor.push("hub/web", "v1")
    refusal = admin.post("/projects/hub/repositories/web/artifacts/v1/tags", {"name": "v2"})
    assert refused(refusal) == (405, "METHOD_NOT_ALLOWED")


def test_members(admin: Caller, user: Caller, other: Caller, acme: int) -> None:
    path, number = "/projects/acme/members", other.read("/users/current")["user_id"]
    for body, code in [
        ({"role_id": 9, "member_user": {"user_id": number}}, 400),
        ({"role_id": 2, "member_user": {"user_id": 77}}, 400),
        ({"role_id": 2, "member_user": {"username": "nobody"}}, 404),
        ({"role_id": 2}, 400),
        ({"role_id": "2", "member_user": {"user_id": number}}, 422),
    ]:
        assert user.post(path, body).status_code == code, body
    created = user.post(path, {"role_id": 2, "member_user": {"user_id": number}})
    member = made(created)
    assert created.headers["Location"] == f"/api/v2.0{path}/{member}"
    assert refused(user.post(path, {"role_id": 2, "member_user": {"username": "other"}})) == (409, "CONFLICT")
    assert [(row["entity_name"], row["role_id"]) for row in user.read(path)] == [("other", 2), ("user", 1)]
    assert other.read("/projects/acme")["current_user_role_ids"] == [2]
    assert refused(other.post(path, {"role_id": 1, "member_user": {"username": "admin"}})) == (403, "FORBIDDEN")
    assert user.delete(f"{path}/{member}").status_code == 200
    assert other.get("/projects/acme").status_code == 403


@pytest.mark.parametrize(
    ("role", "codes"),
    [
        (1, [200, 200, 200, 200, 412, 201]),
        (4, [200, 200, 200, 200, 403, 403]),
        (2, [200, 200, 403, 403, 403, 403]),
        (3, [200, 200, 403, 403, 403, 403]),
        (5, [200, 403, 403, 403, 403, 403]),
        (0, [403, 403, 403, 403, 403, 403]),
    ],
)
def test_what_each_role_may(
    harbor: HarborSimulator, admin: Caller, user: Caller, other: Caller, acme: int, role: int, codes: list[int]
) -> None:
    if role:
        made(user.post("/projects/acme/members", {"role_id": role, "member_user": {"username": "other"}}))
    made(admin.post("/users", user_body("third")))
    harbor.push("acme/web", "v1", "v2")
    harbor.push("acme/db", "v1")
    base = "/projects/acme"
    assert [
        other.get(f"{base}/repositories/web/artifacts").status_code,
        other.get(f"{base}/members").status_code,
        other.delete(f"{base}/repositories/web/artifacts/v1/tags/v1").status_code,
        other.delete(f"{base}/repositories/web").status_code,
        other.delete(base).status_code,
        other.post(f"{base}/members", {"role_id": 3, "member_user": {"username": "third"}}).status_code,
    ] == codes
