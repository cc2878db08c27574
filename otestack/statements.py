"""SQL that is made once: of what a short answer costs, Django's making of the statements is the most.

A `Statement` is a queryset of values, as SQL. `Statements` keeps those that were made. What a statement is made of has
to be in the key it is kept under; what only the database looks at can be put in for each run.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from otestack.among import one_parameter

Row = tuple[Any, ...]
Made = TypeVar("Made")

_PAGE = " LIMIT %s OFFSET %s"
_LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)


def holes(*values: int | str | datetime | list[int]) -> list[Any]:
    """Return what stands for such values until a statement runs: no caller sends it, and it fits into any column.

    A list stands for the values of an `__among`.
    """
    return [_hole(value, n) for n, value in enumerate(values)]


def _hole(value: int | str | datetime | list[int], n: int) -> Any:
    number = 2_147_400_000 + n
    match value:
        case datetime():
            return _LONG_AGO + timedelta(days=n)
        case list():
            return [number]
        case int():
            return number
        case _:
            return f"\0{n}"


def _sent(value: Any) -> Any:
    """Return a value as the database's driver takes it."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return one_parameter(value) if isinstance(value, list) else value


class Statement:
    """A SELECT of a queryset's values. replaced: those in it that each run replaces, in the order it gives others."""

    def __init__(self, rows: QuerySet[Any, Any], replaced: Sequence[Any] = ()) -> None:
        compiler = rows.query.get_compiler(connection.alias)
        self.sql = ""
        self._params: Sequence[Any] = ()
        self._places: list[tuple[int, int]] = []
        self._converters: dict[int, tuple[list[Any], Any]] = {}
        try:
            self.sql, self._params = compiler.as_sql()
        except EmptyResultSet:  # nothing can match, whatever the tables hold
            return
        self._converters = compiler.get_converters([expression for expression, *_ in compiler.select])
        sent = [_sent(value) for value in replaced]
        self._places = [(n, sent.index(value)) for n, value in enumerate(self._params) if value in sent]

    def run(self, *values: Any) -> list[Row]:
        """Return the rows. values: in place of those replaced."""
        return self._run(self.sql, self._filled(values))

    def parts(self, size: int, *values: Any) -> Iterator[Row]:
        """Yield the rows, of which so many at a time become objects; the database has sent all of them before."""
        if not self.sql:
            return
        with connection.cursor() as cursor:
            cursor.execute(self.sql, self._filled(values))
            while rows := cursor.fetchmany(size):
                yield from self._as_fields(rows)

    def page(self, start: int, size: int, *values: Any) -> list[Row]:
        """Return so many rows from that one on."""
        return self._run(self.sql + _PAGE, [*self._filled(values), size, start])

    def count(self, *values: Any) -> int:
        """Return how many rows there are."""
        found = self._run(f"SELECT COUNT(*) FROM ({self.sql}) AS counted", self._filled(values), convert=False)
        return int(found[0][0]) if found else 0

    def distinct(self, column: str) -> list[Any]:
        """Return the different values of the one column that it selects.

        Each is looked up behind the one before. That takes an index on the column, and then as many steps as there are
        values, where DISTINCT goes through all rows.
        """
        first = f"SELECT {column} FROM ({self.sql}) AS rows"
        last = f"ORDER BY {column} LIMIT 1"
        walk = f"""
            WITH RECURSIVE seen(value) AS (
                SELECT ({first} {last})
                UNION ALL SELECT ({first} WHERE {column} > seen.value {last}) FROM seen WHERE seen.value IS NOT NULL
            ) SELECT value FROM seen WHERE value IS NOT NULL
        """
        return [value for (value,) in self._run(walk, [*self._params, *self._params], convert=False)]

    def _filled(self, values: Sequence[Any]) -> list[Any]:
        params = list(self._params)
        for place, number in self._places:
            params[place] = _sent(values[number])
        return params

    def _run(self, sql: str, params: Sequence[Any], *, convert: bool = True) -> list[Row]:
        if not self.sql:
            return []
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            rows: list[Row] = cursor.fetchall()
        return self._as_fields(rows) if convert else rows

    def _as_fields(self, rows: list[Row]) -> list[Row]:
        """Return what the database gave as the fields have it."""
        return [self._converted(row) for row in rows] if self._converters else rows

    def _converted(self, row: Row) -> Row:
        values = list(row)
        for place, (converters, expression) in self._converters.items():
            for convert in converters:
                values[place] = convert(values[place], expression, connection)
        return tuple(values)


class Statements(Generic[Made]):
    """Statements, or a few that belong together, by what they are made of. most: beyond it all are made anew."""

    def __init__(self, most: int = 1000) -> None:
        self.most = most
        self._made: dict[Hashable, Made] = {}

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what is kept under the key; made now if there is nothing yet."""
        found = self._made.get(key)
        if found is None:
            if len(self._made) >= self.most:
                self._made.clear()
            found = self._made[key] = make()
        return found
