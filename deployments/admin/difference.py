"""What a change changes: the objects before and after, as a unified diff in YAML with Secrets' values masked."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any

import yaml
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from deployments.models import Audit, Change, Operation
from otestack.errors import DomainError

MASK = "••••••"
MASK_NEW = "•••••• (another value)"
# Lines of context around what changes.
_CONTEXT = 5
_CLASSES = {"+": "ote-plus", "-": "ote-minus", "@": "ote-at"}

Object = dict[str, Any]


def before(operation: Operation) -> Operation | None:
    """Return the change whose objects were on the clusters when this one was, or will be, decided."""
    earlier = Operation.objects.filter(deployment=operation.deployment_id, pk__lt=operation.pk, generation__gt=0)
    return earlier.filter(audit=Audit.APPROVED).exclude(kind=Change.DELETE).order_by("-pk").first()


def difference(operation: Operation) -> str:
    """Return what the change changes, object by object; a sentence where a stored secret cannot be read."""
    try:
        old, new = _objects(before(operation)), _objects(operation)
    except DomainError as error:
        return error.told
    parts = []
    for name in dict.fromkeys((*new, *old)):
        shown_old, shown_new = masked(old.get(name), new.get(name))
        lines = list(
            difflib.unified_diff(_yaml(shown_old), _yaml(shown_new), "before", "after", n=_CONTEXT, lineterm="")
        )
        opened = SafeString(" open" if lines else "")
        parts.append((opened, name, _word(name in old, name in new, bool(lines)), _coloured(lines[2:])))
    block = "<details{}><summary>{}: <strong>{}</strong></summary>{}</details>"
    return format_html_join("", block, parts) or gettext("no objects")


def masked(old: Object | None, new: Object | None) -> tuple[Object | None, Object | None]:
    """Return both without values of Secrets; a value that changes says so."""
    if "Secret" not in {(one or {}).get("kind") for one in (old, new)}:
        return old, new
    left, right = dict(old or {}), dict(new or {})
    for field in ("data", "stringData"):
        was, now = left.get(field) or {}, right.get(field) or {}
        if field in left:
            left[field] = dict.fromkeys(was, MASK)
        if field in right:
            right[field] = {key: MASK_NEW if key in was and was[key] != value else MASK for key, value in now.items()}
    return left or None, right or None


def _objects(operation: Operation | None) -> dict[str, Object]:
    """Return an operation's objects by name. Raises DomainError where no key opens its Secrets."""
    if operation is None:
        return {}
    secrets = json.loads(operation.secrets) if operation.secrets else []
    return {f"{item['kind']} {item['metadata']['name']}": item for item in (*operation.manifests, *secrets)}


def _yaml(item: Object | None) -> list[str]:
    if item is None:
        return []
    return yaml.safe_dump(item, sort_keys=True, allow_unicode=True, width=100).splitlines()


def _word(was: bool, will_be: bool, changed: bool) -> str:
    if was and will_be:
        return gettext("changes") if changed else gettext("stays as it is")
    return gettext("is new") if will_be else gettext("goes")


def _coloured(lines: Iterable[str]) -> SafeString:
    spans = format_html_join("", '<span class="{}">{}</span>', ((_CLASSES.get(line[:1], ""), line) for line in lines))
    return format_html('<pre class="ote-pre ote-diff" tabindex="0">{}</pre>', spans) if spans else spans
