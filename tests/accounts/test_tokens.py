"""The Authorization header, and what ends a token."""

import base64
import json
import time
from datetime import timedelta

import jwt
import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import RevokedToken, User
from accounts.tasks import tidy
from tests.conftest import PASSWORD
from tests.run.product import once, until

URL = "/v1/authorization"
KEY = settings.SIMPLE_JWT["SIGNING_KEY"]


def call(header):
    return Client(raise_request_exception=False).get(URL, headers={} if header is None else {"Authorization": header})


def claims(user, **changes):
    now = timezone.now()
    base = {
        "typ": "access",
        "uid": str(user.pk),
        "jti": "a" * 32,
        "epoch": user.token_epoch,
        "iat": now,
        "exp": now + timedelta(hours=1),
    }
    return {key: value for key, value in (base | changes).items() if value is not None}


def signed(user, key=KEY, algorithm="HS256", **changes):
    return jwt.encode(claims(user, **changes), key, algorithm=algorithm)


@pytest.mark.parametrize("form", ["{}", "Bearer {}", "bearer {}", "BEARER {}", "Bearer   {}", "  {} "])
def test_both_forms_of_the_header_are_taken(member, form):
    response = call(form.format(signed(member)))
    assert response.status_code == 200
    assert response.json()["data"]["displayName"] == "member"


def test_a_good_token_costs_one_query(member, api, django_assert_num_queries):
    client = api(member)
    with django_assert_num_queries(1):  # what the endpoint itself would ask the database comes after its parameters
        assert client.put("/v1/user", {}).status_code == 422


@pytest.mark.parametrize("form", ["Basic {}", "Token {}", "Bearer", "Bearer {} x", "Bearer Bearer {}", "{} Bearer"])
def test_other_schemes_are_401(member, form):
    refused(call(form.format(signed(member))))


@pytest.mark.parametrize("header", [None, "", "   ", "x", "a.b.c", "é" * 10, "Bearer \u00e9", "x" * 100_000, ".", ".."])
def test_what_is_no_token_is_401(db, header):
    refused(call(header))


def test_basic_credentials_are_401(member):
    refused(call("Basic " + base64.b64encode(f"member:{PASSWORD}".encode()).decode()))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": timedelta(seconds=-1)},
        {"exp": None},
        {"iat": timedelta(hours=1)},
        {"nbf": timedelta(hours=1)},
        {"typ": "refresh"},
        {"typ": None},
        {"jti": None},
        {"jti": 5},
        {"uid": None},
        {"uid": "x"},
        {"uid": "0"},
        {"uid": "-1"},
        {"uid": "²"},
        {"uid": "9" * 40},
        {"uid": ["1"]},
        {"epoch": None},
        {"epoch": "0"},
        {"epoch": True},
        {"epoch": 1},
    ],
    ids=str,
)
def test_wrong_claims_are_401(member, changes):
    now = timezone.now()
    claims = {name: now + value if isinstance(value, timedelta) else value for name, value in changes.items()}
    refused(call(signed(member, **claims)))


@once
def test_a_token_that_was_taken_before_ends_with_its_time(member):
    token = signed(member, exp=int(time.time()) + 3)
    assert call(token).status_code == 200
    until(lambda: call(token).status_code == 401, "it has expired", seconds=10)
    refused(call(token))


@pytest.mark.parametrize(("column", "value"), [("token_epoch", 1), ("status", 3), ("deleted_at", "2026-01-01T00:00Z")])
def test_a_token_that_was_taken_before_ends_with_a_change_of_its_user(member, column, value):
    token = signed(member)
    assert call(token).status_code == 200
    User.objects.filter(pk=member.pk).update(**{column: value})
    refused(call(token))


def test_another_key_is_401(member):
    refused(call(signed(member, key="another key that is long enough for the algorithm")))


def test_another_algorithm_is_401(member):
    refused(call(signed(member, algorithm="HS512", key=KEY * 2)))
    refused(call(signed(member, algorithm="HS384", key=KEY)))


def test_algorithm_none_is_401(member):
    refused(call(signed(member, key=None, algorithm="none")))
    _, payload, signature = signed(member).split(".")
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).decode().rstrip("=")
    refused(call(f"{none}.{payload}.{signature}"))
    refused(call(f"{none}.{payload}."))


def test_a_changed_payload_is_401(member, system):
    header, _, signature = signed(member).split(".")
    payload = signed(system).split(".")[1]
    refused(call(f"{header}.{payload}.{signature}"))


def test_a_token_of_nobody_is_401(db, make_user):
    user = make_user(1)
    token = signed(user)
    user.delete()
    refused(call(token))


@pytest.mark.parametrize("status", [2, 3])
def test_a_token_of_a_refused_user_is_401(make_user, status):
    refused(call(signed(make_user(1, status=status))))


def test_the_token_that_we_issue_holds_what_it_must(member, api):
    payload = jwt.decode(api(member).token, KEY, algorithms=["HS256"])
    assert payload["uid"] == str(member.pk)
    assert payload["epoch"] == 0
    assert payload["exp"] - payload["iat"] == 3600
    assert len(payload["jti"]) == 32
    assert set(payload) == {"typ", "uid", "jti", "epoch", "iat", "exp"}


def test_logout_ends_the_presented_token_only(member, api):
    one, two = api(member), api(member)
    assert one.delete(URL).json() == {"code": 200, "message": "success"}
    assert one.get(URL).status_code == 401
    assert one.delete(URL).status_code == 401
    assert two.get(URL).status_code == 200


def test_logout_has_two_spellings(member, api):
    client = api(member)
    assert client.delete("/v1/authorizations").status_code == 200
    assert client.get(URL).status_code == 401
    assert api(member).get("/v1/authorizations").status_code == 405


def test_tidy_forgets_only_what_has_expired(member, api):
    client = api(member)
    client.delete(URL)
    RevokedToken.objects.create(jti="old", expires_at=timezone.now() - timedelta(seconds=1))
    tidy()
    assert RevokedToken.objects.count() == 1
    assert client.get(URL).status_code == 401


def refused(response):
    assert response.status_code == 401
    assert response.json()["code"] == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert "success" not in response.json()["message"]
