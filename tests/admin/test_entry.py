"""Who gets in, and the page that they see first."""

import re

import pytest

from accounts.models import Status
from tests.admin.conftest import Office
from tests.conftest import PASSWORD

REFUSED = "Please enter the correct user name and password for a staff account."


def test_the_system_administrator_gets_in(system):
    person = Office()
    assert person.login("ROOT")
    assert "OTE-Stack" in person.page


@pytest.mark.parametrize(
    "who", ["pending", "approved", "member", "forbidden", "deleted", "admin of a deleted business"]
)
def test_nobody_else_gets_in(who, make_user, make_business, acme, db):
    user = {
        "pending": lambda: make_user(0),
        "approved": lambda: make_user(1),
        "member": lambda: make_user(2, acme),
        "admin of a deleted business": lambda: make_user(3, make_business("gone", status=3)),
        "forbidden": lambda: make_user(4, status=Status.FORBIDDEN),
        "deleted": lambda: make_user(4, deleted_at="2024-01-01T00:00:00Z"),
    }[who]()
    person = Office()
    assert not person.login(user.username)
    assert REFUSED in person.page


def test_a_wrong_password_is_told_in_the_same_words(system):
    person = Office()
    assert not person.login("root", "Wrong0Password")
    assert REFUSED in person.page


def test_a_session_ends_with_the_right_to_it(office, system, make_user):
    from accounts import services

    services.remove_system_admin(system, by=make_user(4))
    assert "Log in" in office.get("/admin/accounts/user/")


def test_every_page_asks_for_a_login(client, db):
    for path in ("/admin/", "/admin/accounts/user/", "/admin/accounts/user/do/approve/?id=1", "/admin/clusters/node/"):
        answer = client.get(path)
        assert (answer.status_code, answer["Location"][:13]) == (302, "/admin/login/")


def test_what_waits_is_at_the_top(office, make_user, make_business, deploy, member, versions, beijing):
    assert office.get("/admin/").count("none</td>") == 3
    versions()
    deploy(member)
    make_user(0)
    make_user(0)
    make_user(0, deleted_at="2024-01-01T00:00:00Z")
    make_business(status=0, applicant=make_user(1))
    page = office.get("/admin/")
    for link, number in (
        ("/admin/accounts/user/?status__exact=0", 2),
        ("/admin/business/business/?status=0", 1),
        ("/admin/deployments/operation/?audit=waiting", 1),
    ):
        assert f'<a href="{link}"><strong>{number} waiting</strong></a>' in page
        assert len(re.findall(r'name="_selected_action" value', office.get(link))) == number
    assert "Groups" not in page


def test_the_own_password_changes_by_the_rule(office, system, api):
    old = api(system)
    office.get("/admin/password_change/")
    office.post("/admin/password_change/", old="Wrong0Password", password="NewPassw0rd", again="NewPassw0rd")
    assert "It is not the current password." in office.page
    office.post("/admin/password_change/", old=PASSWORD, password="weak", again="weak")
    assert "It must be 8 to 20 characters" in office.page
    office.post("/admin/password_change/", old=PASSWORD, password="NewPassw0rd", again="Another0ne")
    assert "The two are not the same." in office.page
    office.post("/admin/password_change/", old=PASSWORD, password="NewPassw0rd", again="NewPassw0rd")
    assert office.messages("success") == ["Your password is changed; your tokens for the API have ended."]
    assert "OTE-Stack" in office.get("/admin/accounts/user/") and "Log out" in office.page
    assert old.get("/v1/authorization").status_code == 401
    assert Office().login("root", "NewPassw0rd")


def test_pages_have_their_style(client, db):
    for name in ("css/base.css", "css/forms.css", "js/vendor/select2/select2.full.js"):
        assert client.get(f"/static/admin/{name}").status_code == 200


def test_what_goes_wrong_is_a_page_with_the_menu_inside_and_an_envelope_outside(office, system, client):
    for path in ("/admin/nothing/", "/admin/accounts/user/do/nothing/?id=1"):
        assert "There is no such page" in office.get(path, code=404)
        assert "Waiting for audit" in office.page
    assert office.client.get("/nothing").json()["code"] == 404
    token = {"csrfmiddlewaretoken": "x" * 64}
    answer = office.client.post("/admin/accounts/user/", token)
    assert (answer.status_code, "Nothing was done." in answer.content.decode()) == (403, True)
    assert client.get("/admin/nothing/").status_code == 302


def test_the_menu_counts_what_waits(office, make_user):
    assert "bg-orange-100" not in office.get("/admin/accounts/user/")
    make_user(0)
    assert re.search(r"<span>Users</span>\s*<span[^>]*bg-orange-100[^>]*>\s*1\s*</span>", office.get("/admin/"))


def test_pages_run_no_script_that_stands_in_them_and_ask_no_other_server(office):
    for path, code in (("/admin/", 200), ("/admin/login/", 200), ("/admin/nothing/", 404)):
        page = office.get(path, code)
        policy = office.client.get(path).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "script-src 'self' 'unsafe-eval';" in policy
        assert not re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", page), path
        assert not re.findall(r"\son[a-z]+=\"", page), path
    assert "Content-Security-Policy" not in office.client.get("/healthz").headers
