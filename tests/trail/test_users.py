"""Who did what to users, from where: through the API, the back-office and commands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import User
from clusters.engine.clock import db_now
from otestack.caller import operator
from otestack.models import TrailEntry
from tests.admin.conftest import Office
from tests.conftest import PASSWORD

NEW = {"user": "zoe", "password": "Secr3tWord", "phone": "12345678", "realName": "Zoe", "isAdmin": True}


def summary(entry: TrailEntry) -> tuple[Any, ...]:
    return entry.actor_name, entry.verb, entry.object_name, entry.before, entry.after


def test_an_approval_says_everything(api: Any, make_user: Any, system: Any, written: Any) -> None:
    user = make_user(0)
    before = db_now()
    with written() as entries:
        answer = api(system)("put", f"/v1/admin/user/{user.pk}", {"status": 1})
    assert answer.status_code == 200
    (entry,) = entries
    assert (entry.actor_id, entry.actor_name, entry.channel) == (system.pk, "root", "api")
    assert (entry.kind, entry.object_id, entry.object_name) == ("user", str(user.pk), user.username)
    assert (entry.verb, entry.before, entry.after) == ("approve", {"status": 0}, {"status": 1})
    assert entry.address == "127.0.0.1"
    assert entry.request_id == answer.headers["X-Request-ID"]
    assert before - timedelta(seconds=1) <= entry.at <= db_now()


def test_every_change_by_the_api(api: Any, admin: Any, member: Any, system: Any, acme: Any, written: Any) -> None:
    path = f"/v1/admin/user/{member.pk}"
    with written() as entries:
        api().post("/v1/user", NEW)
        api(admin).post("/v1/admin/user", NEW | {"user": "sub", "isAdmin": False})
        api(admin).put(f"{path}/password", {"password": "Other1Word"})
        member.refresh_from_db()
        change = {"oldPassword": "Other1Word", "password": PASSWORD}
        assert api(member).put("/v1/user", change).status_code == 200
        member.refresh_from_db()
        api(member).delete("/v1/authorization")
        api(system).put(path, {"status": 3})
        api(system).put(path, {"status": 2})
        api(system).put(path, {"status": 0})
        assert api(system).delete(path).status_code == 200
    sub = User.objects.get(username="sub")
    new = {"username": "zoe", "status": 0, "is_admin": True, "is_superuser": False, "business_id": None}
    made = {"username": "sub", "status": 1, "is_admin": False, "is_superuser": False, "business_id": acme.pk}
    was = {"username": "member", "status": 0, "is_admin": False, "is_superuser": False, "business_id": acme.pk}
    assert [summary(entry) for entry in entries] == [
        ("", "register", "zoe", None, new),
        ("admin", "create", "sub", None, made),
        ("admin", "reset password", "member", None, {"tokens": "ended"}),
        ("member", "change password", "member", None, {"tokens": "ended"}),
        ("member", "log out", "member", None, None),
        ("root", "forbid", "member", {"status": 1}, {"status": 3}),
        ("root", "refuse", "member", {"status": 3}, {"status": 2}),
        ("root", "let wait again", "member", {"status": 2}, {"status": 0}),
        ("root", "delete", "member", was, None),
    ]
    assert {entry.business_id for entry in entries if entry.object_id in {str(sub.pk), str(member.pk)}} == {acme.pk}


def test_no_secret_and_nothing_personal(api: Any, admin: Any, written: Any) -> None:
    with written() as entries:
        api().post("/v1/user", NEW)
    hashed = User.objects.get(username="zoe").password
    text = str([vars(entry) for entry in entries])
    for word in (NEW["password"], hashed, NEW["phone"], NEW["realName"]):
        assert str(word) not in text


def test_what_is_refused_is_not_written(api: Any, admin: Any, member: Any, system: Any, written: Any) -> None:
    with written() as entries:
        assert api(system).delete(f"/v1/admin/user/{system.pk}").status_code == 409
        assert api(member).put("/v1/user", {"oldPassword": "Wrong1Word", "password": PASSWORD}).status_code == 422
        assert api().post("/v1/user", NEW | {"user": "ADMIN"}).status_code == 422
        assert api(admin).delete("/v1/admin/user/999999").status_code == 404
    assert entries == []


def test_the_back_office(make_user: Any, system: Any, acme: Any, written: Any) -> None:
    user = make_user(1)
    office = Office()
    office.login(system.username)
    with written() as entries:
        office.choose("accounts_user", "give_business", user)
        office.confirm(business=acme.pk, is_admin="on")
        office.choose("accounts_user", "make_system_admin", user)
        office.confirm()
        office.choose("accounts_user", "remove_system_admin", user)
        office.confirm()
    assert [(entry.channel, entry.actor_name, entry.verb) for entry in entries] == [
        ("back-office", "root", "give a business"),
        ("back-office", "root", "make system administrator"),
        ("back-office", "root", "remove system administrator"),
    ]
    assert entries[0].business_id == acme.pk
    assert entries[1].before == {"is_superuser": False, "is_admin": True, "business_id": acme.pk}
    assert all(entry.address and entry.request_id for entry in entries)


def test_a_move_is_told_to_both_businesses_and_each_learns_its_own_part_only(
    make_user: Any, make_business: Any, system: Any, acme: Any, written: Any
) -> None:
    user, other = make_user(2, acme), make_business("other")
    office = Office()
    office.login(system.username)
    with written() as entries:
        for answers in ({"business": acme.pk, "is_admin": "on"}, {"business": other.pk}, {"business": ""}):
            office.choose("accounts_user", "move", user)
            office.confirm(**answers)
    gone = {"business_id": None, "tokens": "ended"}
    assert [(entry.business_id, entry.verb, entry.before, entry.after) for entry in entries] == [
        (acme.pk, "change role", {"is_admin": False}, {"is_admin": True}),
        (acme.pk, "take the business", {"business_id": acme.pk}, gone),
        (
            other.pk,
            "give a business",
            {"business_id": None, "is_admin": True},
            {"business_id": other.pk, "is_admin": False},
        ),
        (other.pk, "take the business", {"business_id": other.pk}, gone),
    ]


def test_commands(written: Any, db: None, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("OTE_ADMIN_PASSWORD", PASSWORD)
    with written() as entries:
        call_command("create_admin", "chief")
    (entry,) = entries
    assert (entry.channel, entry.actor_id, entry.actor_name) == ("command", None, operator())
    assert (entry.verb, entry.object_name) == ("create", "chief")


@pytest.mark.parametrize("given", ["req-1", "A.b_c-9", "x" * 64])
def test_a_given_request_id_is_kept(api: Any, system: Any, make_user: Any, written: Any, given: str) -> None:
    user, client = make_user(0), api(system)
    headers = {"X-Request-ID": given, "Authorization": client.token}
    with written() as entries:
        answer = client.client.put(
            f"/v1/admin/user/{user.pk}", {"status": 1}, content_type="application/json", headers=headers
        )
    assert answer.headers["X-Request-ID"] == given
    assert entries[0].request_id == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\nb", "<b>", "-a", "é", "a;b", '"'])
def test_another_one_is_made_up(api: Any, given: str) -> None:
    made = [api().client.get("/livez", headers={"X-Request-ID": given}).headers["X-Request-ID"] for _ in range(2)]
    assert all(len(one) == 32 and one.isalnum() for one in made)
    assert made[0] != made[1]


def test_errors_carry_it_too(api: Any) -> None:
    for path, code in (("/v1/nothing", 404), ("/v1/cluster", 401)):
        answer = api().get(path)
        assert answer.status_code == code and answer.headers["X-Request-ID"]
