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


def together(hold: Callable[[], Any], *calls: Callable[[], Any], undo: bool = False) -> list[Any]:
    """Return what the calls return, after all of them have waited for the lock that `hold` takes.

    undo: roll back what `hold` wrote, so that it was only a lock.
    """
    results: list[Any] = [None] * len(calls)

    def run(position: int) -> None:
        try:
            results[position] = calls[position]()
        except Exception as error:  # noqa: BLE001 - an outcome to be looked at by the test
            results[position] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(position,), daemon=True) for position in range(len(calls))]
    with _held(hold, undo=undo):
        for thread in threads:
            thread.start()
        _wait_until_waiting(len(calls))
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    return results


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
