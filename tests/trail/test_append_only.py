"""What was written stays, whoever asks: the database itself refuses."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.core.management.commands import flush
from django.db import DatabaseError, connection, transaction

from otestack import trail
from otestack.models import TrailEntry

SENTENCE = "append-only"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _entry(db: None) -> None:
    trail.write([trail.of("thing", 1, "one", "create")])


def refused(sql: str) -> None:
    with pytest.raises(DatabaseError, match=SENTENCE), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert TrailEntry.objects.get().verb == "create"


def test_update_and_delete_are_refused() -> None:
    refused("UPDATE audit_trail SET verb = 'other'")
    refused("DELETE FROM audit_trail")


def test_the_orm_is_refused_too() -> None:
    row = TrailEntry.objects.get()
    row.verb = "other"
    for change in (row.save, row.delete, TrailEntry.objects.all().delete):
        with pytest.raises(DatabaseError, match=SENTENCE), transaction.atomic():
            change()
    assert TrailEntry.objects.get().verb == "create"


def test_replacing_is_refused() -> None:
    pk = TrailEntry.objects.get().pk
    columns = "id, at, channel, actor_name, address, request_id, kind, verb, object_id, object_name"
    values = f"{pk}, CURRENT_TIMESTAMP, 'api', '', '', '', 'thing', 'other', '', ''"
    if connection.vendor == "sqlite":
        refused(f"INSERT OR REPLACE INTO audit_trail ({columns}) VALUES ({values})")
    else:
        refused(
            f"INSERT INTO audit_trail ({columns}) VALUES ({values}) ON CONFLICT (id) DO UPDATE SET verb = EXCLUDED.verb"
        )


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has neither")
def test_truncate_is_refused_also_to_a_replica() -> None:
    refused("TRUNCATE audit_trail")
    refused("SET LOCAL session_replication_role = replica; DELETE FROM audit_trail")


def test_flush_is_refused() -> None:
    with pytest.raises(Exception, match="couldn't be flushed"), transaction.atomic():
        call_command(flush.Command(), interactive=False, verbosity=0)
    assert TrailEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_tests_that_commit_are_emptied_and_the_guard_is_back() -> None:
    call_command("flush", interactive=False, verbosity=0)
    assert not TrailEntry.objects.exists()
    trail.write([trail.of("thing", 1, "one", "create")])
    refused("DELETE FROM audit_trail")
