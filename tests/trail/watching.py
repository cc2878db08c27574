"""No change without its entry: each API call of the whole suite is watched."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

_WRITE = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE)
TRAIL = "audit_trail"
# The row that is the installation's lock is made when it is first taken.
_NO_CHANGE = {"clusters_installation"}


@contextmanager
def watched() -> Iterator[set[str]]:
    """with watched() as written: the tables in which the block changed rows."""
    written: set[str] = set()

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        found = _WRITE.match(sql)
        # SQLite counts what RETURNING returns only once it is fetched.
        if found and (context["cursor"].rowcount or "RETURNING" in sql):
            written.add(found[1])
        return result

    with connection.execute_wrapper(note):
        yield written


def check(written: set[str], what: str) -> None:
    """Assert that what changed something is in the trail."""
    assert TRAIL in written or not written - _NO_CHANGE, f"{what} changed {written} without an entry in the audit trail"
