"""The back-office in Chinese: every page of it, found by walking; what is left of English is a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from otestack.models import TrailEntry
from otestack.sentences import say
from tests.admin.conftest import (  # noqa: F401
    Office,
    _installation,
    beijing,
    body,
    decide,
    deploy,
    harbin,
    office,
    versions,
)
from tests.languages.test_stored import passed

# Names: of the product, of what Kubernetes and others call by no Chinese name, and of this test's own things.
NAMES = {
    *("OTE", "Stack", "English", "API", "ID", "IP", "CPU", "GPU", "GiB", "Pod", "Kubernetes", "kubeconfig", "chart"),
    *("Harbor", "UTC", "UID", "UUID", "JSON", "CSV", "SHA", "Linux", "Deployment", "Service", "Secret", "Namespace"),
    *("acme", "system", "beijing", "harbin", "north", "gpu", "web", "web1", "web2", "nginx", "root", "Somebody"),
    *("unlimited", "first", "esc", "None", "admin", "member", "default"),
}
# The beginning of a request's id; data in braces is the API's.
DATA = re.compile(r"\b[0-9a-f]{8}\b|\{[^}]*\}")


class Texts(HTMLParser):
    """What a person reads or hears of a page: text, labels, hints; not code, icons' names and what is shown as data."""

    SILENT = ("script", "style", "pre", "code", "textarea", "option-data")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.silent: list[str] = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag in ("br", "img", "input", "meta", "link", "hr", "source"):
            pass
        elif self.silent or tag in self.SILENT or "material-symbols-outlined" in (given.get("class") or ""):
            self.silent.append(tag)
        for name in ("title", "aria-label", "placeholder", "alt", "data-as-of"):
            if given.get(name):
                self.found.append(given[name])
        if tag == "input" and given.get("type") in ("submit", "button"):
            self.found.append(given.get("value") or "")

    def handle_endtag(self, tag):
        if self.silent and self.silent[-1] == tag:
            self.silent.pop()

    def handle_data(self, data):
        if not self.silent and data.strip():
            self.found.append(" ".join(data.split()))


def english(page: str) -> list[str]:
    """The texts of a page that hold a word that is neither Chinese nor a name."""
    texts = Texts()
    texts.feed(page)
    known = {name.lower() for name in NAMES}
    trail = TrailEntry.objects.values_list("verb", "kind", "object_name")
    said = {word for row in trail for word in row if word}  # the trail is in English
    left = []
    for text in texts.found:
        if text in said:
            continue
        plain = DATA.sub(" ", unescape(text))
        for name in sorted(said, key=len, reverse=True):
            plain = plain.replace(name, " ") if " " in name else plain
        plain = re.sub(r"\S*[/@_=.]\S*[A-Za-z0-9]\S*|\b[a-f0-9-]{12,}\b", " ", plain)
        words = re.findall(r"\b(?!ns\d)[A-Za-z][A-Za-z0-9']+", plain)
        if [word for word in words if word.lower() not in known and not re.fullmatch(r"v?\d\S*", word)]:
            left.append(text)
    return left


def pages(model_admin) -> Iterator[str]:
    """The list, a record, and the page of each deed."""
    name = f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}"
    yield reverse(f"{name}_changelist")
    record = model_admin.model._default_manager.order_by("pk").last()
    if record is None:
        return
    yield reverse(f"{name}_change", args=[record.pk])
    yield reverse(f"{name}_history", args=[record.pk])
    for one in model_admin.every_deed().values():
        yield reverse(f"{name}_do", args=[one.name]) + f"?id={record.pk}"
    if model_admin.making is not None:
        yield reverse(f"{name}_make")


@pytest.fixture
def world(deploy, admin, member, versions, beijing, harbin):  # noqa: F811
    """Something of everything, also what is wrong."""
    versions(2)
    deploy(admin)
    deploy(member, deployName="web2", cluster="north")
    passed(say("no node carries label %(node_label)s", node_label="gpu"))


def chinese(person: Office) -> Office:
    """The person chooses Chinese, by the button on the page."""
    person.get("/admin/")
    person.post("/admin/language/", language="zh-hans", next="/admin/")
    return person


def test_every_page_is_chinese(world, office):  # noqa: F811
    chinese(office)
    paths = ["/admin/", reverse("admin:overview"), reverse("admin:password_change")]
    for model_admin in admin.site._registry.values():
        paths += pages(model_admin)
    assert len(paths) > 40
    left = {path: found for path in paths if (found := english(office.get(path)))}
    assert not left, "\n".join(sorted({text for found in left.values() for text in found}))


def test_a_state_has_its_tone_in_every_language(world, office, make_user):  # noqa: F811
    """Green is green, whatever the word is: tones go by what is said, not by how."""

    def tones(language: str) -> dict[str, list[str]]:
        office.client.cookies["otestack_language"] = language
        found = {}
        for model_admin in admin.site._registry.values():
            for path in list(pages(model_admin))[:2]:
                found[path] = re.findall(r"ote-badge ote-(\w+)", office.get(path))
        return found

    make_user(role=0, username="lili")
    english = tones("en")
    assert {"good", "warn", "calm", "dim"} <= {tone for page in english.values() for tone in page}
    assert tones("zh-hans") == english


def test_the_way_in_is_chinese_for_whom_the_browser_says_so(db):
    page = Client(headers={"accept-language": "zh-CN"}).get("/admin/login/")
    assert english(page.content.decode()) == []
    assert page.headers["Content-Language"] == "zh-hans"
    assert 'lang="zh-hans"' in page.content.decode()


def test_what_was_chosen_stays_and_wins_over_the_browser(office):  # noqa: F811
    page = office.get("/admin/")
    assert 'lang="en"' in page and 'aria-current="true">English</button>' in page
    page = chinese(office).get("/admin/")
    assert '<html lang="zh-hans"' in page and 'aria-current="true">简体中文</button>' in page
    answer = office.client.get("/admin/", headers={"accept-language": "en"})
    assert answer.headers["Content-Language"] == "zh-hans"
    assert {"Cookie", "Accept-Language"} <= set(answer.headers["Vary"].split(", "))
    cookie = office.client.cookies["otestack_language"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["max-age"]
    office.get("/admin/")
    office.post("/admin/language/", language="en", next="/admin/")
    assert '<html lang="en"' in office.page


@pytest.mark.parametrize("language", ["xx", "", "../../en", "zh-hans\x00"])
def test_a_choice_that_there_is_not_changes_nothing(office, language):  # noqa: F811
    office.get("/admin/")
    office.post("/admin/language/", language=language, next="/admin/")
    assert '<html lang="en"' in office.page
    office.client.cookies["otestack_language"] = language.replace("\x00", "")
    assert '<html lang="en"' in office.get("/admin/") or language.startswith("zh-hans")


def test_the_choice_leads_nowhere_else_and_needs_its_token(office):  # noqa: F811
    office.get("/admin/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', office.page)
    fields = {"language": "zh-hans", "next": "https://evil.example/", "csrfmiddlewaretoken": token[1]}
    answer = office.client.post("/admin/language/", fields)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert office.client.get("/admin/language/").status_code == 405
    assert office.client.post("/admin/language/", {"language": "en"}).status_code == 403


def test_a_deed_answers_in_chinese_and_the_trail_stays_english(world, office, make_user):  # noqa: F811
    waiting = make_user(role=0, username="lili")
    chinese(office).choose("accounts_user", "approve", waiting)
    assert "批准：1 个用户" in office.page
    office.confirm(comment="好")
    assert office.messages("success") == ["用户 lili：已批准。"]
    entry = TrailEntry.objects.order_by("-pk")[0]
    assert (entry.verb, entry.object_name) == ("approve", "lili")
    office.choose("accounts_user", "approve", waiting)
    office.get(reverse("admin:accounts_user_do", args=["delete"]) + f"?id={waiting.pk}")
    assert "其令牌立即失效" in office.page


def test_history_and_titles_are_in_each_readers_language_whoever_wrote_them(world, office, make_user):  # noqa: F811
    waiting = make_user(role=0, username="lili")
    history = reverse("admin:accounts_user_history", args=[waiting.pk])
    office.choose("accounts_user", "approve", waiting)
    office.confirm(comment="fine")
    assert "Approved. Comment: fine" in office.get(history)
    chinese(office).choose("accounts_user", "forbid", waiting)
    office.confirm(comment="")
    page = office.get(history)
    assert "已批准。备注：fine" in page and "Approved" not in page
    bundles = reverse("admin:clusters_bundle_changelist")
    assert "部署 web1" in office.get(f"{bundles}?q=web1") and "业务 acme" in office.page
    office.client.cookies["otestack_language"] = "en"
    assert "deployment web1" in office.get(f"{bundles}?q=deployment+web1") and "business acme" in office.page
    page = office.get(history)
    assert "Approved. Comment: fine" in page and "Forbidden; its tokens have ended." in page


def test_the_trail_names_things_in_english_whatever_the_reader_speaks(world, office):  # noqa: F811
    from deployments.models import Operation

    waits = Operation.objects.filter(audit=0, open=True).get()
    chinese(office).choose("deployments_operation", "refuse", waits)
    office.confirm(comment="")
    assert office.messages("success")
    assert all(name.isascii() for name in TrailEntry.objects.values_list("object_name", flat=True))
    assert all(verb.isascii() for verb in TrailEntry.objects.values_list("verb", flat=True))
