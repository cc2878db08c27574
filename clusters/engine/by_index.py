"""Statements that PostgreSQL runs by their indexes, whatever its statistics say.

Statistics lag behind a fleet of which all clusters change at once. Taken before, they make of a claim of the first
hundred a sort of all that is due, and start a process to read a hundred clusters' placements.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

_UNUSED = {"enable_seqscan": "off", "enable_bitmapscan": "off", "jit": "off", "max_parallel_workers_per_gather": "0"}


@contextmanager
def by_index() -> Iterator[None]:
    """A transaction of such statements on PostgreSQL. In another one, its later statements are of that kind too.

    Nothing on SQLite, which goes by indexes, and where a transaction would hold up all who write.
    """
    if connection.vendor != "postgresql":
        yield
        return
    settings = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in _UNUSED.items())
    with transaction.atomic(savepoint=False):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {settings}")
        yield
