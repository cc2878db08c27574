"""Plain aligned text for terminals and pipes."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows in aligned columns below their heads."""
    lines = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def facts(pairs: Iterable[tuple[str, Any]]) -> str:
    """Return names and values, one a line; values that say nothing are left out."""
    shown = [(name, str(value)) for name, value in pairs if value not in (None, "", [], {})]
    width = max((len(name) for name, _ in shown), default=0) + 2
    return "\n".join(f"{name + ':':{width}}{value}" for name, value in shown)


def counts(numbers: dict[str, int]) -> str:
    """Return '3 ready, 1 failed'; 'none' when all are 0."""
    return ", ".join(f"{number} {name}" for name, number in numbers.items() if number) or "none"


def ago(time: str | None, now: datetime) -> str:
    """Return how long ago an ISO time was, in one unit."""
    if time is None:
        return "never"
    seconds = max(0, int((now - datetime.strptime(time, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"
