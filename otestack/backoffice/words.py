"""Links, tables and JSON inside a page; everything is escaped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from otestack.caller import current
from otestack.sentences import english, say, told

# Names in a sentence.
MOST_NAMED = 20


def link(record: Model | None, text: str = "") -> SafeString | str:
    """Return a link to a record's page."""
    if record is None:
        return "-"
    meta = record._meta
    if not may_open(type(record)):
        return text or str(record)
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[record.pk])
    return format_html('<a href="{}">{}</a>', url, text or str(record))


def may_open(model: type[Model]) -> bool:
    """Tell whether whoever reads the page has a screen for these records; else a link would lead to a 403."""
    request = current().request
    screen = admin.site._registry.get(model._meta.concrete_model or model)
    return request is None or screen is None or screen.has_view_permission(request)


def list_link(model: type[Model], text: str, query: str) -> SafeString:
    """Return a link to a filtered list."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return format_html('<a href="{}?{}">{}</a>', url, query, text)


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> SafeString:
    """Return a small table; cells are escaped unless they are safe."""
    heads = format_html_join("", "<th>{}</th>", ((name,) for name in head))
    lines = format_html_join(
        "", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows)
    )
    return format_html(
        '<div class="ote-scroll"><table class="ote-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
        heads,
        lines,
    )


def pretty(value: Any) -> SafeString:
    """Return a value as indented JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html('<pre class="ote-pre">{}</pre>', text)


def once(show: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return what shows something of a record, and asks the database once: the theme asks five times per page."""

    @wraps(show)
    def shown(record: Any) -> Any:
        kept = record.__dict__.setdefault("_shown", {})
        if show.__name__ not in kept:
            kept[show.__name__] = show(record)
        return kept[show.__name__]

    return shown


# The tone of a state, whatever it is a state of.
TONES = {
    **dict.fromkeys((_("ready"), _("success"), _("approved")), "good"),
    **dict.fromkeys((_("away"), _("stale"), _("partial success"), _("waiting"), _("pending"), _("removing")), "warn"),
    **dict.fromkeys((_("failed"), _("internal error"), _("forbidden"), _("disapproved"), _("not approved")), "bad"),
    **dict.fromkeys((_("applying"), _("progressing"), _("processing"), _("deploying"), _("new")), "calm"),
}


def badge(text: object) -> SafeString:
    """Return a state as a word with a tone. text: a lazy word, or one that the catalog knows."""
    shown = gettext(text) if type(text) is str else text
    return format_html('<span class="ote-badge ote-{}">{}</span>', tone(text), shown)


def tone(word: object) -> str:
    """Return the tone of a state's word."""
    return TONES.get(str(english(word)), "dim")


def named(names: Sequence[str], number: int | None = None) -> str:
    """Return 'a, b, c and 7 more'. number: how many there are where not all were fetched."""
    shown = list(names[:MOST_NAMED])
    more = (len(names) if number is None else number) - len(shown)
    if not shown:
        return gettext("none")
    if more <= 0:
        return ", ".join(shown)
    return told(say("%(names)s and %(number)s more", names=", ".join(shown), number=more))
