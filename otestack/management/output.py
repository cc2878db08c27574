"""Plain aligned text and progress, for terminals and pipes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Self

from otestack.logs import escaped


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows in aligned columns below their heads."""
    lines = [[escaped(str(cell)) for cell in row] for row in [head, *rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def facts(pairs: Iterable[tuple[str, Any]]) -> str:
    """Return names and values, one a line; values that say nothing are left out."""
    shown = [(escaped(name), escaped(str(value))) for name, value in pairs if value not in (None, "", [], {})]
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


class Progress:
    """How far something is: a bar where somebody looks, else a line whenever another tenth is done."""

    def __init__(self, title: str, total: int, out: Any, *, silent: bool = False) -> None:
        self._title, self._total, self._out = escaped(title), max(total, 1), out
        self._silent, self._done = silent, 0
        self._said: tuple[int, str] | None = None
        self._bar: Any = None

    def __enter__(self) -> Self:
        if not self._silent and self._out.isatty():
            # Not needed in a pipe, and slow to load.
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
            )
            self._bar = Bar(*columns, console=Console(file=getattr(self._out, "_out", self._out)))
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=self._total)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def to(self, done: int, words: str = "") -> None:
        """Say that so many are done. words: what else there is to say of it now."""
        title = f"{self._title}: {escaped(words)}" if words else self._title
        if self._bar is not None:
            self._bar.update(self._task, completed=done, description=title)
        elif not self._silent and (tenth := done * 10 // self._total, words) != self._said:
            self._said = (tenth, words)
            self._out.write(f"{title}: {done} of {self._total}")
        self._done = done

    def more(self, number: int = 1) -> None:
        """Say that so many more are done."""
        self.to(self._done + number)
