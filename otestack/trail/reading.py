"""Reading the trail: filters of the export, and the export itself, streamed in pages so that no cursor stays open."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet

from otestack.models import TrailEntry

# Rows of one query.
PAGE = 1000
COLUMNS = (
    "id", "time", "channel", "userId", "who", "address", "requestId", "kind", "objectId", "object", "businessId",
    "business", "verb", "before", "after",
)  # fmt: skip
# A spreadsheet takes a cell that begins so for a formula, and tenants choose names. What cannot be seen does not count,
# full-width signs do; and a tab or an end of line may begin a cell of its own.
_FORMULA = re.compile(r"[\s\x00-\x1f\ufeff]*[=+@\uff1d\uff0b\uff0d\uff20-]|[\t\r\n]")


def chosen(
    rows: QuerySet[TrailEntry],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    **equal: Any,
) -> QuerySet[TrailEntry]:
    """Return the entries of a time and of exactly these values; empty ones do not count."""
    if since is not None:
        rows = rows.filter(at__gte=since)
    if until is not None:
        rows = rows.filter(at__lt=until)
    return rows.filter(**{name: value for name, value in equal.items() if value not in (None, "")})


def records(rows: QuerySet[TrailEntry], most: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield entries as plain values, the newest first; businesses by the name that they have now."""
    left, last = most, None
    while left is None or left > 0:
        page = rows.order_by("-pk") if last is None else rows.filter(pk__lt=last).order_by("-pk")
        found = list(page[: PAGE if left is None else min(PAGE, left)])
        if not found:
            return
        names = business_names(found)
        yield from (_record(row, names) for row in found)
        last = found[-1].pk
        left = None if left is None else left - len(found)


def business_names(rows: list[TrailEntry]) -> dict[int, str]:
    """Return the names of the businesses that entries concern. By name: the app of businesses lies above this one."""
    ids = {row.business_id for row in rows if row.business_id is not None}
    businesses = apps.get_model("business", "Business")._default_manager
    return dict(businesses.filter(pk__in=ids).values_list("pk", "name")) if ids else {}


def as_json(found: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Yield the text of one JSON array, an entry a line."""
    yield "["
    separator = "\n"
    for record in found:
        yield separator + json.dumps(record, ensure_ascii=False, cls=DjangoJSONEncoder)
        separator = ",\n"
    yield "\n]\n"


def as_csv(found: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of a table with a head; what a spreadsheet would run as a formula begins with an apostrophe."""
    line = io.StringIO()
    writer = csv.writer(line)

    def written(cells: Iterator[Any] | tuple[str, ...]) -> str:
        line.seek(0)
        line.truncate()
        writer.writerow(cells)
        return line.getvalue()

    yield written(COLUMNS)
    for record in found:
        yield written(_cell(record[name]) for name in COLUMNS)


FORMS: dict[str, tuple[str, Callable[[Iterator[dict[str, Any]]], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "json": ("application/json", as_json),
}


def _record(row: TrailEntry, names: dict[int, str]) -> dict[str, Any]:
    return {
        "id": row.pk,
        "time": f"{row.at:%Y-%m-%dT%H:%M:%S.%f}Z",
        "channel": row.channel,
        "userId": row.actor_id,
        "who": row.actor_name,
        "address": row.address,
        "requestId": row.request_id,
        "kind": row.kind,
        "objectId": row.object_id,
        "object": row.object_name,
        "businessId": row.business_id,
        "business": names.get(row.business_id or 0, ""),
        "verb": row.verb,
        "before": row.before,
        "after": row.after,
    }


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and _FORMULA.match(value):
        return "'" + value
    return value
