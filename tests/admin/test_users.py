"""Users in the back-office."""

import re

import pytest

from accounts.models import User
from otestack.models import TrailEntry
from tests.admin.conftest import Office
from tests.conftest import PASSWORD

MODEL = "accounts_user"
LIST = "/admin/accounts/user/"


def now(user):
    return User.objects.select_related("business").get(pk=user.pk)


def page_of(user):
    return f"{LIST}{user.pk}/change/"


def test_who_waits_comes_first_then_the_newest(office, make_user):
    make_user(0, username="early")
    make_user(1, username="middle")
    make_user(0, username="late")
    page = office.get(LIST)
    places = [page.index(f">{name}</a>") for name in ("late", "early", "middle", "root")]
    assert places == sorted(places)


def test_waiting_users_are_approved_with_a_comment(office, make_user, noted):
    first, second, third = make_user(0), make_user(0), make_user(0)
    page = office.choose(MODEL, "approve", first, second)
    assert first.username in page and second.username in page and third.username not in page
    assert [now(user).status for user in (first, second, third)] == [0, 0, 0]
    office.confirm(comment="welcome")
    assert [now(user).status for user in (first, second, third)] == [1, 1, 0]
    assert office.messages("success") == [f"User {first}: approved.", f"User {second}: approved."]
    assert noted(first) == ["Approved. Comment: welcome"]
    assert "Approved. Comment: welcome" in office.get(f"{LIST}{first.pk}/history/")


def test_a_user_is_refused_and_forbidden(office, make_user, api, acme):
    waiting, working = make_user(0), make_user(2, acme)
    browser = api(working)
    office.choose(MODEL, "refuse", waiting)
    office.confirm(comment="nobody knows you")
    assert TrailEntry.objects.latest("pk").after == {"status": 2, "comment": "nobody knows you"}
    office.choose(MODEL, "forbid", working)
    office.confirm(comment="")
    assert TrailEntry.objects.latest("pk").after == {"status": 3}
    assert (now(waiting).status, now(working).status) == (2, 3)
    assert browser.get("/v1/authorization").status_code == 401


def test_each_of_many_succeeds_or_fails_on_its_own(office, system, member, noted):
    office.choose(MODEL, "forbid", system, member)
    office.confirm(comment="")
    assert office.messages("success") == ["User member: forbidden; its tokens have ended."]
    assert office.messages("error") == ["User root: You cannot take your own approval away."]
    assert (now(system).status, now(member).status) == (1, 3)
    assert (noted(system), len(noted(member))) == ([], 1)


def test_a_password_is_reset_by_the_rule(office, member, api, noted):
    browser = api(member)
    office.get(f"{LIST}do/reset_password/?id={member.pk}")
    office.confirm(password="weak", again="weak")
    assert "It must be 8 to 20 characters" in office.page
    office.confirm(password="NewPassw0rd", again="NewPassw0rd")
    assert office.messages("success") == ["User member: password reset; its tokens have ended."]
    assert browser.get("/v1/authorization").status_code == 401
    assert api().post("/v1/authorization", {"user": "member", "password": "NewPassw0rd"}).json()["code"] == 200
    assert "NewPassw0rd" not in "".join(noted(member)) + office.page


@pytest.mark.parametrize(("answers", "role"), [({"is_admin": "on"}, 3), ({}, 2)])
def test_an_approved_user_is_given_a_business(office, make_user, acme, answers, role):
    user = make_user(1)
    assert "Give a business" in office.get(page_of(user))
    office.get(f"{LIST}do/give_business/?id={user.pk}")
    office.confirm(business=acme.pk, **answers)
    assert now(user).business == acme
    assert now(user).role == role
    assert "Give a business" not in office.get(page_of(user))


def test_who_cannot_be_given_a_business(office, make_user, acme, member, make_business):
    waiting, free = make_user(0), make_user(1)
    office.choose(MODEL, "give_business", waiting, member)
    office.confirm(business=acme.pk)
    assert len(office.messages("error")) == 2
    assert now(waiting).business is None
    office.choose(MODEL, "give_business", free)
    office.confirm(business=make_business(status=0).pk)
    assert "Select a valid choice" in office.page
    assert now(free).business is None


def test_only_approved_businesses_are_offered(office, acme, make_business):
    for status in (0, 2, 3):
        make_business(f"unfit{status}", status=status)
    found = office.get("/admin/autocomplete/?app_label=accounts&model_name=user&field_name=business&term=")
    assert "acme" in found
    assert "unfit" not in found


def test_a_system_administrator_is_made_and_removed(office, member):
    office.choose(MODEL, "make_system_admin", member)
    assert "It leaves the business acme." in office.page
    office.confirm()
    assert now(member).role == 4
    assert Office().login("member")
    office.choose(MODEL, "remove_system_admin", member)
    office.confirm()
    assert now(member).role == 1
    assert not Office().login("member")


def test_deleting_goes_by_the_service_and_says_what_goes(office, member, system, api):
    browser = api(member)
    page = office.choose(MODEL, "delete", member, system)
    assert "The business acme loses it as general user" in page
    office.confirm()
    assert office.messages("success") == ["User member: deleted."]
    assert office.messages("error") == ["User root: You cannot delete yourself."]
    assert browser.get("/v1/authorization").status_code == 401
    assert now(member).deleted_at is not None
    assert ">member</a>" not in office.get(LIST)
    assert ">member</a>" in office.get(LIST + "?deleted=yes")
    assert "deleted" in office.get(page_of(member))


def test_django_adds_edits_and_deletes_nothing(office, member):
    before = list(User.objects.order_by("pk").values())
    office.get(LIST + "add/", code=403)
    office.get(f"{LIST}{member.pk}/delete/", code=403)
    office.get(page_of(member))
    answer = office.client.post(page_of(member), {"username": "x"})
    assert answer.status_code == 403
    assert '"delete_selected"' not in office.get(LIST)
    assert list(User.objects.order_by("pk").values()) == before


def test_hashes_of_passwords_are_nowhere(office, member):
    assert PASSWORD not in office.get(page_of(member))
    assert now(member).password not in office.page


@pytest.mark.parametrize("role", ["0", "1", "2", "3", "4"])
def test_the_role_filter_agrees_with_the_role(office, make_user, acme, make_business, role):
    gone = make_business("gone", status=3)
    made = [make_user(0), make_user(1), make_user(2, acme), make_user(3, acme), make_user(2, gone), make_user(4)]
    page = office.get(f"{LIST}?role={role}")
    for user in made:
        assert (f">{user.username}</a>" in page) == (str(int(now(user).role)) == role)


def test_odd_input_is_refused_politely(office, member):
    assert office.client.get(f"{LIST}do/nothing/?id={member.pk}").status_code == 404
    for ids in ("", "?id=abc", "?id=99999999999999999999", "?id=987654", "?id=%00"):
        office.get(f"{LIST}do/approve/{ids}")
        assert office.messages("error") == ["There is no such record any more; nothing was done."]
    office.get(f"{LIST}do/approve/?id={member.pk}")
    office.confirm(comment="x" * 256)
    assert "at most 255 characters" in office.page
    assert office.client.post(f"{LIST}do/approve/", {"_selected_action": member.pk}).status_code == 403


def test_afterwards_one_is_where_one_was_and_never_elsewhere(office, make_user):
    user = make_user(0)
    office.choose(MODEL, "approve", user, query="?status__exact=0")
    back = office.page.split('name="next" value="')[1].split('"')[0]
    assert back == f"{LIST}?status__exact=0"
    office.get(f"{LIST}do/refuse/?id={user.pk}")
    token = office.page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    fields = {"csrfmiddlewaretoken": token, "_selected_action": user.pk, "comment": "", "next": "https://evil.example/"}
    assert office.client.post(f"{LIST}do/refuse/", fields)["Location"] == page_of(user)


def test_only_so_many_at_a_time_as_one_can_look_through(office):
    User.objects.bulk_create(User(username=f"many{number}", password="x", phone="12345") for number in range(201))
    office.get(LIST)
    first = User.objects.filter(username="many0").get()
    office.post(LIST, action="approve", index=0, select_across=1, _selected_action=[first.pk])
    assert office.messages("error") == ["Select at most 200 records at a time; nothing was done."]
    office.post(LIST + "?q=many1", action="approve", index=0, select_across=1, _selected_action=[first.pk])
    office.confirm(comment="")
    assert len(office.messages("success")) == User.objects.filter(status=1, username__startswith="many").count() == 111


@pytest.mark.parametrize(("to", "answers", "role"), [("other", {"is_admin": "on"}, 3), ("acme", {}, 2), (None, {}, 1)])
def test_role_and_business_change(office, admin, acme, other, api, to, answers, role):
    browser = api(admin)
    page = office.choose(MODEL, "move", admin)
    assert "Now: business administrator, business acme." in page
    office.confirm(business={"other": other.pk, "acme": acme.pk, None: ""}[to], **answers)
    assert len(office.messages("success")) == 1
    user = now(admin)
    assert (user.role, user.business and user.business.name) == (role, to)
    assert browser.get("/v1/authorization").status_code == (200 if to == "acme" else 401)


def test_who_cannot_be_moved(office, system, make_user, acme, make_business):
    office.choose(MODEL, "move", system, make_user(0))
    office.confirm(business=acme.pk)
    assert len(office.messages("error")) == 2 and not office.messages("success")
    office.choose(MODEL, "move", make_user(2, acme))
    office.confirm(business=make_business(status=0).pk)
    assert "Select a valid choice" in office.page


def test_a_move_begins_with_where_the_user_is(office, admin, acme):
    page = office.choose(MODEL, "move", admin)
    assert re.search(rf'<option value="{acme.pk}" selected>', page)
    assert re.search(r'name="is_admin"[^>]* checked', page)
