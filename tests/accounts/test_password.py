"""PUT /v1/user and PUT /v1/admin/user/[id]/password."""

import pytest

from tests.conftest import PASSWORD

URL = "/v1/user"
NEW = "Newpass99"


def can_log_in(api, user, password):
    return api().post("/v1/authorization", {"user": user.username, "password": password}).status_code == 200


@pytest.mark.parametrize("role", [0, 1, 2, 3, 4])
def test_everybody_changes_its_own(api, make_user, acme, role):
    user = make_user(role, acme if role > 1 else None)
    one, two = api(user), api(user)
    assert one.put(URL, {"oldPassword": PASSWORD, "password": NEW}).json() == {"code": 200, "message": "success"}
    assert can_log_in(api, user, NEW)
    assert not can_log_in(api, user, PASSWORD)
    assert [client.get("/v1/authorization").status_code for client in (one, two)] == [401, 401]


def test_a_wrong_old_password_is_422_on_its_field(api, member):
    client = api(member)
    response = client.put(URL, {"oldPassword": "Wrong0000", "password": NEW})
    assert response.status_code == 422
    assert set(response.json()["errors"]) == {"oldPassword"}
    assert client.get("/v1/authorization").status_code == 200
    assert can_log_in(api, member, PASSWORD)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"oldPassword", "password"}),
        ({"oldPassword": PASSWORD}, {"password"}),
        ({"password": NEW}, {"oldPassword"}),
        ({"oldPassword": PASSWORD, "password": "weak"}, {"password"}),
        ({"oldPassword": 5, "password": NEW}, {"oldPassword"}),
        ({"oldPassword": "", "password": NEW}, {"oldPassword"}),
        ({"oldPassword": PASSWORD, "password": None}, {"password"}),
    ],
)
def test_parameter_errors(api, member, body, fields):
    response = api(member).put(URL, body)
    assert response.status_code == 422
    assert set(response.json()["errors"]) == fields
    assert can_log_in(api, member, PASSWORD)


def test_without_a_token_it_is_401(api, db):
    assert api().put(URL, {"oldPassword": PASSWORD, "password": NEW}).status_code == 401


def reset(api, by, user, body=None):
    return api(by).put(
        f"/v1/admin/user/{user if isinstance(user, str) else user.pk}/password", body or {"password": NEW}
    )


def test_an_administrator_resets_in_its_own_business(api, admin, member):
    live = api(member)
    assert reset(api, admin, member).json() == {"code": 200, "message": "success"}
    assert can_log_in(api, member, NEW)
    assert not can_log_in(api, member, PASSWORD)
    assert live.get("/v1/authorization").status_code == 401


def test_users_of_others_are_404(api, admin, other, make_user):
    for user in (make_user(2, other), make_user(1), make_user(0)):
        assert reset(api, admin, user).status_code == 404
        assert can_log_in(api, user, PASSWORD)


def test_a_system_administrator_resets_everybodys(api, system, other, make_user):
    for user in (make_user(2, other), make_user(3, other), make_user(1), make_user(0), make_user(1, status=3), system):
        assert reset(api, system, user).status_code == 200


def test_a_reset_does_not_change_the_status(api, system, make_user):
    user = make_user(1, status=3)
    reset(api, system, user)
    user.refresh_from_db()
    assert user.status == 3


def test_a_business_administrator_cannot_take_over_a_system_administrator(api, make_user, system):
    helper = make_user(3, system.business)
    assert reset(api, helper, system).status_code == 403
    assert can_log_in(api, system, PASSWORD)


@pytest.mark.parametrize("body", [{"password": "weak"}, {"password": None}, {"word": NEW}, {"password": 12345678}])
def test_parameter_errors_of_a_reset(api, system, member, body):
    response = reset(api, system, member, body)
    assert response.status_code == 422
    assert set(response.json()["errors"]) == {"password"}


@pytest.mark.parametrize("user_id", ["999999", "0", "x", "-1", "1.5", "9" * 40, "²", "%00"])
def test_unknown_ids_are_404(api, system, user_id):
    assert reset(api, system, user_id).status_code == 404


def test_a_deleted_user_is_404(api, system, member):
    api(system).delete(f"/v1/admin/user/{member.pk}")
    assert reset(api, system, member).status_code == 404
