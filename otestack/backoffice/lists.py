"""Lists of records: bounded counts, and filters with fixed choices, so that no filter reads a whole table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext
from unfold.views import ChangeList

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# A list counts no further: on a large table that takes longer than all the rest. Filters and search reach what is
# beyond.
MOST_COUNTED = 10_000


class BoundedPaginator(Paginator):
    """Counts no further than MOST_COUNTED."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, or the bound."""
        rows: Any = self.object_list
        # In the table's own order, as most lists are: without one, SQLite begins with the table that is joined.
        return int(rows.order_by("-pk")[:MOST_COUNTED].count())


class RecordList(ChangeList):
    """A list whose page is prepared before it is shown."""

    result_list: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.is_popup:  # there the default says to select one
            self.title = str(capfirst(self.opts.verbose_name_plural))

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the page, then what its columns need, for all rows at once."""
        super().get_results(request)
        rows = list(self.result_list)
        self.model_admin.prepare(rows)
        self.result_list = rows
        if not (self.query or self.has_active_filters):  # the heading offers "Show all" where not all is shown
            self.full_result_count = self.result_count


class Choice(admin.SimpleListFilter):
    """A filter with fixed choices: key to (words, condition). Subclasses may override `condition`."""

    options: ClassVar[Mapping[str, tuple[StrOrPromise, Q]]]
    # What is shown where nothing was chosen: everything, unless there is a condition.
    unchosen: ClassVar[tuple[StrOrPromise, Q] | None] = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, StrOrPromise]]:
        """Return the choices."""
        return [(key, gettext(words) if type(words) is str else words) for key, (words, _) in self.options.items()]

    def choices(self, changelist: Any) -> Any:
        """Name the choice that is none."""
        for position, choice in enumerate(super().choices(changelist)):
            yield dict(choice) | ({"display": self.unchosen[0]} if self.unchosen and not position else {})

    def condition(self, key: str) -> Q:
        """Return the condition of a choice."""
        return self.options[key][1]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter; a key that there is not is no filter."""
        key = self.value()
        if key is not None and key in self.options:
            return queryset.filter(self.condition(key))
        return queryset.filter(self.unchosen[1]) if self.unchosen else queryset
