"""A deadlock is broken by the database, and the change that was ended is done again."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import OperationalError, close_old_connections, connection, transaction

from business.models import Business
from otestack.transactions import retry_deadlock
from tests.races import needs_postgres

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def pair() -> list[int]:
    needs_postgres()
    made = [Business.objects.create(name=name, introduce="i", objective="o", scale="s", status=1) for name in "ab"]
    return [business.pk for business in made]


def _crossing(pair: list[int], decorate: Any) -> list[Exception]:
    """Two transactions that lock two rows in opposite order, meeting in the middle of their first try."""
    meeting = threading.Barrier(2)
    failures: list[Exception] = []

    def run(order: list[int]) -> None:
        first = True

        @decorate
        @transaction.atomic
        def change() -> None:
            nonlocal first
            Business.objects.filter(pk=order[0]).update(comment=str(order))
            if first:
                first = False
                meeting.wait(timeout=20)
            Business.objects.filter(pk=order[1]).update(comment=str(order))

        try:
            change()
        except OperationalError as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(order,)) for order in (pair, pair[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    close_old_connections()
    return failures


def test_the_one_that_was_ended_is_done_again(pair: list[int]) -> None:
    assert _crossing(pair, retry_deadlock) == []
    comments = set(Business.objects.filter(pk__in=pair).values_list("comment", flat=True))
    assert len(comments) == 1  # one after the other, not half and half


def test_without_it_one_fails(pair: list[int]) -> None:
    assert len(_crossing(pair, lambda change: change)) == 1
