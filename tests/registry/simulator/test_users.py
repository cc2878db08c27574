"""Accounts: Harbor's rules, and what becomes of the deleted."""

from __future__ import annotations

import pytest

from registry.simulator import HarborSimulator
from tests.registry.simulator.callers import PASSWORD, Caller, made, project_body, refused, user_body

BAD = [
    {"username": ""},
    {"username": "a,b"},
    {"username": "50%"},
    {"username": "ü" * 128},  # bytes are counted
    {"realname": ""},
    {"realname": "#1"},
    {"email": ""},
    {"email": "nowhere"},
    {"comment": "c" * 31},
    {"password": "Short1x"},
    {"password": "nouppercase1"},
    {"password": "NOLOWERCASE1"},
    {"password": "NoDigitsAtAll"},
    {"password": "Aa1" * 43},
]


@pytest.mark.parametrize("wrong", BAD, ids=str)
def test_a_rule_that_is_broken(admin: Caller, wrong: dict[str, str]) -> None:
    assert refused(admin.post("/users", user_body("alice", **wrong))) == (400, "BAD_REQUEST")
    assert admin.read("/users") == []


@pytest.mark.parametrize("wrong", [{"username": "x" * 256}, {"email": 5}, {"email": "x" * 250 + "@x.org"}], ids=str)
def test_a_body_that_no_handler_sees(admin: Caller, wrong: dict[str, object]) -> None:
    assert refused(admin.post("/users", user_body("alice", **wrong))) == (422, "UNPROCESSABLE_ENTITY")


def test_bodies_that_are_none(admin: Caller) -> None:
    for data, media in [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b'{"username": "alice"}', "text/plain"),
        (b'{"username": "alice"}', ""),
    ]:
        answer = admin.session.post(f"{admin.base}/users", data=data, headers={"Content-Type": media})
        assert refused(answer) == (422, "UNPROCESSABLE_ENTITY")


def test_who_may_make_users(harbor: HarborSimulator, admin: Caller, user: Caller, nobody: Caller) -> None:
    body = user_body("alice")
    assert refused(nobody.post("/users", body)) == (401, "UNAUTHORIZED")
    assert refused(user.post("/users", body)) == (403, "FORBIDDEN")
    harbor.set(self_registration=True)
    assert refused(user.post("/users", body)) == refused(nobody.post("/users", body)) == (403, "FORBIDDEN")
    harbor.set(self_registration=False, auth_mode="ldap_auth")
    assert refused(admin.post("/users", body)) == (403, "FORBIDDEN")
    assert admin.read("/users?username=alice") == []


def test_names_and_addresses_are_unique_to_the_letter(admin: Caller) -> None:
    made(admin.post("/users", user_body("alice")))
    for body in (user_body("alice", email="other@example.com"), user_body("bob", email="alice@example.com")):
        assert refused(admin.post("/users", body)) == (409, "CONFLICT")
    made(admin.post("/users", user_body("Alice")))


def test_nobody_is_called_anonymous(admin: Caller) -> None:
    assert refused(admin.post("/users", user_body("anonymous"))) == (409, "CONFLICT")
    assert admin.read("/users?username=anonymous") == []


def test_the_list_hides_the_first_administrator(admin: Caller, user: Caller) -> None:
    assert [row["username"] for row in admin.read("/users")] == ["user"]
    assert [row["username"] for row in admin.read("/users?q=username=admin")] == ["admin"]
    assert admin.get("/users").headers["X-Total-Count"] == "1"
    (row,) = admin.read("/users")
    assert set(row) == {
        "user_id", "username", "email", "realname", "sysadmin_flag", "admin_role_in_auth", "creation_time",
        "update_time",
    }  # fmt: skip
    assert user.get("/users").status_code == 403


def test_the_search_has_one_page(admin: Caller, user: Caller, other: Caller) -> None:
    for name in ("abcd", "abc", "xabc"):
        made(admin.post("/users", user_body(name)))
    assert [row["username"] for row in user.read("/users/search?username=abc")] == ["abc", "abcd", "xabc"]
    second = user.get("/users/search?username=abc&page=2&page_size=2")
    assert [row["username"] for row in second.json()] == ["abc", "abcd"]
    assert second.headers["X-Total-Count"] == "3"
    assert user.get("/users/search").status_code == 422


def test_passwords(harbor: HarborSimulator, admin: Caller, user: Caller, other: Caller) -> None:
    number = user.read("/users/current")["user_id"]
    path, new = f"/users/{number}/password", "Other2026xy"
    body = {"new_password": new, "old_password": PASSWORD}
    assert refused(other.put(path, body)) == (403, "FORBIDDEN")
    assert refused(user.put(path, body | {"old_password": "wrong"})) == (403, "FORBIDDEN")
    assert refused(user.put(path, body | {"new_password": "weak"})) == (400, "BAD_REQUEST")
    assert refused(admin.put(path, {"new_password": PASSWORD})) == (400, "BAD_REQUEST")
    assert refused(admin.put("/users/77/password", {"new_password": new})) == (404, "NOT_FOUND")
    changed = user.put(path, body)
    assert (changed.status_code, changed.content) == (200, b"")
    assert user.get("/users/current").status_code == 401
    assert Caller(harbor, "user", new).get("/users/current").status_code == 200
    assert admin.put(path, {"new_password": PASSWORD}).status_code == 200
    harbor.set(auth_mode="oidc_auth")
    assert refused(admin.put(path, {"new_password": new})) == (403, "FORBIDDEN")


def test_a_deleted_user(harbor: HarborSimulator, admin: Caller, user: Caller, other: Caller) -> None:
    number = user.read("/users/current")["user_id"]
    made(user.post("/projects", project_body("acme")))
    assert refused(user.delete("/users/1")) == (403, "FORBIDDEN")
    assert refused(admin.delete("/users/1")) == (403, "FORBIDDEN")
    assert admin.delete(f"/users/{number}").status_code == 200
    assert refused(admin.delete(f"/users/{number}")) == (404, "NOT_FOUND")
    assert user.get("/users/current").status_code == 401
    again = made(admin.post("/users", user_body("user")))
    assert again > number
    left = admin.read("/projects/acme")
    assert left["owner_id"] == number
    assert "owner_name" not in left
    assert admin.read("/projects?owner=user") == []
    assert user.get("/projects/acme").status_code == 403
