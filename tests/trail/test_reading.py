"""The trail in the back-office and as a file: whose, filtered, streamed, safe to open."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clusters.engine.clock import db_now
from otestack import trail
from otestack.models import TrailEntry
from otestack.trail import reading
from tests.admin.conftest import Office

LIST = "/admin/otestack/trailentry/"


@pytest.fixture
def entries(acme: Any, other: Any) -> None:
    """Three of acme, one of another business, one of none."""
    trail.write(
        [
            trail.of("user", 1, "=cmd|x", "create", business=acme.pk, after={"status": 1}),
            trail.of("user", 2, "two", "forbid", business=acme.pk, before={"status": 1}, after={"status": 3}),
            trail.of("deployment", 3, "<b>web", "approve", business=acme.pk),
            trail.of("user", 4, "four", "create", business=other.pk),
            trail.of("cluster", 5, "beijing", "went away"),
        ]
    )


@pytest.fixture
def office(system: Any) -> Office:
    person = Office()
    assert person.login(system.username)
    return person


def export(office: Office, form: str, query: str = "") -> str:
    answer = office.client.get(f"{LIST}export/{form}/{query}")
    assert answer.status_code == 200
    assert answer.streaming
    assert f'filename="audit-trail.{form}"' in answer.headers["Content-Disposition"]
    return b"".join(answer.streaming_content).decode()


def test_the_list_and_one_entry(office: Office, entries: None) -> None:
    page = office.get(LIST)
    for words in ("beijing", "went away", "acme", "&lt;b&gt;web"):
        assert words in page
    assert "<b>web" not in page
    assert "Add " not in page and 'name="action"' not in page
    forbidden = TrailEntry.objects.get(verb="forbid")
    page = office.get(f"{LIST}{forbidden.pk}/change/")
    assert "&quot;status&quot;: 3" in page and "acme" in page
    assert 'name="_save"' not in page


def test_an_entry_leads_to_its_record_while_there_is_one(office: Office, acme: Any, beijing: Any) -> None:
    """What is gone, what has no screen, and names from elsewhere are named only."""

    def page(kind: str, pk: object) -> str:
        trail.write([trail.of(kind, pk, "the object", "create", business=acme.pk)])
        return office.get(f"{LIST}{TrailEntry.objects.latest('pk').pk}/change/")

    for kind, pk, path in (("business", acme.pk, "business/business"), ("cluster", beijing.pk, "clusters/cluster")):
        assert f'<a href="/admin/{path}/{pk}/change/">the object</a>' in page(kind, pk)
    gone = [("cluster", 99), ("cluster", "9" * 30), ("cluster", ""), ("cluster", "\u0661"), ("image", "1"), ("none", 1)]
    for kind, pk in gone:
        assert "the object" in page(kind, pk) and ">the object</a>" not in office.page


def test_filters_and_search(office: Office, entries: None) -> None:
    assert "four" not in office.get(f"{LIST}?q=two")
    assert "went away" not in office.get(f"{LIST}?channel__exact=api")


def test_export_as_json(office: Office, entries: None) -> None:
    found = json.loads(export(office, "json"))
    assert [row["object"] for row in found] == ["beijing", "four", "<b>web", "two", "=cmd|x"]
    two = found[3]
    assert (two["business"], two["before"], two["after"]) == ("acme", {"status": 1}, {"status": 3})
    assert [row["object"] for row in json.loads(export(office, "json", "?q=forbid"))] == []
    assert [row["object"] for row in json.loads(export(office, "json", "?q=cluster"))] == ["beijing"]


def test_export_as_csv_runs_no_formula(office: Office, entries: None) -> None:
    rows = list(csv.DictReader(io.StringIO(export(office, "csv"))))
    assert tuple(rows[0]) == reading.COLUMNS
    assert [row["object"] for row in rows] == ["beijing", "four", "<b>web", "two", "'=cmd|x"]
    assert json.loads(rows[3]["after"]) == {"status": 3}


@pytest.mark.parametrize("first", ["", " ", "\t", "\n", "\r\n", "\u00a0", "\u3000 ", "\ufeff", "\x0b\x1f", "'"])
@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_nothing_before_a_formula_hides_it(office: Office, db: None, first: str, sign: str) -> None:
    name = f"{first}{sign}1+1"
    trail.write([trail.of("user", 1, name, "create")])
    (row,) = csv.DictReader(io.StringIO(export(office, "csv"), newline=""))
    assert row["object"] == (name if first == "'" else f"'{name}")


@pytest.mark.parametrize("name", ["\tx", "\rx", "\nx"])
def test_no_cell_begins_with_what_ends_one(office: Office, db: None, name: str) -> None:
    trail.write([trail.of("user", 1, name, "create")])
    (row,) = csv.DictReader(io.StringIO(export(office, "csv"), newline=""))
    assert row["object"] == f"'{name}"


def test_an_unknown_form_is_404(office: Office) -> None:
    assert office.client.get(f"{LIST}export/xml/").status_code == 404


def test_a_filter_that_cannot_be_read_is_404(office: Office, entries: None) -> None:
    assert office.client.get(f"{LIST}export/csv/?at__gte=yesterday").status_code == 404


def test_nobody_else_gets_it(api: Any, admin: Any, entries: None) -> None:
    stranger = Office()
    for path in (LIST, f"{LIST}export/csv/"):
        answer = stranger.client.get(path)
        assert answer.status_code == 302 and "/admin/login/" in answer.headers["Location"]
    stranger.client.force_login(admin, backend="accounts.backends.Backend")
    assert stranger.client.get(f"{LIST}export/csv/").status_code == 404


def test_whose_entries(entries: None, admin: Any, system: Any, make_user: Any) -> None:
    def names(user: Any) -> set[str]:
        return set(TrailEntry.objects.visible_to(user).values_list("object_name", flat=True))

    assert names(admin) == {"=cmd|x", "two", "<b>web"}
    assert names(system) == {"=cmd|x", "two", "<b>web", "four", "beijing"}
    assert names(make_user(1)) == set()


def test_an_export_reads_in_pages(entries: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE", 2)
    with CaptureQueriesContext(connection) as queries:
        found = list(reading.records(TrailEntry.objects.all()))
    assert [row["id"] for row in found] == sorted((row["id"] for row in found), reverse=True)
    assert len(found) == 5
    assert len(queries) == 4 + 3  # pages, the last one empty, and names of those that have any
    assert len(list(reading.records(TrailEntry.objects.all(), most=3))) == 3


def test_chosen_by_time(entries: None) -> None:
    now, rows = db_now() + timedelta(seconds=1), TrailEntry.objects.all()
    assert reading.chosen(rows, since=now - timedelta(hours=1), until=now).count() == 5
    assert not reading.chosen(rows, since=now).exists()
    assert not reading.chosen(rows, until=now - timedelta(hours=1)).exists()
    assert reading.chosen(rows, kind="user", verb="create", channel="").count() == 2
