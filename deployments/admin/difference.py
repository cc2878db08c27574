"""What a change changes: the objects before and after, as a unified diff in YAML with Secrets' values masked."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import orjson
import yaml
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from deployments.models import Audit, Change, Operation
from otestack.errors import DomainError
from otestack.sentences import say, told

MASK = "••••••"
MASK_NEW = "•••••• (another value)"
# Lines of context around what changes.
_CONTEXT = 5
# Of one change: bytes that are written as YAML, and lines that are compared. The time for these grows with their third
# power, and whoever submits a change decides how many there are. Beyond them the keys that change are named.
_MOST_BYTES = 400_000
_MOST_LINES = 3000
_MOST_KEYS = 50
_CLASSES = {"+": "ote-plus", "-": "ote-minus", "@": "ote-at"}

# The one in C, where PyYAML has been built with it.
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

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
    budget = _Budget()
    for name in dict.fromkeys((*new, *old)):
        pair = masked(old.get(name), new.get(name))
        changed = pair[0] != pair[1]
        shown = budget.compare(*pair) if changed else SafeString("")
        parts.append((SafeString(" open" if changed else ""), name, _word(name in old, name in new, changed), shown))
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


class _Budget:
    """What may still be compared of one change."""

    def __init__(self) -> None:
        self.bytes, self.lines = _MOST_BYTES, _MOST_LINES

    def compare(self, old: Object | None, new: Object | None) -> SafeString:
        """Return how two objects that differ do so: line by line, or by the keys where they are too long for that."""
        self.bytes -= sum(len(orjson.dumps(item)) for item in (old, new) if item is not None)
        if self.bytes >= 0:
            before, after = _without_common_ends(_yaml(old), _yaml(new))
            if len(before) + len(after) <= self.lines:
                self.lines -= len(before) + len(after)
                lines = difflib.unified_diff(before, after, "before", "after", n=_CONTEXT, lineterm="")
                return _coloured(list(lines)[2:])
        keys = list(islice(_keys(old, new), _MOST_KEYS + 1))
        more = " …" if len(keys) > _MOST_KEYS else ""
        shown = ", ".join(keys[:_MOST_KEYS]) + more
        sentence = say("Too long to compare line by line. What differs: %(keys)s", keys=shown)
        return format_html("<p>{}</p>", told(sentence))


def _without_common_ends(before: list[str], after: list[str]) -> tuple[list[str], list[str]]:
    """Return both without the lines that they share at their beginnings and ends, but for the context."""
    shortest = min(len(before), len(after))
    head = next((n for n in range(shortest) if before[n] != after[n]), shortest)
    rest = shortest - head
    tail = next((n for n in range(rest) if before[-1 - n] != after[-1 - n]), rest)
    first, last = max(0, head - _CONTEXT), max(0, tail - _CONTEXT)
    return before[first : len(before) - last], after[first : len(after) - last]


def _keys(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Yield the ways to what differs, such as spec.replicas; a list is one thing."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        yield path or "."
        return
    for key in dict.fromkeys((*old, *new)):
        if old.get(key) != new.get(key):
            yield from _keys(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))


def _objects(operation: Operation | None) -> dict[str, Object]:
    """Return an operation's objects by name. Raises DomainError where no key opens its Secrets."""
    if operation is None:
        return {}
    secrets = json.loads(operation.secrets) if operation.secrets else []
    return {f"{item['kind']} {item['metadata']['name']}": item for item in (*operation.manifests, *secrets)}


def _yaml(item: Object | None) -> list[str]:
    if item is None:
        return []
    return yaml.dump(item, Dumper=_DUMPER, sort_keys=True, allow_unicode=True, width=100).splitlines()


def _word(was: bool, will_be: bool, changed: bool) -> str:
    if was and will_be:
        return gettext("changes") if changed else gettext("stays as it is")
    return gettext("is new") if will_be else gettext("goes")


def _coloured(lines: Iterable[str]) -> SafeString:
    spans = format_html_join("", '<span class="{}">{}</span>', ((_CLASSES.get(line[:1], ""), line) for line in lines))
    return format_html('<pre class="ote-pre ote-diff" tabindex="0">{}</pre>', spans) if spans else spans
