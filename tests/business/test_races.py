"""Two requests at once never both win."""

import pytest

from accounts import services as accounts
from accounts.models import User
from business import services
from business.models import Business
from clusters.models import Bundle, Installation
from tests.accounts.test_races import system_business  # noqa: F401
from tests.accounts.test_register import BODY as USER
from tests.business.test_business import BODY, URL, of
from tests.races import needs_postgres, together

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _postgres(db):
    needs_postgres()
    Installation.objects.get_or_create(pk=1)  # the flush after an earlier test may have taken it away


@pytest.fixture
def root(make_user, system_business):  # noqa: F811
    return make_user(4, system_business)


@pytest.fixture
def application(make_user):
    owner = make_user(1, username="owner")
    return services.apply(by=owner, name="name", introduce="i", objective="o", scale="s")


def codes(responses):
    return sorted(response.status_code for response in responses)


def lock(business):
    return lambda: Business.objects.select_for_update().get(pk=business.pk)


@pytest.mark.parametrize("statuses", [(1, 1), (1, 2), (2, 2)])
def test_two_audits(api, root, application, statuses):
    def audit(status):
        return lambda: api(root).put(of(application), {"status": status, "comment": str(status)})

    assert codes(together(lock(application), *map(audit, statuses))) == [200, 409]
    application.refresh_from_db()
    assert application.comment == str(application.status)
    assert Bundle.objects.count() == (1 if application.status == 1 else 0)


def test_two_applications_of_one_user(api, make_user):
    owner = make_user(1)

    def apply(name):
        return lambda: api(owner).post(URL, BODY | {"name": name})

    def hold():
        return User.objects.select_for_update().get(pk=owner.pk)

    assert codes(together(hold, apply("one"), apply("two"))) == [200, 409]


def test_two_applications_for_one_name(api, make_user):
    users = [make_user(1), make_user(1)]

    def apply(user):
        return lambda: api(user).post(URL, BODY)

    responses = together(lambda: Business.objects.create(name="name"), *map(apply, users), undo=True)
    assert codes(responses) == [200, 422]


def test_two_deletions(application):
    services.approve(application)
    results = together(lock(application), *[lambda: services.delete(application)] * 2)
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "NoneType"]


@pytest.mark.parametrize("first", ["deletion", "creation"])
def test_nobody_is_left_in_a_business_that_is_deleted(api, application, first):
    services.approve(application)
    owner = User.objects.get(username="owner")
    calls = [lambda: services.delete(application), lambda: api(owner).post("/v1/admin/user", USER)]
    together(lock(application), *(calls if first == "deletion" else reversed(calls)))
    assert not User.objects.filter(business=application).exists()


def test_nobody_is_put_into_a_business_that_is_deleted(application, make_user):
    services.approve(application)
    user = make_user(1)
    together(lock(application), lambda: services.delete(application), lambda: accounts.set_business(user, application))
    assert not User.objects.filter(business=application).exists()
