"""Two ways in, kept apart: cookies open the back-office and nothing else, tokens open the API and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin as site
from django.test import Client
from django.urls import reverse

from accounts import services
from accounts.policy import ALIASES, POLICY
from tests.conftest import PASSWORD, Api
from tests.contract.test_roles import snapshot

DOOR = "/admin/login/"
ENDPOINTS = [name for name, rule in POLICY.items() if rule.roles] + list(ALIASES)


@pytest.fixture
def browser(system: Any) -> Client:
    """The system administrator's, logged in; it enforces CSRF as a browser would meet it."""
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    page = client.get(DOOR).content.decode()
    form = {"username": "root", "password": PASSWORD, "csrfmiddlewaretoken": csrf(page)}
    assert client.post(DOOR, form | {"next": "/admin/"}).status_code == 302
    return client


def csrf(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found
    return found[1]


def pages() -> list[str]:
    """Return every page of the back-office that has no record in its address."""
    names = ["index", "overview", "search", "clusters_cluster_make", "password_change", "jsi18n", "autocomplete"]
    found = [reverse(f"admin:{name}") for name in names]
    for model, screen in site.site._registry.items():
        listing = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        deeds = screen.every_deed() if hasattr(screen, "every_deed") else {}
        found += [listing, f"{listing}1/change/", *(f"{listing}do/{name}/?id=1" for name in deeds)]
    return found


def test_a_session_opens_no_endpoint(browser: Client) -> None:
    headers = {"X-CSRFToken": browser.cookies["csrftoken"].value, "Origin": "http://testserver"}
    before = snapshot()
    for endpoint in ENDPOINTS:
        method, path = endpoint.split(" ")
        path = path.replace("[id]", "1").replace("[name]", "x")
        answer = getattr(browser, method.lower())(path, content_type="application/json", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, 401), endpoint
    assert snapshot() == before


def test_a_token_opens_no_page(system: Any) -> None:
    client = Api(system)
    for form in ("{}", "Bearer {}"):
        for path in pages():
            answer = client.client.get(path, headers={"Authorization": form.format(client.token)})
            assert answer.status_code == 302, path
            assert answer.headers["Location"].startswith(DOOR), path


def test_logging_in_to_the_api_sets_no_cookie(api: Any, system: Any) -> None:
    answer = api().post("/v1/authorization", {"user": "root", "password": PASSWORD})
    assert answer.status_code == 200
    assert not answer.cookies


@pytest.mark.parametrize("session", ["the browser's", "chosen-by-an-attacker", "x"])
def test_the_api_looks_at_no_session(browser: Client, system: Any, session: str) -> None:
    client = Api(system)
    client.client.cookies["sessionid"] = browser.cookies["sessionid"].value if session == "the browser's" else session
    for path in ("/v1/authorization", "/v1/user", "/v1/none", "/healthz"):
        answer = client.get(path)
        assert not answer.cookies, path
        assert "Cookie" not in answer.headers["Vary"], path


def test_no_post_without_the_page_it_belongs_to(browser: Client, make_user: Any) -> None:
    make_user(0, username="applicant")
    before = snapshot()
    forms: list[dict[str, str]] = [{}, {"csrfmiddlewaretoken": "x" * 64}, {"csrfmiddlewaretoken": "x"}]
    for path in (*pages(), DOOR, "/admin/logout/"):
        for form in forms:
            data = form | {"action": "approve", "_selected_action": "1", "username": "root", "password": PASSWORD}
            answer = browser.post(path, data)
            assert answer.status_code in {403, 405}, path
            assert "Traceback" not in answer.content.decode()
    assert snapshot() == before
    assert browser.get("/admin/").status_code == 200  # not logged out either


def test_not_from_another_origin_either(browser: Client) -> None:
    token = csrf(browser.get("/admin/password_change/").content.decode())
    form = {"csrfmiddlewaretoken": token, "old": PASSWORD, "password": "An0therPassword", "again": "An0therPassword"}
    for origin in ("http://evil.example", "null", "https://testserver", "http://testserver.evil.example"):
        assert browser.post("/admin/password_change/", form, headers={"Origin": origin}).status_code == 403
    assert browser.post("/admin/password_change/", form, headers={"Origin": "http://testserver"}).status_code == 302


def test_nothing_changes_by_following_a_link(browser: Client, make_user: Any) -> None:
    make_user(0, username="applicant")
    before = snapshot()
    for path in pages():
        browser.get(path)
    browser.get("/admin/logout/")
    assert snapshot() == before
    assert browser.get("/admin/").status_code == 200


def test_cookies_are_out_of_reach(browser: Client) -> None:
    session, token = browser.cookies["sessionid"], browser.cookies["csrftoken"]
    assert (session["httponly"], session["samesite"], session["path"]) == (True, "Lax", "/")
    assert (token["httponly"], token["samesite"]) == (True, "Lax")


def test_behind_tls_cookies_never_travel_without_it(settings: Any, system: Any) -> None:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    client = Client()
    client.get(DOOR, secure=True)
    client.post(DOOR, {"username": "root", "password": PASSWORD, "next": "/admin/"}, secure=True)
    assert client.cookies["sessionid"]["secure"] and client.cookies["csrftoken"]["secure"]


@pytest.mark.parametrize(
    ("https", "proxies", "believed"), [("false", "1", False), ("true", "0", False), ("true", "1", True)]
)
def test_one_setting_says_that_we_are_behind_tls(tmp_path: Path, https: str, proxies: str, believed: bool) -> None:
    show = (
        "from otestack import settings as s; "
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, hasattr(s, 'SECURE_PROXY_SSL_HEADER'))"
    )
    env = {"OTE_DATA_DIR": str(tmp_path), "OTE_DEBUG": "true", "OTE_HTTPS": https, "OTE_TRUSTED_PROXIES": proxies}
    shown = subprocess.run([sys.executable, "-c", show], env=env, capture_output=True, text=True, check=True).stdout
    secure = str(https == "true")
    assert shown.split() == [secure, secure, str(believed)]


def test_a_login_gets_a_session_of_its_own(system: Any) -> None:
    client = Client()
    client.cookies["sessionid"] = "chosen-by-an-attacker"
    client.post(DOOR, {"username": "root", "password": PASSWORD, "next": "/admin/"})
    first = client.cookies["sessionid"].value
    assert first != "chosen-by-an-attacker"
    client.post("/admin/logout/")
    client.post(DOOR, {"username": "root", "password": PASSWORD, "next": "/admin/"})
    assert client.cookies["sessionid"].value != first


def _forbidden_and_pardoned(user: Any, chief: Any) -> None:
    services.audit(user, status=3, by=chief)
    services.audit(user, status=1, by=chief)


def _not_administrator_for_a_while(user: Any, chief: Any) -> None:
    services.remove_system_admin(user, by=chief)
    services.make_system_admin(user, by=chief)


@pytest.mark.parametrize(
    "end",
    [
        lambda user, chief: services.audit(user, status=3, by=chief),
        lambda user, chief: services.reset_password(user, "An0therPassword", by=chief),
        lambda user, chief: services.change_password(user, old=PASSWORD, new="An0therPassword", address="x"),
        lambda user, chief: services.delete(user, by=chief),
        lambda user, chief: services.remove_system_admin(user, by=chief),
        _forbidden_and_pardoned,
        _not_administrator_for_a_while,
    ],
    ids=["forbidden", "reset", "changed", "deleted", "demoted", "pardoned", "demoted for a while"],
)
def test_what_ends_tokens_ends_sessions(browser: Client, system: Any, make_user: Any, end: Any) -> None:
    end(system, make_user(4, system.business))
    assert browser.get("/admin/").status_code == 302


def test_logging_out_ends_the_session_on_the_server(browser: Client, system: Any) -> None:
    stolen = Client()
    stolen.cookies["sessionid"] = browser.cookies["sessionid"].value
    assert stolen.get("/admin/").status_code == 200
    browser.post("/admin/logout/", {"csrfmiddlewaretoken": csrf(browser.get("/admin/").content.decode())})
    assert stolen.get("/admin/").status_code == 302


def test_pages_cannot_be_framed_sniffed_or_kept(browser: Client) -> None:
    for path in (*pages(), DOOR):
        answer = browser.get(path)
        assert answer.headers["X-Frame-Options"] == "DENY", path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        if answer.status_code == 200 and path != reverse("admin:jsi18n"):  # which holds nobody's data
            assert "no-store" in answer.headers["Cache-Control"], path
    answer = Client().get("/v1/cluster")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


ELSEWHERE = (
    "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
    "/\t/evil.example", "http:evil.example", "javascript:alert(1)", " https://evil.example", "https:/evil.example",
    "//evil.example/admin/", "/%2f/evil.example\r\nX: y", "http://testserver@evil.example/",
    "/admin/../..//evil.example", "\x00//evil.example",
)  # fmt: skip


@pytest.mark.parametrize("place", ELSEWHERE)
def test_no_login_leads_elsewhere(system: Any, place: str) -> None:
    client, form = Client(), {"username": "root", "password": PASSWORD}
    for body, query in ((form | {"next": place}, {}), (form, {"next": place})):
        answer = client.post(DOOR, body, query_params=query)
        assert answer.status_code == 302
        assert re.match(r"/(?![/\\])", answer.headers["Location"]), answer.headers["Location"]


@pytest.mark.parametrize("place", ELSEWHERE)
def test_no_deed_leads_elsewhere(browser: Client, make_user: Any, place: str) -> None:
    user = make_user(0)
    page = browser.get(f"/admin/accounts/user/do/approve/?id={user.pk}").content.decode()
    form = {"csrfmiddlewaretoken": csrf(page), "_selected_action": str(user.pk), "next": place, "comment": ""}
    answer = browser.post("/admin/accounts/user/do/approve/", form)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/admin/accounts/user/")


@pytest.mark.parametrize("lookup", ["password__startswith", "password", "password__regex", "business__users__password"])
def test_no_address_asks_for_what_is_not_shown(browser: Client, lookup: str) -> None:
    listing = "/admin/accounts/user/"
    answers = [browser.get(listing, {lookup: value}) for value in ("md5", "zzz")]
    assert {answer.status_code for answer in answers} <= {302, 400}
    assert answers[0].content == answers[1].content


def test_every_screen_keeps_to_that(browser: Client) -> None:
    for model, screen in site.site._registry.items():
        for name in getattr(screen, "deferred", ()):
            listing = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
            assert browser.get(listing, {f"{name}__isnull": "False"}).status_code in {302, 400}, (listing, name)
