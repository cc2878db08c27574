"""Pages of lists: what a page takes is decided once for all requests that differ in their page only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request

from otestack.api.pagination import ordering, page_numbers
from otestack.api.renderers import ROWS_AT_ONCE, json_rows
from otestack.api.rows import Shape, shape
from otestack.statements import Row, Statement, Statements, holes

# From this row on a page is looked for by its keys first: to skip a row that is joined and read whole costs much more.
# A page of more rows than that is not: no statement names any number of keys.
DEEP = 1000
# A list without a limit of more rows is read through a cursor, which costs the database more and us no memory.
MOST_SENT = 20_000
Rows = Callable[..., QuerySet[Any]]
Columns = Callable[[], dict[str, Any]]


class Listing:
    """The statements of a list. rows: all of it, in any order; replaced: values in it that stand for others.

    take: selects the columns, and what belongs to them only.
    """

    def __init__(self, rows: QuerySet[Any], order: Sequence[Any], take: Rows, replaced: Sequence[Any]) -> None:
        ordered = rows.order_by(*order)
        self._rows = Statement(take(ordered), replaced)
        self._keys = Statement(ordered.values_list("pk"), replaced)
        self._count = Statement(rows.order_by().values_list("pk"), replaced)

    def total(self, *values: Any) -> int:
        """Return how many rows there are. values: in place of those replaced."""
        return self._count.count(*values)

    def rows(self, start: int, size: int, *values: Any) -> list[Row]:
        """Return so many rows from that one on."""
        return self._rows.page(start, size, *values)

    def all(self, *values: Any) -> Iterable[Row]:
        """Return all rows, of which few are objects at the same time."""
        return self._rows.parts(ROWS_AT_ONCE, *values)

    def keys(self, start: int, size: int, *values: Any) -> list[Any]:
        """Return the primary keys of these rows: an index may hold all that this needs."""
        return [key for (key,) in self._keys.page(start, size, *values)]


@dataclass
class ListPage:
    """A page of a list: rows of values, the total of the list, and the shape that the rows are shown in."""

    rows: Iterable[Row]
    total: int
    shape: Shape

    def named(self) -> list[Any]:
        """Return the rows with names. A list without a limit is held in memory for this."""
        self.rows = list(self.rows)
        return list(map(self.shape.row._make, self.rows))

    def answer(self, **context: Any) -> dict[str, Any]:
        """Return what is answered. context: for the shape."""
        return {"data": json_rows(self.rows, self.shape.shown(context)), "total": self.total}


_LISTINGS: Statements[Listing] = Statements()
_COUNTS: Statements[Statement] = Statements()


def page_of(
    view: Any, rows: Rows, values: Sequence[Any], also: Columns | None, only: Iterable[str], fixed: Any
) -> ListPage:
    """Return the filtered, ordered page that a request asks of a view for. See TenantViewSet.page."""
    made = shape(view.declared.answer.shape, tuple(only))
    number, size = page_numbers(view.request, view)
    order = [*getattr(view, "order_prefix", ()), *ordering(view.request, view)]

    def all_of_it(values: Sequence[Any]) -> QuerySet[Any]:
        return view.filter_queryset(rows(*values))

    def take(found: QuerySet[Any]) -> QuerySet[Any]:
        return found.annotate(**also() if also else {}).values_list(*made.columns)

    def listing() -> Listing:
        replaced = holes(*values)
        return Listing(all_of_it(replaced), order, take, replaced)

    kept = _LISTINGS.get((made, *_key(view, fixed)), listing)
    total, start = kept.total(*values), (number - 1) * size
    found: Iterable[Row] = []
    if size == 0:
        if number == 1 and total <= MOST_SENT:
            found = kept.all(*values)
        elif number == 1:
            found = take(all_of_it(values).order_by(*order)).iterator(ROWS_AT_ONCE)
    elif start < total and (start < DEEP or size > DEEP):
        found = kept.rows(start, size, *values)
    elif start < total:
        keys = kept.keys(start, size, *values)
        found = take(rows(*values).filter(pk__in=keys).order_by(*order))
    return ListPage(found, total, made)


def count_of(view: Any, rows: Rows, fixed: Any) -> int:
    """Return how many rows there are, filtered as a request asks of a view; one number for each action."""

    def statement() -> Statement:
        return Statement(view.filter_queryset(rows()).order_by().values_list("pk"))

    return _COUNTS.get(_key(view, fixed), statement).count()


def _key(view: Any, fixed: Any) -> tuple[Any, ...]:
    """Return what decides over a list besides its page."""
    request: Request = view.request
    filters = view.declared.filters
    names = ("orderBy", "order", *(filters.base_filters if filters else ()))
    return (type(view), view.action, view.caller.scope, fixed, *map(request.query_params.get, names))
