"""GET and POST /v1/admin/user; PUT and DELETE /v1/admin/user/[id]."""

import pytest

from accounts.models import User
from tests.accounts.test_register import BODY
from tests.conftest import PASSWORD

URL = "/v1/admin/user"


def of(user):
    return f"{URL}/{user.pk}"


def names(response):
    return [row["user"] for row in response.json()["data"]]


# GET


def test_the_list_has_the_seeds_fields(api, admin):
    body = api(admin).get(URL).json()
    assert set(body) == {"code", "message", "data", "total"}
    (row,) = body["data"]
    assert row == {
        "id": admin.pk,
        "user": "admin",
        "status": 1,
        "realName": "Somebody",
        "phone": "12345678910",
        "createTime": int(admin.created_at.timestamp()),
        "updateTime": int(admin.updated_at.timestamp()),
    }
    assert body["total"] == 1


def test_an_administrator_lists_its_own_business(api, admin, member, other, make_user):
    make_user(2, other, "stranger")
    make_user(1, username="free")
    assert names(api(admin).get(URL)) == ["admin", "member"]


def test_a_system_administrator_lists_everybody_but_the_deleted(api, system, admin, member, other, make_user):
    make_user(2, other, "stranger")
    make_user(0, username="waiting")
    api(system).delete(of(member))
    body = api(system).get(URL).json()
    assert {row["user"] for row in body["data"]} == {"root", "admin", "stranger", "waiting"}
    assert body["total"] == 4


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["root", "Beta", "alpha", "gamma"]),
        ({"order": "desc"}, ["gamma", "alpha", "Beta", "root"]),
        ({"orderBy": "user_name"}, ["alpha", "Beta", "gamma", "root"]),
        ({"orderBy": "user_name", "order": "desc"}, ["root", "gamma", "Beta", "alpha"]),
        ({"pageSize": 3}, ["root", "Beta", "alpha"]),
        ({"pageSize": 3, "page": 2}, ["gamma"]),
        ({"pageSize": 3, "page": 3}, []),
        ({"pageSize": 0}, ["root", "Beta", "alpha", "gamma"]),
        ({"unknown": "x"}, ["root", "Beta", "alpha", "gamma"]),
    ],
    ids=str,
)
def test_pages_and_orders(api, system, make_user, query, expected):
    for name in ("Beta", "alpha", "gamma"):
        make_user(0, username=name)
    body = api(system).get(URL, **query).json()
    assert [row["user"] for row in body["data"]] == expected
    assert body["total"] == 4


def test_a_page_holds_ten(api, system, make_user):
    for _ in range(11):
        make_user(0)
    body = api(system).get(URL).json()
    assert (len(body["data"]), body["total"]) == (10, 12)


@pytest.mark.parametrize(
    "query",
    [
        {"orderBy": "name"},
        {"orderBy": ""},
        {"order": "up"},
        {"page": 0},
        {"page": -1},
        {"page": "x"},
        {"page": ""},
        {"pageSize": -1},
        {"pageSize": 2**31},
        {"pageSize": "1.5"},
        {"pageSize": "²"},
    ],
    ids=str,
)
def test_wrong_queries_are_422(api, system, query):
    response = api(system).get(URL, **query)
    assert response.status_code == 422
    assert set(response.json()["errors"]) == set(query)


@pytest.mark.parametrize("count", [1, 200])
def test_the_list_is_a_constant_number_of_queries(api, system, make_user, django_assert_num_queries, count):
    User.objects.bulk_create(User(username=f"u{number}", status=0) for number in range(count))
    client = api(system)
    with django_assert_num_queries(3):  # the caller, the total, the page
        assert client.get(URL, pageSize=0).json()["total"] == count + 1


# POST


def test_a_sub_user_is_approved_in_the_callers_business(api, admin, acme):
    assert api(admin).post(URL, BODY).json() == {"code": 200, "message": "success"}
    user = User.objects.get(username="u1")
    assert (user.status, user.business, user.is_admin, user.is_superuser) == (1, acme, True, False)
    token = api().post("/v1/authorization", {"user": "u1", "password": BODY["password"]}).json()["token"]
    assert api(token=token).get("/v1/authorization").json()["data"]["role"] == 3


@pytest.mark.parametrize(("flag", "role"), [(True, 3), (False, 2)])
def test_a_system_administrators_sub_user_lands_in_system(api, system, flag, role):
    api(system).post(URL, BODY | {"isAdmin": flag, "role": 4, "is_superuser": True})
    user = User.objects.select_related("business").get(username="u1")
    assert user.business.is_system
    assert user.role == role


@pytest.mark.parametrize("field", list(BODY))
def test_a_sub_users_fields_are_required(api, admin, field):
    response = api(admin).post(URL, {key: value for key, value in BODY.items() if key != field})
    assert response.status_code == 422
    assert set(response.json()["errors"]) == {field}


def test_a_sub_users_name_must_be_free(api, admin, member):
    response = api(admin).post(URL, BODY | {"user": "Member"})
    assert response.status_code == 422
    assert set(response.json()["errors"]) == {"user"}


def test_a_sub_users_password_follows_the_rule(api, admin):
    assert set(api(admin).post(URL, BODY | {"password": "weak"}).json()["errors"]) == {"password"}


# PUT: audit


@pytest.mark.parametrize("before", [0, 1, 2, 3])
@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_audit_takes_any_status_from_any(api, system, make_user, before, after):
    user = make_user(1, username="u1", status=before)
    live = api(user)
    assert api(system).put(of(user), {"status": after}).json() == {"code": 200, "message": "success"}
    user.refresh_from_db()
    assert user.status == after
    can_log_in = api().post("/v1/authorization", {"user": "u1", "password": PASSWORD}).status_code
    assert can_log_in == (200 if after in {0, 1} else 403)
    if before in {0, 1}:
        assert live.get("/v1/authorization").status_code == (200 if after in {0, 1} else 401)


def test_a_token_from_before_stays_dead_after_a_new_approval(api, system, make_user):
    user = make_user(1)
    live = api(user)
    for status in (3, 1):
        api(system).put(of(user), {"status": status})
    assert live.get("/v1/authorization").status_code == 401


def test_a_user_set_to_pending_keeps_its_token_and_loses_its_role(api, system, member):
    live = api(member)
    api(system).put(of(member), {"status": 0})
    assert live.get("/v1/authorization").json()["data"]["role"] == 0
    assert live.get("/v1/business").status_code == 403


@pytest.mark.parametrize("status", [4, -1, "1", 1.0, True, None, [1], 10**30])
def test_wrong_statuses_are_422(api, system, member, status):
    response = api(system).put(of(member), {"status": status})
    assert response.status_code == 422
    assert set(response.json()["errors"]) == {"status"}


@pytest.mark.parametrize("status", [0, 2, 3])
def test_nobody_demotes_itself(api, system, make_user, status):
    make_user(4)
    client = api(system)
    assert client.put(of(system), {"status": status}).status_code == 409
    assert client.get("/v1/authorization").json()["data"]["role"] == 4
    assert client.put(of(system), {"status": 1}).status_code == 200


def test_a_system_administrator_can_be_forbidden_by_another(api, system, make_user):
    second = make_user(4)
    assert api(system).put(of(second), {"status": 3}).status_code == 200
    assert api(system).put(of(second), {"status": 1}).status_code == 200


@pytest.mark.parametrize("user_id", ["999999", "0", "x", "-1", "1.5", "9" * 40, "²", "%00", " 1"])
def test_unknown_ids_are_404(api, system, user_id):
    assert api(system).put(f"{URL}/{user_id}", {"status": 1}).status_code == 404
    assert api(system).delete(f"{URL}/{user_id}").status_code == 404


# DELETE


def test_a_deleted_user_is_gone(api, admin, member):
    live = api(member)
    assert api(admin).delete(of(member)).json() == {"code": 200, "message": "success"}
    assert live.get("/v1/authorization").status_code == 401
    assert names(api(admin).get(URL)) == ["admin"]
    assert api(admin).delete(of(member)).status_code == 404
    assert User.objects.get(pk=member.pk).deleted_at is not None


def test_a_new_user_of_a_deleted_ones_name_is_another(api, admin, member):
    live = api(member)
    api(admin).delete(of(member))
    api(admin).post(URL, BODY | {"user": "member"})
    assert live.get("/v1/authorization").status_code == 401
    assert api().post("/v1/authorization", {"user": "member", "password": PASSWORD}).status_code == 401
    assert api().post("/v1/authorization", {"user": "member", "password": BODY["password"]}).status_code == 200


def test_users_of_others_are_404_and_stay(api, admin, other, make_user):
    for user in (make_user(2, other), make_user(1), make_user(0)):
        assert api(admin).delete(of(user)).status_code == 404
        user.refresh_from_db()
        assert user.deleted_at is None


def test_a_system_administrator_deletes_everybody(api, system, admin, other, make_user):
    for user in (admin, make_user(2, other), make_user(1), make_user(0), make_user(4), make_user(1, status=3)):
        assert api(system).delete(of(user)).status_code == 200


def test_nobody_deletes_itself(api, system, admin, make_user):
    make_user(4)
    for user in (system, admin):
        assert api(user).delete(of(user)).status_code == 409
        assert api(user).get("/v1/authorization").status_code == 200


def test_a_business_administrator_cannot_delete_a_system_administrator(api, system, make_user):
    make_user(4)
    helper = make_user(3, system.business)
    assert api(helper).delete(of(system)).status_code == 403
    assert api(system).get("/v1/authorization").status_code == 200
