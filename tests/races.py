"""Two at once, for certain: calls that all wait for the same lock in PostgreSQL, then go on together."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections, transaction


def needs_postgres() -> None:
    """Skip the test where there are no row locks to wait for."""
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL: SQLite lets one writer in at a time, so nothing can race (set DATABASE_URL)")


def beside(call: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Begin a call in a thread, with a database connection of its own; its result or error comes into the list."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as error:  # noqa: BLE001 - an outcome to be looked at by the test
            results.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, results


def together(hold: Callable[[], Any], *calls: Callable[[], Any], undo: bool = False) -> list[Any]:
    """Return what the calls return, after all of them have waited for the lock that `hold` takes.

    undo: roll back what `hold` wrote, so that it was only a lock.
    """
    with _held(hold, undo=undo):
        begun = [beside(call) for call in calls]
        _wait_until_waiting(len(calls))
    for thread, _ in begun:
        thread.join(timeout=30)
        assert not thread.is_alive()
    return [result for _, (result,) in begun]


@contextmanager
def _held(hold: Callable[[], Any], *, undo: bool) -> Iterator[None]:
    with transaction.atomic():
        hold()
        yield
        transaction.set_rollback(undo)


def _wait_until_waiting(count: int) -> None:
    pause = threading.Event()
    waiting = 0
    for _ in range(600):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees its first answer again
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
            )
            waiting = cursor.fetchone()[0]
        if waiting >= count:
            return
        pause.wait(0.05)
    raise AssertionError(f"{waiting} of {count} calls wait for the lock")
