"""Doing again what another transaction came in the way of: a deadlock, a name that was taken and is free again."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Model, QuerySet

P = ParamSpec("P")
R = TypeVar("R")

# SQLSTATE deadlock_detected. SQLite lets one writer in at a time and knows none.
DEADLOCK = "40P01"
TRIES = 4


def retry_deadlock(change: Callable[P, R]) -> Callable[P, R]:
    """Return `change`, run again when it was chosen to break a deadlock; nothing of the first try is left by then.

    For outermost transactions: inside of one that a caller began, the caller has to begin again.
    """

    @wraps(change)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(TRIES - 1):
            try:
                return change(*args, **kwargs)
            except OperationalError as error:
                if connection.in_atomic_block or getattr(error.__cause__, "pgcode", None) != DEADLOCK:
                    raise
        return change(*args, **kwargs)

    return run


def insert(row: Model, *, taken: QuerySet, refusal: Exception) -> None:
    """Insert a row that must be the only one of its kind; raise `refusal` where there is one in `taken`.

    The one that stood in the way may be gone when it is looked at: then the row is inserted after all.
    """
    for last in [False] * (TRIES - 1) + [True]:
        try:
            with transaction.atomic():
                row.save(force_insert=True)
            return
        except IntegrityError:
            if taken.exists():
                raise refusal from None
            if last:
                raise
