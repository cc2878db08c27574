"""Keeps the objects of all clusters in one SQLite file, a moment after they change."""

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson

from .store import Change, Key, Object

# Seconds that changes are gathered before they are written.
FLUSH_SECONDS = 0.25
_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    cluster TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    version INTEGER NOT NULL, data BLOB,
    PRIMARY KEY (cluster, kind, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clusters (name TEXT PRIMARY KEY, settings BLOB NOT NULL) WITHOUT ROWID;
"""
_PUT = "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)"

Row = tuple[str, str, str, str, int, bytes | None]


class Keeper:
    """Saves what changed; a row without data stands for a deleted object."""

    def __init__(self, path: Path) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="edge-keeper")
        self._dirty: dict[tuple[str, Key], tuple[int, bytes | None]] = {}
        self._flushing: asyncio.Task[None] | None = None
        self._db = self._thread.submit(self._open, path).result()

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        db = sqlite3.connect(path)
        db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA)
        return db

    def note(self, cluster: str, change: Change) -> None:
        """Remember a change, to be written soon. Called in the event loop."""
        self._dirty[cluster, change.key] = change.version, change.after.data if change.after else None
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush_soon())

    async def _flush_soon(self) -> None:
        await asyncio.sleep(FLUSH_SECONDS)
        self._flushing = None
        rows = self._take()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._write, rows)

    def _take(self) -> list[Row]:
        rows = [(cluster, *key, *saved) for (cluster, key), saved in self._dirty.items()]
        self._dirty.clear()
        return rows

    def _write(self, rows: list[Row]) -> None:
        with self._db:
            self._db.executemany(_PUT, rows)

    def saved(self, cluster: str) -> Iterator[tuple[Key, int, Object | None]]:
        """The saved objects of a cluster and their versions."""
        for kind, namespace, name, version, data in self._thread.submit(self._read, cluster).result():
            yield (kind, namespace, name), version, orjson.loads(data) if data else None

    def _read(self, cluster: str) -> list[tuple[str, str, str, int, bytes | None]]:
        query = "SELECT kind, namespace, name, version, data FROM objects WHERE cluster = ?"
        return self._db.execute(query, (cluster,)).fetchall()

    def forget(self, cluster: str) -> None:
        """Save nothing of a cluster any more but what changes from now on. Called in the event loop."""

        def write() -> None:
            with self._db:
                self._db.execute("DELETE FROM objects WHERE cluster = ?", (cluster,))

        self._dirty = {place: saved for place, saved in self._dirty.items() if place[0] != cluster}
        self._thread.submit(write).result()

    def settings(self) -> dict[str, dict[str, int | str]]:
        """How the known clusters were made."""
        rows = self._thread.submit(lambda: self._db.execute("SELECT name, settings FROM clusters").fetchall()).result()
        return {name: orjson.loads(settings) for name, settings in rows}

    def keep_settings(self, name: str, settings: dict[str, int | str]) -> None:
        """Remember how a cluster was made."""

        def write() -> None:
            with self._db:
                self._db.execute("INSERT OR REPLACE INTO clusters VALUES (?, ?)", (name, orjson.dumps(settings)))

        self._thread.submit(write).result()

    def close(self) -> None:
        """Write what is left. Called when the event loop has ended."""
        self._thread.submit(self._write, self._take()).result()
        self._thread.submit(self._db.close).result()
        self._thread.shutdown()
