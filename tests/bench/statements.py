"""What is asked of PostgreSQL, by pg_stat_statements."""

from __future__ import annotations

import contextlib
import time

from tests.bench.centre import Centre, Services

_OTHERS = "query NOT ILIKE '%%pg_stat_statements%%'"
_SHOWN = 110


def with_statements(services: Services) -> None:
    """Have PostgreSQL count statements, in every database that is made from now on."""
    with contextlib.closing(services.postgres.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
    services.postgres.kill()
    services.postgres.start()
    with contextlib.closing(services.postgres.connect("template1")) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION pg_stat_statements")


class Statements:
    """Those since this was made. What a benchmark itself asks is among them: a few a second."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        centre.query("SELECT pg_stat_statements_reset()")
        self._began = time.monotonic()

    def number(self) -> int:
        """Return how many there were."""
        return int(self._centre.query(f"SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE {_OTHERS}")[0][0])

    def top(self, most: int = 8) -> list[tuple[str, str, str]]:
        """Return those that took most time: text, calls a minute, milliseconds each."""
        minutes = (time.monotonic() - self._began) / 60
        rows = self._centre.query(
            "SELECT query, calls, mean_exec_time FROM pg_stat_statements "
            f"WHERE {_OTHERS} ORDER BY total_exec_time DESC LIMIT {most}"
        )
        return [(f"`{_short(text)}`", f"{calls / minutes:.0f}", f"{each:.2f}") for text, calls, each in rows]


def _short(text: str) -> str:
    line = " ".join(text.replace('"', "").replace("|", "/").split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
