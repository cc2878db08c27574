"""POST and PUT /v1/repository/user: one account per business, whatever happens on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import requests
from django.db import connection

from registry.models import RegistryAccount
from tests.registry.tenants import HARBOR_PASSWORD, IMAGE, PROJECT, SUCCESS, USER, Tenant

NEW = "Another0Passw0rd"
ACCOUNT = {"user": "acme-robot", "password": HARBOR_PASSWORD}


@pytest.fixture
def plain(tenant: Any) -> Tenant:
    """A business without an account."""
    made: Tenant = tenant("acme", account=False)
    return made


def lets_in(registry: Any, password: str, user: str = "acme-robot") -> bool:
    url = f"{registry.url}/api/v2.0/users/current"
    return requests.get(url, auth=(user, password), timeout=5).status_code == 200


def users(registry: Any) -> list[str]:
    url = f"{registry.url}/api/v2.0/users?page_size=100"
    return [user["username"] for user in requests.get(url, auth=registry.admin, timeout=5).json()]


def has_account(tenant: Tenant) -> bool:
    return bool(tenant.member.get("/v1/authorization").json()["data"]["hasRepoAccount"])


def test_an_account_is_made_once(plain: Tenant, registry: Any) -> None:
    assert not has_account(plain)
    assert plain.admin.post(USER, ACCOUNT).json() == SUCCESS
    assert has_account(plain)
    assert lets_in(registry, HARBOR_PASSWORD)
    for sent in (ACCOUNT, ACCOUNT | {"user": "second"}):
        answer = plain.admin.post(USER, sent).json()
        assert answer == {"code": 409, "message": "The business has a registry account already."}
    assert users(registry) == ["acme-robot"]


def test_the_account_counts_for_its_business_only(acme: Tenant, api: Any, make_user: Any, system: Any) -> None:
    assert has_account(acme)
    for user in (make_user(1), make_user(0), system, make_user(4, acme.business, "of-acme")):
        assert api(user).get("/v1/authorization").json()["data"]["hasRepoAccount"] is False


@pytest.mark.parametrize("name", ["admin", "other-robot", "anonymous"])
def test_a_taken_name_leaves_nothing_behind(plain: Tenant, other: Tenant, registry: Any, name: str) -> None:
    answer = plain.admin.post(USER, ACCOUNT | {"user": name}).json()
    assert answer == {"code": 409, "message": f"The name '{name}' is taken in the registry."}
    assert not has_account(plain)
    assert RegistryAccount.objects.filter(business=plain.business).count() == 0
    assert lets_in(registry, HARBOR_PASSWORD, "other-robot")
    assert plain.admin.post(USER, ACCOUNT).json() == SUCCESS


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"user": "a,b"}, "user"),
        ({"user": 'a"b'}, "user"),
        ({"user": "a~b"}, "user"),
        ({"user": "a#b"}, "user"),
        ({"user": "a%b"}, "user"),
        ({"user": "a$b"}, "user"),
        ({"user": "a:b"}, "user"),
        ({"user": " a"}, "user"),
        ({"user": "a\nb"}, "user"),
        ({"user": "ü" * 128}, "user"),
        ({"user": ""}, "user"),
        ({"user": 1}, "user"),
        ({"password": "Sh0rt"}, "password"),
        ({"password": "alllower0"}, "password"),
        ({"password": "ALLUPPER0"}, "password"),
        ({"password": "NoDigitsHere"}, "password"),
        ({"password": "Aa0" + "ü" * 63}, "password"),
        ({"password": None}, "password"),
    ],
)
def test_parameter_errors(plain: Tenant, registry: Any, change: dict[str, Any], field: str) -> None:
    answer = plain.admin.post(USER, ACCOUNT | change)
    assert (answer.status_code, answer.json()["code"], list(answer.json()["errors"])) == (400, 400, [field])
    assert registry.calls == []


@pytest.mark.parametrize("user", ["müller", "a b", "a" * 255, "李雷", "robot-1.x_y"])
def test_names_that_harbor_takes(plain: Tenant, registry: Any, user: str) -> None:
    password = "Pässw0rd-Ü" * 2
    assert plain.admin.post(USER, {"user": user, "password": password}).json() == SUCCESS
    plain.project("mine")
    assert list(plain.projects()) == ["mine"]


@pytest.mark.parametrize("again", [ACCOUNT, ACCOUNT | {"password": NEW}, ACCOUNT | {"user": "renamed"}])
@pytest.mark.parametrize("lost", [True, False])
def test_an_answer_that_got_lost_is_mended_by_the_same_call(
    plain: Tenant, registry: Any, lost: bool, again: dict[str, str]
) -> None:
    if lost:
        registry.fail_next(method="POST", path="/users", lost=True)
    else:
        registry.fail_next(method="POST", path="/users", status=500)
    assert plain.admin.post(USER, ACCOUNT).json()["code"] == 503
    assert users(registry) == (["acme-robot"] if lost else [])
    assert not has_account(plain)
    assert plain.member.get(PROJECT).json()["data"] == []
    assert plain.admin.post(USER, again).json() == SUCCESS
    assert has_account(plain)
    assert users(registry) == [again["user"]]
    assert lets_in(registry, again["password"], again["user"])
    plain.project("mine")


def test_a_crash_in_between_is_mended_when_its_time_is_over(plain: Tenant, registry: Any, monkeypatch: Any) -> None:
    from registry.services import accounts

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:  # as kill -9 would: nothing after the registry's answer happens
        patched.setattr(accounts, "_complete", die)
        patched.setattr(accounts, "_let_go", lambda _: None)
        with pytest.raises(KeyboardInterrupt):
            plain.admin.post(USER, ACCOUNT)
    assert users(registry) == ["acme-robot"]
    busy = plain.admin.post(USER, ACCOUNT).json()
    assert busy == {"code": 409, "message": "The registry account is being changed; try again in a moment."}
    assert plain.admin.put(USER, {"password": NEW}).json()["code"] == 409
    RegistryAccount.objects.update(changing_until="2020-01-01T00:00:00Z")
    assert plain.admin.post(USER, ACCOUNT).json() == SUCCESS
    assert users(registry) == ["acme-robot"]


def test_a_business_that_is_deleted_meanwhile_gets_none(plain: Tenant, registry: Any, monkeypatch: Any) -> None:
    from business.models import Business
    from registry.harbor.client import Harbor

    make = Harbor.create_user

    def late(self: Any, *args: Any) -> int:
        Business.objects.filter(pk=plain.business.pk).update(status=3)
        return make(self, *args)

    monkeypatch.setattr(Harbor, "create_user", late)
    assert plain.admin.post(USER, ACCOUNT).json()["code"] == 403
    assert users(registry) == []
    assert RegistryAccount.objects.count() == 0


def test_another_password(acme: Tenant, registry: Any) -> None:
    acme.project("mine")
    registry.reset_calls()
    assert acme.admin.put(USER, {"password": NEW}).json() == SUCCESS
    assert len(registry.calls) == 1
    assert lets_in(registry, NEW) and not lets_in(registry, HARBOR_PASSWORD)
    acme.project("second")  # made by the account itself
    assert acme.admin.put(USER, {"password": NEW}).json() == SUCCESS  # the same once more


@pytest.mark.parametrize("fault", [{"lost": True}, {"status": 500}])
def test_a_password_whose_answer_got_lost(acme: Tenant, registry: Any, fault: dict[str, Any]) -> None:
    registry.fail_next(method="PUT", path="/password", **fault)
    assert acme.admin.put(USER, {"password": NEW}).json()["code"] == 503
    assert RegistryAccount.objects.get().password == HARBOR_PASSWORD
    assert acme.admin.put(USER, {"password": NEW}).json() == SUCCESS
    assert RegistryAccount.objects.get().password == NEW
    assert lets_in(registry, NEW)


def test_a_password_that_could_not_be_stored_is_stored_by_the_same_call(acme: Tenant, registry: Any) -> None:
    from registry.services import on_password

    def fail(_: Any) -> None:
        raise RuntimeError("the database is gone")

    on_password.append(fail)
    try:
        assert acme.admin.put(USER, {"password": NEW}).json()["code"] == 500
    finally:
        on_password.remove(fail)
    assert lets_in(registry, NEW)
    assert RegistryAccount.objects.get().password == HARBOR_PASSWORD
    refused = acme.member.post(PROJECT, {"projectName": "mine", "public": False}).json()
    assert refused["code"] == 409 and "set the account's password anew" in refused["message"]
    assert acme.admin.put(USER, {"password": NEW}).json() == SUCCESS
    acme.project("mine")


def test_a_password_changed_behind_our_back_is_told_and_mended(acme: Tenant, registry: Any) -> None:
    number = acme.project("mine")
    registry.push("mine/web", "v1")
    account = RegistryAccount.objects.get()
    url = f"{registry.url}/api/v2.0/users/{account.harbor_user_id}/password"
    requests.put(url, json={"new_password": NEW}, auth=registry.admin, timeout=5).raise_for_status()
    assert list(acme.projects()) == ["mine"]  # reads need no login of the tenant's
    sentence = (
        "The registry does not accept the account of its business at the moment; try again in a few seconds, or set "
        "the account's password anew."
    )
    for answer in (
        acme.member.post(PROJECT, {"projectName": "second", "public": False}),
        acme.member.delete(IMAGE, {"imageName": ["mine/web"]}),
        acme.admin.delete(PROJECT, {"projectId": [number]}),
    ):
        assert (answer.status_code, answer.json()["message"]) == (409, sentence)
    assert acme.admin.put(USER, {"password": HARBOR_PASSWORD}).json() == SUCCESS
    assert acme.member.delete(IMAGE, {"imageName": ["mine/web"]}).json() == SUCCESS


def test_a_user_that_is_gone_is_told(acme: Tenant, registry: Any) -> None:
    account = RegistryAccount.objects.get()
    url = f"{registry.url}/api/v2.0/users/{account.harbor_user_id}"
    requests.delete(url, auth=registry.admin, timeout=5).raise_for_status()
    answer = acme.admin.put(USER, {"password": NEW}).json()
    assert answer == {"code": 409, "message": "The registry account does not exist any more; ask the operator."}


def test_a_reused_name_in_the_registry_opens_nothing(acme: Tenant, registry: Any) -> None:
    """Somebody else's user of the same name is not the account: the id counts."""
    acme.project("mine")
    users_url = f"{registry.url}/api/v2.0/users"
    account = RegistryAccount.objects.get()
    requests.delete(f"{users_url}/{account.harbor_user_id}", auth=registry.admin, timeout=5).raise_for_status()
    stranger = {"username": "acme-robot", "realname": "x", "email": "x@example.com", "password": NEW}
    requests.post(users_url, json=stranger, auth=registry.admin, timeout=5).raise_for_status()
    body = {"project_name": "strangers", "metadata": {"public": "false"}}
    made = requests.post(f"{registry.url}/api/v2.0/projects", json=body, auth=("acme-robot", NEW), timeout=5)
    made.raise_for_status()
    assert list(acme.projects()) == ["mine"]
    assert acme.member.get(IMAGE, projectName="strangers").json()["code"] == 404


def test_the_account_of_a_deleted_business_is_of_no_use(
    acme: Tenant, registry: Any, api: Any, system: Any, django_capture_on_commit_callbacks: Any
) -> None:
    from accounts.models import User
    from business import services

    acme.project("mine")
    registry.push("mine/web", "v1")
    with django_capture_on_commit_callbacks(execute=True):
        services.delete(acme.business)
    assert not lets_in(registry, HARBOR_PASSWORD)
    for user in User.objects.filter(username__in=["user1", "user2"]):
        client = api(user)
        assert client.get(PROJECT).json()["code"] == 403
        assert client.get("/v1/authorization").json()["data"]["hasRepoAccount"] is False
    assert api(system).delete(IMAGE, {"imageName": ["mine/web"]}).json() == SUCCESS


def test_a_business_is_deleted_although_the_registry_is_away(
    acme: Tenant, registry: Any, django_capture_on_commit_callbacks: Any, caplog: Any
) -> None:
    from business import services

    registry.set_away("refuse")
    with django_capture_on_commit_callbacks(execute=True):
        services.delete(acme.business)
    acme.business.refresh_from_db()
    assert acme.business.status == 3
    assert "user acme-robot of a deleted business must be disabled by hand" in caplog.text
    assert RegistryAccount.objects.get().password == HARBOR_PASSWORD  # what the registry has, too


def test_one_change_at_a_time(acme: Tenant, registry: Any) -> None:
    registry.reset_calls()
    RegistryAccount.objects.update(changing_until="2100-01-01T00:00:00Z")
    busy = {"code": 409, "message": "The registry account is being changed; try again in a moment."}
    assert acme.admin.put(USER, {"password": NEW}).json() == busy
    assert registry.calls == []
    RegistryAccount.objects.update(changing_until="2020-01-01T00:00:00Z")
    assert acme.admin.put(USER, {"password": NEW}).json() == SUCCESS


def at_once(*calls: Callable[[], Any]) -> list[int]:
    """Make the calls in threads with connections of their own; return their codes."""
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL: SQLite lets one writer in at a time")
    codes: list[int] = []

    def run(call: Callable[[], Any]) -> None:
        codes.append(call().status_code)
        connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return sorted(codes)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_one_account(plain: Tenant, registry: Any) -> None:
    bodies = [ACCOUNT | {"user": f"robot-{number}"} for number in range(4)]
    codes = at_once(*(partial(plain.admin.post, USER, body) for body in bodies))
    assert codes == [200, 409, 409, 409]
    assert len(users(registry)) == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_passwords_at_once_leave_the_same_one_here_and_there(acme: Tenant, registry: Any) -> None:
    passwords = [f"Another{number}Word" for number in range(4)]
    codes = at_once(*(partial(acme.admin.put, USER, {"password": password}) for password in passwords))
    assert codes[0] == 200
    assert set(codes) <= {200, 409}
    kept = RegistryAccount.objects.get().password
    assert [password for password in passwords if lets_in(registry, password)] == [kept]
