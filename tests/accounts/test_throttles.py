"""429: failed logins and registrations, and who the client is."""

import threading

import pytest
from django.core.cache import cache
from django.test import RequestFactory

from accounts.throttles import Throttle
from otestack.caller import client_address
from otestack.errors import TooMany
from tests.accounts.test_register import BODY
from tests.conftest import PASSWORD

LOGIN = "/v1/authorization"


def login(api, password=PASSWORD, user="member", **extra):
    return api().client.post(LOGIN, {"user": user, "password": password}, content_type="application/json", **extra)


def exhaust(api, **extra):
    return [login(api, "Wrong0000", **extra).status_code for _ in range(10)]


def test_ten_failures_then_429_even_with_the_right_password(api, member):
    assert exhaust(api) == [401] * 10
    for password in ("Wrong0000", PASSWORD):
        response = login(api, password)
        assert response.status_code == 429
        assert response.json()["code"] == 429
        assert 290 <= int(response.headers["Retry-After"]) <= 300


def test_logins_that_succeed_do_not_count(api, member):
    assert [login(api).status_code for _ in range(15)] == [200] * 15


def test_failures_are_counted_whatever_the_case_and_whether_the_user_exists(api, db):
    codes = [login(api, user=name).status_code for name in ["ghost", "GHOST"] * 5]
    assert codes == [401] * 10
    assert login(api, user="Ghost").status_code == 429


def test_other_users_and_other_addresses_are_free(api, member, admin):
    exhaust(api)
    assert login(api, user="admin").status_code == 200
    assert login(api, REMOTE_ADDR="10.1.1.1").status_code == 200
    assert login(api).status_code == 429


def test_the_limit_is_a_setting_and_the_window_ends(api, member, settings):
    settings.OTE_LOGIN_FAILURES, settings.OTE_LOGIN_SECONDS = 1, 1
    assert login(api, "Wrong0000").status_code == 401
    response = login(api)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")
    wait_for(lambda: login(api).status_code == 200)


def test_registrations_of_one_address(api, db, settings):
    settings.OTE_REGISTRATIONS = 3
    codes = [api().post("/v1/user", BODY | {"user": f"u{number}"}).status_code for number in range(4)]
    assert codes == [200, 200, 200, 429]
    response = api().post("/v1/user", BODY)
    assert 50 <= int(response.headers["Retry-After"]) <= 60


def test_registrations_are_60_a_minute(settings):
    assert (settings.OTE_REGISTRATIONS, settings.OTE_REGISTRATION_SECONDS) == (60, 60)
    assert (settings.OTE_LOGIN_FAILURES, settings.OTE_LOGIN_SECONDS) == (10, 300)


def test_wrong_parameters_do_not_count_as_registrations(api, db, settings):
    settings.OTE_REGISTRATIONS = 1
    assert [api().post("/v1/user", {}).status_code for _ in range(3)] == [422] * 3
    assert api().post("/v1/user", BODY).status_code == 200


def test_a_forged_header_does_not_free_a_client(api, member):
    for number in range(10):
        login(api, "Wrong0000", HTTP_X_FORWARDED_FOR=f"10.0.0.{number}")
    assert login(api, HTTP_X_FORWARDED_FOR="10.9.9.9").status_code == 429


def test_behind_a_proxy_the_forged_part_does_not_count(api, member, settings):
    settings.OTE_TRUSTED_PROXIES = 1
    for number in range(10):
        login(api, "Wrong0000", HTTP_X_FORWARDED_FOR=f"10.0.0.{number}, 203.0.113.5")
    assert login(api, HTTP_X_FORWARDED_FOR="203.0.113.5").status_code == 429
    assert login(api, HTTP_X_FORWARDED_FOR="203.0.113.6").status_code == 200


@pytest.mark.parametrize(
    ("proxies", "header", "address"),
    [
        (0, "1.1.1.1, 2.2.2.2", "127.0.0.1"),
        (1, "1.1.1.1, 2.2.2.2", "2.2.2.2"),
        (2, "1.1.1.1, 2.2.2.2", "1.1.1.1"),
        (3, "1.1.1.1, 2.2.2.2", "127.0.0.1"),
        (1, "", "127.0.0.1"),
        (1, " , ,", "127.0.0.1"),
        (1, "2001:db8::1", "2001:db8::1"),
    ],
)
def test_client_address(settings, proxies, header, address):
    settings.OTE_TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", HTTP_X_FORWARDED_FOR=header)
    assert client_address(request) == address


def test_attempts_at_the_same_time_take_each_their_slot():
    throttle = Throttle("together", limit=20, seconds=60)
    taken, refused = [], []

    def attempt():
        try:
            throttle.take()
            taken.append(1)
        except TooMany:
            refused.append(1)

    threads = [threading.Thread(target=attempt) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refused)) == (20, 10)
    with pytest.raises(TooMany):
        throttle.check()


@pytest.mark.parametrize("kind", ["filebased.FileBasedCache", "redis.RedisCache"])
def test_nobody_is_locked_out_by_a_broken_cache(api, member, settings, tmp_path, kind):
    place = tmp_path / "cache"
    place.write_text("a file where the folder should be")
    location = str(place) if kind.startswith("file") else "redis://127.0.0.1:1/0"
    settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{kind}", "LOCATION": location}}
    assert login(api).status_code == 200
    assert login(api, "Wrong0000").status_code == 401


def test_the_back_office_is_throttled_too(client, system):
    form = {"username": "root", "password": "Wrong0000"}
    for _ in range(10):
        client.post("/admin/login/", form)
    client.post("/admin/login/", form | {"password": PASSWORD})
    assert "_auth_user_id" not in client.session
    cache.clear()
    client.post("/admin/login/", form | {"password": PASSWORD})
    assert client.session["_auth_user_id"] == str(system.pk)


@pytest.mark.parametrize("name", ["member", "forbidden"])
def test_the_back_office_is_for_system_administrators(client, member, make_user, name):
    make_user(4, username="forbidden", status=3)
    client.post("/admin/login/", {"username": name, "password": PASSWORD})
    assert client.get("/admin/").status_code == 302


def wait_for(condition, seconds=10):
    event = threading.Event()
    for _ in range(seconds * 20):
        if condition():
            return
        event.wait(0.05)
    raise AssertionError("it did not become true in time")
