"""Doing a change again when the database ended it to break a deadlock."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection

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
