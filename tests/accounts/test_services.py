"""What the back-office and commands call, beyond what the API offers."""

import pytest

from accounts import services
from accounts.models import User
from otestack.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, Unauthorized
from tests.conftest import PASSWORD


def role(user):
    return User.objects.select_related("business").get(pk=user.pk).role


@pytest.mark.parametrize(("is_admin", "expected"), [(True, 3), (False, 2)])
def test_an_approved_user_is_given_a_business(make_user, acme, is_admin, expected):
    user = make_user(1, is_admin=is_admin)
    services.set_business(user, acme)
    assert role(user) == expected


def test_who_is_given_no_business(make_user, acme, other, member, system, make_business):
    for user in (make_user(0), make_user(1, status=3), member, system):
        with pytest.raises(Conflict):
            services.set_business(user, other)
    for status in (0, 2, 3):
        with pytest.raises(Conflict):
            services.set_business(make_user(1), make_business(status=status))


def test_a_user_of_a_deleted_business_can_be_given_another(make_user, make_business, acme):
    user = make_user(2, make_business(status=3))
    services.set_business(user, acme)
    assert role(user) == 2


def test_a_system_administrator_is_made_and_removed(api, make_user, member, system):
    services.make_system_admin(member, by=system)
    member.refresh_from_db()
    assert role(member) == 4
    assert member.business.is_system
    live = api(member)
    services.remove_system_admin(member, by=system)
    assert role(member) == 1
    assert live.get("/v1/authorization").status_code == 401
    with pytest.raises(Conflict):
        services.make_system_admin(make_user(0), by=system)


def test_the_last_system_administrator_stays(system, make_user):
    make_user(4, status=3)
    make_user(4, status=0)
    for change in (
        lambda: services.delete(system),
        lambda: services.audit(system, status=3),
        lambda: services.audit(system, status=0),
        lambda: services.remove_system_admin(system),
    ):
        with pytest.raises(Conflict):
            change()
    assert role(system) == 4


def test_a_caller_that_is_gone_changes_nothing(system, make_user, member):
    second = make_user(4)
    services.delete(second, by=system)
    with pytest.raises(Unauthorized):
        services.delete(member, by=second)
    with pytest.raises(NotFound):
        services.delete(second, by=system)


def test_a_sub_user_of_a_business_that_went_is_refused(admin, acme):
    acme.status = 3
    acme.save()
    with pytest.raises(Forbidden):
        services.create_sub_user(
            user_name="u1", password=PASSWORD, phone="12345", real_name="x", is_admin=False, by=admin
        )
    assert not User.objects.filter(username="u1").exists()


def test_a_password_changed_meanwhile_is_not_overwritten(member):
    stale = User.objects.get(pk=member.pk)
    services.change_password(member, old=PASSWORD, new="Newpass99", address="127.0.0.1")
    with pytest.raises(Conflict):
        services.change_password(stale, old=PASSWORD, new="Other0099", address="127.0.0.1")
    assert User.objects.get(pk=member.pk).check_password("Newpass99")


def test_ensure_system_admin_is_done_once(db, member):
    assert services.ensure_system_admin("boss", PASSWORD) is True
    boss = User.objects.select_related("business").get(username="boss")
    assert boss.role == 4
    assert boss.business.is_system
    assert boss.check_password(PASSWORD)
    assert services.ensure_system_admin("BOSS", "Another99") is False
    assert User.objects.get(username="boss").check_password(PASSWORD)
    with pytest.raises(Conflict):
        services.ensure_system_admin("member", PASSWORD)


@pytest.mark.parametrize(("name", "password"), [("boss", "weak"), ("", PASSWORD), ("a b", PASSWORD)])
def test_the_rules_hold_without_the_api(db, name, password):
    for call in (
        lambda: services.ensure_system_admin(name, password),
        lambda: services.register(user_name=name, password=password, phone="12345", real_name="x", is_admin=True),
    ):
        with pytest.raises(Invalid) as error:
            call()
        assert isinstance(error.value, DomainError)
    assert not User.objects.exists()


def test_djangos_own_command_makes_a_full_administrator(db):
    user = User.objects.create_superuser("boss", PASSWORD)
    assert user.business.is_system
    assert user.role == 4
