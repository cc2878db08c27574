"""`__among`: `__in` with one parameter for any number of values, so that the SQL stays the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from django.db import connection
from django.db.models import Field, ForeignKey, Lookup


@Field.register_lookup
@ForeignKey.register_lookup
class Among(Lookup):
    """The column holds one of some numbers or texts."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Return the condition: an array on PostgreSQL, on SQLite a list as JSON."""
        left, params = self.process_lhs(compiler, connection)
        right = "= ANY(%s)" if connection.vendor == "postgresql" else "IN (SELECT value FROM json_each(%s))"
        return f"{left} {right}", [*params, one_parameter(self.rhs)]


def one_parameter(values: Iterable[int | str]) -> list[int | str] | str:
    """Return what is sent for the values."""
    found = list(values)
    return found if connection.vendor == "postgresql" else orjson.dumps(found).decode()
