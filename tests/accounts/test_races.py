"""Two requests at once never both win."""

import pytest

from accounts import services
from accounts.models import User
from business.models import Business
from tests.accounts.test_register import BODY
from tests.conftest import PASSWORD
from tests.races import needs_postgres, together

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _postgres(db):
    needs_postgres()


@pytest.fixture
def system_business():
    """The built-in business, which the flush after an earlier test may have taken away."""
    fields = {"name": "system", "introduce": "i", "objective": "o", "scale": "s", "status": 1, "namespace": "default"}
    return Business.objects.get_or_create(is_system=True, defaults=fields)[0]


def lock_users():
    return list(User.objects.select_for_update().order_by("id"))


def codes(responses):
    return sorted(response.status_code for response in responses)


def test_two_registrations_of_one_name(api):
    def register(name):
        return lambda: api().post("/v1/user", BODY | {"user": name})

    responses = together(lambda: User.objects.create(username="u1"), register("u1"), register("U1"), undo=True)
    assert codes(responses) == [200, 422]
    assert User.objects.count() == 1


def test_two_sub_users_of_one_name(api, admin, acme):
    def create():
        return api(admin).post("/v1/admin/user", BODY)

    responses = together(lambda: Business.objects.select_for_update().get(pk=acme.pk), create, create)
    assert codes(responses) == [200, 422]


def test_two_administrators_delete_each_other(api, make_user, system_business):
    one, two = make_user(4, system_business), make_user(4, system_business)

    def deletion(by, user):
        client = api(by)
        return lambda: client.delete(f"/v1/admin/user/{user.pk}")

    responses = together(lock_users, deletion(one, two), deletion(two, one))
    assert codes(responses) == [200, 401]
    assert User.objects.living().count() == 1


def test_two_administrators_forbid_each_other(api, make_user, system_business):
    one, two = make_user(4, system_business), make_user(4, system_business)

    def forbidding(by, user):
        client = api(by)
        return lambda: client.put(f"/v1/admin/user/{user.pk}", {"status": 3})

    responses = together(lock_users, forbidding(one, two), forbidding(two, one))
    assert codes(responses) == [200, 401]
    assert User.objects.filter(status=1).count() == 1


def test_two_operators_remove_the_last_two(make_user, system_business):
    one, two = make_user(4, system_business), make_user(4, system_business)
    results = together(lock_users, lambda: services.delete(one), lambda: services.remove_system_admin(two))
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "NoneType"]
    assert User.objects.living().filter(is_superuser=True).count() == 1


def test_two_password_changes(api, member):
    def change(new):
        client = api(member)
        return lambda: client.put("/v1/user", {"oldPassword": PASSWORD, "password": new})

    assert codes(together(lock_users, change("Newpass01"), change("Newpass02"))) == [200, 409]


def test_two_logouts_of_one_token(api, member):
    client = api(member)

    def hold():
        from django.db import connection

        from accounts.models import RevokedToken

        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {RevokedToken._meta.db_table} IN SHARE MODE")

    responses = together(hold, *[lambda: client.delete("/v1/authorization")] * 2)
    assert codes(responses) == [200, 200]
    assert client.get("/v1/authorization").status_code == 401


def test_two_starts_create_one_administrator(system_business):
    def create():
        return services.ensure_system_admin("boss", PASSWORD)

    results = together(lambda: User.objects.create(username="boss"), create, create, undo=True)
    assert sorted(results) == [False, True]
    assert User.objects.count() == 1
