"""POST, PUT and GET /v1/authorization."""

import time

import jwt
import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from tests.conftest import PASSWORD

URL = "/v1/authorization"


def login(api, user, password=PASSWORD):
    return api().post(URL, {"user": user, "password": password})


def test_login_returns_a_token_beside_code(api, member):
    response = login(api, "member")
    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"code", "message", "token"}
    assert (body["code"], body["message"]) == (200, "success")
    assert api(token=body["token"]).get(URL).json()["data"]["displayName"] == "member"


def test_user_names_have_no_case_and_passwords_do(api, member):
    assert login(api, "MEMBER").status_code == 200
    assert login(api, "member", PASSWORD.lower()).status_code == 401


def test_an_unknown_user_and_a_wrong_password_look_alike(api, member):
    answers = [login(api, "member", "Wrong0000"), login(api, "nobody", "Wrong0000")]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()
    assert "token" not in answers[0].json()


def test_an_unknown_user_takes_as_long_as_a_known_one(api, make_user, settings):
    settings.PASSWORD_HASHERS = [f"{__name__}.SlowHasher"]
    make_user(1, username="known")
    seconds = {}
    for name in ("known", "unknown"):
        started = time.perf_counter()
        login(api, name, "Wrong0000")
        seconds[name] = time.perf_counter() - started
    assert seconds["unknown"] > seconds["known"] / 3


class SlowHasher(PBKDF2PasswordHasher):
    iterations = 200_000


@pytest.mark.parametrize(("status", "code"), [(0, 200), (1, 200), (2, 403), (3, 403)])
def test_who_may_log_in(api, make_user, status, code):
    make_user(1, username="u1", status=status)
    assert login(api, "u1").status_code == code
    assert login(api, "u1", "Wrong0000").status_code == 401


def test_the_two_refusals_have_each_their_sentence(api, make_user):
    make_user(1, username="u2", status=2)
    make_user(1, username="u3", status=3)
    sentences = {login(api, name).json()["message"] for name in ("u2", "u3")}
    assert len(sentences) == 2


def test_a_deleted_user_cannot_log_in(api, member, system):
    api(system).delete(f"/v1/admin/user/{member.pk}")
    assert login(api, "member").status_code == 401


def test_any_old_password_may_log_in(api, make_user):
    user = make_user(1, username="u1")
    user.set_password("abc")
    user.save()
    assert login(api, "u1", "abc").status_code == 200


def test_an_old_token_in_the_header_does_not_hinder_a_login(api, member):
    stale = api(token="Bearer nonsense")
    assert stale.post(URL, {"user": "member", "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "user"),
        ({"user": "member"}, "password"),
        ({"user": None, "password": "x"}, "user"),
        ({"user": "", "password": "x"}, "user"),
        ({"user": 5, "password": "x"}, "user"),
        ({"user": "member", "password": ["x"]}, "password"),
        ({"user": "a\0b", "password": "x"}, "user"),
        ({"user": "member", "password": "\ud800"}, "password"),
        ({"user": "member", "password": "x" * 5000}, "password"),
    ],
)
def test_parameter_errors_of_login(api, db, body, field):
    response = api().post(URL, body)
    assert response.status_code == 422
    assert field in response.json()["errors"]


@pytest.mark.parametrize("body", ["{", "[]", '"x"', "null", "", '{"user": NaN}'])
def test_what_is_no_json_object_is_422(api, db, body):
    response = api().client.post(URL, body, content_type="application/json")
    assert response.status_code == 422
    assert response.json()["code"] == 422


def test_another_media_type_is_415(api, db):
    assert api().client.post(URL, {"user": "x", "password": "y"}).status_code == 415


def test_renewal_returns_another_token_and_leaves_the_old_one(api, member):
    client = api(member)
    body = client.put(URL).json()
    assert set(body) == {"code", "message", "token"}
    assert body["token"] != client.token
    assert api(token=body["token"]).get(URL).status_code == 200
    assert client.get(URL).status_code == 200
    key = settings.SIMPLE_JWT["SIGNING_KEY"]
    old, new = (jwt.decode(token, key, algorithms=["HS256"]) for token in (client.token, body["token"]))
    assert new["exp"] >= old["exp"]
    assert new["jti"] != old["jti"]


def test_renewal_outlives_the_logout_of_the_old_token(api, member):
    client = api(member)
    new = api(token=client.put(URL).json()["token"])
    client.delete(URL)
    assert new.get(URL).status_code == 200


@pytest.mark.parametrize("role", [0, 1, 2, 3, 4])
def test_everybody_reads_its_role(api, make_user, acme, role):
    user = make_user(role, acme if role > 1 else None, f"role{role}")
    response = api(user).get(URL)
    assert response.json() == {
        "code": 200,
        "message": "success",
        "data": {
            "displayName": f"role{role}",
            "hasRepoAccount": False,
            "role": role,
            "privateProject": False,
            "enableIngress": False,
            "enableAlert": False,
            "enableAdminAutoDeploy": True,
        },
    }


def test_the_settings_are_reported(api, member, settings):
    settings.OTE_PRIVATE_PROJECT = settings.OTE_ENABLE_INGRESS = settings.OTE_ENABLE_ALERT = True
    settings.OTE_ADMIN_AUTO_DEPLOY = False
    data = api(member).get(URL).json()["data"]
    flags = ("privateProject", "enableIngress", "enableAlert", "enableAdminAutoDeploy")
    assert [data[flag] for flag in flags] == [True, True, True, False]


@pytest.mark.parametrize(
    ("fields", "role"),
    [
        ({"is_admin": True}, 3),
        ({"is_admin": False}, 2),
        ({"is_admin": True, "status": 0}, 0),
        ({"is_admin": True, "is_superuser": True}, 4),
        ({"is_admin": True, "is_superuser": True, "status": 0}, 0),
    ],
)
def test_roles_are_derived(api, make_user, acme, fields, role):
    user = make_user(2, acme, "u1", **fields)
    assert api(user).get(URL).json()["data"]["role"] == role


@pytest.mark.parametrize("status", [0, 2, 3])
def test_a_business_that_is_not_approved_gives_no_role(api, make_user, make_business, status):
    user = make_user(3, make_business("b", status=status), "u1")
    assert api(user).get(URL).json()["data"]["role"] == 1


def test_a_trailing_slash_is_the_same_path(api, member):
    assert api(member).get(URL + "/").status_code == 200
    assert (
        login(api, "member").status_code == api().post(URL + "/", {"user": "member", "password": PASSWORD}).status_code
    )


def test_other_methods_are_405(api, member):
    response = api(member)("patch", URL, {})
    assert response.status_code == 405
    assert response.json()["code"] == 405
