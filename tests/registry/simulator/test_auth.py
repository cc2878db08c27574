"""Who is calling: passwords and their price, cookies, robots, read-only mode."""

from __future__ import annotations

import time
from typing import Any

import pytest

from registry.simulator import HarborSimulator
from tests.registry.simulator.callers import PASSWORD, Caller, made, project_body, refused, user_body


def test_a_wrong_password_is_an_anonymous_call(harbor: HarborSimulator, user: Caller) -> None:
    made(user.post("/projects", project_body("acme")))
    wrong = Caller(harbor, "user", "wrong")
    assert [row["name"] for row in wrong.read("/projects")] == ["library"]
    assert refused(wrong.get("/users/current")) == (401, "UNAUTHORIZED")
    assert "harbor_version" not in wrong.read("/systeminfo")
    assert "harbor_version" in user.read("/systeminfo")


def test_a_failure_costs_time_and_locks_the_name(harbor: HarborSimulator, user: Caller, other: Caller) -> None:
    harbor.set(login_delay=0.3)
    began = time.monotonic()
    assert Caller(harbor, "user", "wrong").get("/users/current").status_code == 401
    assert time.monotonic() - began >= 0.3
    assert other.get("/users/current").status_code == 200
    began = time.monotonic()
    codes = []
    while not codes or codes[-1] == 401:
        codes.append(user.get("/users/current").status_code)
        assert time.monotonic() - began < 10
    assert codes[-1] == 200


def test_the_right_password_right_after_a_wrong_one(harbor: HarborSimulator, user: Caller) -> None:
    harbor.set(login_delay=60.0)
    harbor.server.authenticator.lock("user")  # as a wrong password does, without its minute
    assert user.get("/users/current").status_code == 401
    assert Caller(harbor, "user@example.com").get("/users/current").status_code == 200  # another login name


def test_an_address_is_a_login_name(harbor: HarborSimulator, user: Caller) -> None:
    assert Caller(harbor, "user@example.com").read("/users/current")["username"] == "user"


def test_a_client_with_cookies_fails_at_its_first_write_after_a_read(harbor: HarborSimulator, user: Caller) -> None:
    client = Caller(harbor, "user", cookies=True)
    first = client.get("/projects")
    assert "sid" in first.cookies
    assert refused(client.post("/projects", project_body("acme"))) == (403, "FORBIDDEN")
    token = client.get("/projects").headers["X-Harbor-CSRF-Token"]
    headers = {"X-Harbor-CSRF-Token": token}
    assert client.post("/projects", project_body("acme"), headers=headers).status_code == 201
    assert refused(client.delete("/projects/acme", headers={"X-Harbor-CSRF-Token": "x"})) == (403, "FORBIDDEN")
    client.session.cookies.clear(domain="127.0.0.1", path="/", name="_gorilla_csrf")
    assert refused(client.delete("/projects/acme", headers=headers)) == (403, "FORBIDDEN")
    client.session.cookies.clear()
    assert client.delete("/projects/acme").status_code == 200


def test_read_only(harbor: HarborSimulator, admin: Caller, user: Caller, nobody: Caller) -> None:
    made(user.post("/projects", project_body("acme")))
    harbor.set(read_only=True)
    assert admin.read("/systeminfo")["read_only"] is True
    assert user.read("/projects/acme")["name"] == "acme"
    for caller in (admin, user, nobody):
        assert refused(caller.post("/projects", project_body("other"))) == (403, "DENIED")
        assert refused(caller.delete("/projects/acme")) == (403, "DENIED")
    push = user.session.post(f"{harbor.url}/v2/acme/web/blobs/uploads/")
    assert refused(push) == (403, "DENIED")


def test_the_request_id_comes_back(nobody: Caller) -> None:
    assert nobody.get("/ping", headers={"X-Request-Id": "mine"}).headers["X-Request-Id"] == "mine"
    assert nobody.get("/ping").headers["X-Request-Id"]


def access(**grants: str) -> list[dict[str, str]]:
    return [{"resource": name, "action": one} for name, text in grants.items() for one in text.split()]


def robot(harbor: HarborSimulator, admin: Caller, level: str, *permissions: dict[str, Any], **more: Any) -> Caller:
    body = {"name": "ci", "level": level, "duration": -1, "permissions": list(permissions)} | more
    answer = admin.post("/robots", body)
    assert answer.status_code == 201, answer.text
    return Caller(harbor, answer.json()["name"], answer.json()["secret"])


def test_a_robot_with_few_permissions(harbor: HarborSimulator, admin: Caller, user: Caller) -> None:
    made(user.post("/projects", project_body("acme")))
    caller = robot(
        harbor, admin, "system",
        {"kind": "system", "namespace": "/", "access": access(user="create update", project="create")},
        {"kind": "project", "namespace": "*", "access": access(repository="list read", project="read")},
    )  # fmt: skip
    assert caller.name == "robot$ci"
    assert refused(caller.get("/users/current")) == (412, "PRECONDITION")
    number = made(caller.post("/users", user_body("alice")))
    assert caller.put(f"/users/{number}/password", {"new_password": "Other2026xy"}).status_code == 200
    assert refused(caller.delete(f"/users/{number}")) == refused(caller.get("/users")) == (403, "FORBIDDEN")
    made(caller.post("/projects", project_body("made")))
    assert caller.read("/projects/made")["owner_name"] == "admin"
    assert caller.read("/projects/acme/repositories") == []
    assert refused(caller.delete("/projects/made")) == (403, "FORBIDDEN")
    members = caller.post("/projects/made/members", {"role_id": 1, "member_user": {"user_id": number}})
    assert refused(members) == (403, "FORBIDDEN")


def test_what_robots_see(harbor: HarborSimulator, admin: Caller, user: Caller) -> None:
    for name in ("acme", "private"):
        made(user.post("/projects", project_body(name)))

    def seen(name: str, *permissions: dict[str, Any]) -> list[str]:
        caller = robot(harbor, admin, "system", *permissions, name=name)
        return [row["name"] for row in caller.read("/projects")]

    read = access(project="read")
    assert seen("one", {"kind": "project", "namespace": "acme", "access": read}) == ["acme", "library"]
    assert seen("all", {"kind": "project", "namespace": "*", "access": read}) == ["acme", "library", "private"]
    listing = {"kind": "system", "namespace": "/", "access": access(project="list")}
    assert seen("list", listing) == ["acme", "library", "private"]
    assert seen("none", listing | {"access": access(user="list")}) == ["library"]


@pytest.mark.parametrize(("level", "status"), [("project", 200), ("system", 401)])
def test_a_robot_of_a_project_pulls_what_it_pushes(
    harbor: HarborSimulator, admin: Caller, user: Caller, level: str, status: int
) -> None:
    made(user.post("/projects", project_body("acme")))
    harbor.push("acme/web", "v1")
    permission = {"kind": "project", "namespace": "acme", "access": access(repository="push")}
    caller = robot(harbor, admin, level, permission)
    assert caller.session.post(f"{harbor.url}/v2/acme/web/blobs/uploads/", timeout=10).status_code == 202
    assert caller.session.get(f"{harbor.url}/v2/acme/web/manifests/v1", timeout=10).status_code == status


def test_a_robot_of_one_project(harbor: HarborSimulator, admin: Caller, user: Caller) -> None:
    for name in ("acme", "private"):
        made(user.post("/projects", project_body(name)))
    caller = robot(
        harbor, admin, "project",
        {"kind": "project", "namespace": "acme", "access": access(repository="push", artifact="list")},
    )  # fmt: skip
    assert caller.name == "robot$acme+ci"
    assert caller.read("/projects/acme/repositories/web/artifacts") == []
    assert refused(caller.get("/projects/private/repositories/web/artifacts")) == (403, "FORBIDDEN")
    assert refused(caller.post("/projects", project_body("more"))) == (403, "FORBIDDEN")
    assert user.delete("/projects/acme").status_code == 200
    assert caller.get("/projects/private").status_code == 401  # it went with its project


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Upper"},
        {"duration": 0},
        {"level": "other"},
        {"permissions": []},
        {"permissions": [{"kind": "system", "namespace": "/", "access": []}]},
        {"permissions": [{"kind": "system", "namespace": "/", "access": access(user="fly")}]},
        {"permissions": [{"kind": "moon", "namespace": "/", "access": access(user="list")}]},
    ],
    ids=str,
)
def test_robots_that_cannot_be(admin: Caller, wrong: dict[str, Any]) -> None:
    good = {
        "name": "ci",
        "level": "system",
        "duration": -1,
        "permissions": [{"kind": "system", "namespace": "/", "access": access(user="list")}],
    }
    assert refused(admin.post("/robots", good | wrong)) == (400, "BAD_REQUEST")


def test_robots_come_and_go(harbor: HarborSimulator, admin: Caller, user: Caller) -> None:
    permission = {"kind": "system", "namespace": "/", "access": access(user="list")}
    caller = robot(harbor, admin, "system", permission)
    assert refused(user.get("/robots")) == (403, "FORBIDDEN")
    number = admin.read("/robots")[0]["id"]
    given = admin.call("PATCH", f"/robots/{number}", {"secret": PASSWORD})
    assert given.json() == {}
    assert caller.get("/users").status_code == 401
    assert Caller(harbor, "robot$ci", PASSWORD).get("/users").status_code == 200
    harbor.set(robot_prefix="machine-")
    assert Caller(harbor, "machine-ci", PASSWORD).get("/users").status_code == 200
    assert admin.delete(f"/robots/{number}").status_code == 200
    assert Caller(harbor, "machine-ci", PASSWORD).get("/users").status_code == 401
