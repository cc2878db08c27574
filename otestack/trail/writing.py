"""Writing the trail. Only services call this, inside the transaction of the change."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from django.db.models import Model
from django.utils.translation import override

from otestack.caller import current
from otestack.models import Trailed, TrailEntry

Facts = dict[str, Any]


def created(row: Model, verb: str = "create", **facts: Any) -> None:
    """Write that a row came to be. facts: what else is worth knowing; never a secret."""
    write([entry(verb, row, after=_kept(row) | facts)])


def changed(verb: str, row: Model, *, facts: Facts | None = None, **new: Any) -> None:
    """Write that columns of a row change. row: as it was before; new: columns that the trail may hold.

    Raises KeyError for any other column.
    """
    write([change(verb, row, facts=facts, **new)])


def change(verb: str, row: Model, *, facts: Facts | None = None, **new: Any) -> TrailEntry:
    """Return what `changed` writes, for a change of several rows."""
    if unknown := new.keys() - set(_rule(row).fields):
        raise KeyError(f"{row._meta.label}: {', '.join(sorted(unknown))}")
    before = {name: getattr(row, name) for name in new}
    return entry(verb, row, before=before or None, after={**new, **(facts or {})})


def deleted(row: Model, verb: str = "delete", **facts: Any) -> None:
    """Write that a row goes. row: as it was."""
    write([gone(row, verb, **facts)])


def gone(row: Model, verb: str = "delete", **facts: Any) -> TrailEntry:
    """Return what `deleted` writes, for a deletion of several rows."""
    return entry(verb, row, before=_kept(row), after=facts or None)


def noted(verb: str, row: Model, **facts: Any) -> None:
    """Write that something was done to a row that shows in none of the columns that the trail may hold."""
    write([entry(verb, row, after=facts or None)])


def entry(verb: str, row: Model, *, before: Facts | None = None, after: Facts | None = None) -> TrailEntry:
    """Return an entry about a row, to be written with others."""
    where = _rule(row).business
    business = attrgetter(where)(row) if where else None
    with override("en"):  # the trail is in one language, whoever reads it
        name = str(row)
    return of(str(row._meta.model_name), row.pk, name, verb, business=business, before=before, after=after)


def of(
    kind: str,
    pk: object,
    name: str,
    verb: str,
    *,
    business: int | None = None,
    before: Facts | None = None,
    after: Facts | None = None,
) -> TrailEntry:
    """Return an entry about something of which there is no row at hand."""
    caller = current()
    actor_id, actor_name = caller.actor()
    return TrailEntry(
        channel=caller.channel,
        actor_id=actor_id,
        actor_name=actor_name,
        address=caller.address[:64],
        request_id=caller.request_id,
        kind=kind,
        verb=verb,
        object_id=str(pk)[:255],
        object_name=name[:512],
        business_id=business,
        before=before,
        after=after,
    )


def write(entries: Iterable[TrailEntry]) -> None:
    """Write entries by one insert."""
    TrailEntry.objects.bulk_create(entries)


def _rule(row: Model) -> Trailed:
    rule: Trailed = row.trailed  # type: ignore[attr-defined]
    return rule


def _kept(row: Model) -> Facts:
    return {name: getattr(row, name) for name in _rule(row).fields}
