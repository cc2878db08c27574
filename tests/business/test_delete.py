"""Deleting a business: by command and by services.delete, which the back-office calls."""

import io

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from business import services
from business.models import Business
from clusters.models import BundleObject
from otestack.errors import Conflict
from tests.business.test_business import BODY, URL, of


@pytest.fixture
def business(api, make_user, system):
    """An approved business with its namespace, an administrator and a general user."""
    owner = make_user(1, username="owner")
    api(owner).post(URL, BODY)
    made = Business.objects.get(name="name")
    services.approve(made)
    make_user(2, made, "clerk")
    made.refresh_from_db()
    return made


def run(*arguments, **options):
    out = io.StringIO()
    call_command("business", *arguments, stdout=out, **options)
    return out.getvalue()


def test_deletion_ends_the_namespace_and_frees_the_users(api, system, business):
    users = User.objects.filter(business=business)
    live = [api(user) for user in users]
    services.delete(business, by=system)
    business.refresh_from_db()
    assert business.status == 3
    assert business.bundle.ended_at is not None
    assert business.bundle.selector == "none"
    assert not BundleObject.objects.exists()
    assert [client.get("/v1/authorization").status_code for client in live] == [401, 401]
    for name in ("owner", "clerk"):
        data = api(User.objects.get(username=name)).get("/v1/authorization").json()["data"]
        assert data["role"] == 1


def test_what_is_deleted_leaves_the_list_and_frees_its_name(api, system, business):
    services.delete(business)
    assert [row["name"] for row in api(system).get(URL).json()["data"]] == ["system"]
    assert api(system).get(of(business)).json()["data"]["status"] == 3
    owner = User.objects.get(username="owner")
    assert api(owner).post(URL, BODY).status_code == 200
    again = Business.objects.get(name="name", status=0)
    assert api(system).put(of(again), {"status": 1, "comment": ""}).status_code == 200
    again.refresh_from_db()
    assert again.namespace == f"ns{again.pk}" != business.namespace


def test_what_cannot_be_deleted(system, business, make_business):
    with pytest.raises(Conflict):
        services.delete(system.business)
    for status in (0, 2, 3):
        with pytest.raises(Conflict):
            services.delete(make_business(status=status))
    services.delete(business)
    with pytest.raises(Conflict):
        services.delete(business)


def test_the_apps_above_end_their_part_first(monkeypatch, system, business):
    seen = []

    def end_part(deleted, by):
        assert deleted.bundle.ended_at is None
        seen.append((deleted, by))

    monkeypatch.setattr(services, "on_delete", [end_part])
    services.delete(business, by=system)
    assert seen == [(business, system)]


def test_when_a_part_fails_nothing_is_deleted(monkeypatch, business):
    def end_part(deleted, by):
        raise Conflict("no")

    monkeypatch.setattr(services, "on_delete", [end_part])
    with pytest.raises(Conflict):
        services.delete(business)
    business.refresh_from_db()
    assert business.status == 1
    assert User.objects.filter(business=business).count() == 2


def test_lock_approved_refuses_what_went(business):
    from otestack.errors import Forbidden

    assert services.lock_approved(business.pk) == business
    services.delete(business)
    with pytest.raises(Forbidden):
        services.lock_approved(business.pk)


# manage.py business


def test_command_lists(business):
    text = run("list")
    assert "system" in text
    assert [str(business.pk), "approved", business.namespace, business.name] in [
        line.split() for line in text.splitlines()
    ]


def test_command_approves_and_refuses(api, make_user):
    for name in ("one", "two"):
        api(make_user(1)).post(URL, BODY | {"name": name})
    one, two = Business.objects.get(name="one"), Business.objects.get(name="two")
    assert "approved" in run("approve", str(one.pk), "--comment", "ok")
    assert "disapproved" in run("refuse", str(two.pk), "--comment", "no")
    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.status, one.comment, one.bundle is None) == (1, "ok", False)
    assert (two.status, two.comment) == (2, "no")
    with pytest.raises(CommandError, match="decided before"):
        run("approve", str(two.pk))


def test_command_deletes_after_saying_what_goes(monkeypatch, business):
    answers = iter(["", business.namespace])
    monkeypatch.setattr("builtins.input", lambda: next(answers))
    with pytest.raises(CommandError, match="needs --yes"):
        run("delete", str(business.pk))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    with pytest.raises(CommandError, match="Nothing was changed"):
        run("delete", str(business.pk))
    business.refresh_from_db()
    assert business.status == 1
    text = run("delete", str(business.pk))
    assert business.namespace in text
    assert "2 users" in text
    business.refresh_from_db()
    assert business.status == 3


def test_command_deletes_without_asking(business):
    run("delete", str(business.pk), "--yes")
    business.refresh_from_db()
    assert business.status == 3


@pytest.mark.parametrize("action", ["approve", "refuse", "delete"])
def test_command_on_what_is_not_there(db, action):
    with pytest.raises(CommandError, match="no business 999"):
        run(action, "999")


def test_command_refuses_the_built_in_one(system):
    with pytest.raises(CommandError, match="built-in"):
        run("delete", str(system.business.pk), "--yes")
