"""Everything but the blobs' bytes, in one SQLite file."""

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .clock import stamp
from .passwords import scramble

Row = sqlite3.Row

_SCHEMA = """
CREATE TABLE IF NOT EXISTS user (
    user_id INTEGER PRIMARY KEY AUTOINCREMENT, username TEXT NOT NULL UNIQUE, email TEXT UNIQUE,
    password TEXT NOT NULL, salt TEXT NOT NULL, realname TEXT NOT NULL, comment TEXT NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0, sysadmin_flag INTEGER NOT NULL DEFAULT 0,
    creation_time TEXT NOT NULL, update_time TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS project (
    project_id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, owner_id INTEGER NOT NULL,
    registry_id INTEGER NOT NULL DEFAULT 0, public INTEGER NOT NULL, metadata TEXT NOT NULL,
    storage_limit INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    creation_time TEXT NOT NULL, update_time TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS member (
    id INTEGER PRIMARY KEY AUTOINCREMENT, project_id INTEGER NOT NULL, user_id INTEGER NOT NULL,
    role INTEGER NOT NULL, UNIQUE (project_id, user_id));
CREATE TABLE IF NOT EXISTS repository (
    repository_id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, project_id INTEGER NOT NULL,
    description TEXT NOT NULL DEFAULT '', pull_count INTEGER NOT NULL DEFAULT 0,
    creation_time TEXT NOT NULL, update_time TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS repository_project ON repository (project_id);
CREATE TABLE IF NOT EXISTS artifact (
    id INTEGER PRIMARY KEY AUTOINCREMENT, project_id INTEGER NOT NULL, repository_id INTEGER NOT NULL,
    repository_name TEXT NOT NULL, digest TEXT NOT NULL, type TEXT NOT NULL, media_type TEXT NOT NULL,
    manifest_media_type TEXT NOT NULL, artifact_type TEXT NOT NULL, size INTEGER NOT NULL,
    annotations TEXT NOT NULL, extra_attrs TEXT NOT NULL, push_time TEXT NOT NULL, pull_time TEXT NOT NULL,
    UNIQUE (repository_id, digest));
CREATE INDEX IF NOT EXISTS artifact_name ON artifact (repository_name);
CREATE TABLE IF NOT EXISTS reference (
    parent_id INTEGER NOT NULL, child_id INTEGER NOT NULL, child_digest TEXT NOT NULL, platform TEXT NOT NULL,
    annotations TEXT NOT NULL, PRIMARY KEY (parent_id, child_id));
CREATE INDEX IF NOT EXISTS reference_child ON reference (child_id);
CREATE TABLE IF NOT EXISTS tag (
    id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL, artifact_id INTEGER NOT NULL,
    name TEXT NOT NULL, push_time TEXT NOT NULL, pull_time TEXT NOT NULL, UNIQUE (repository_id, name));
CREATE INDEX IF NOT EXISTS tag_artifact ON tag (artifact_id);
CREATE TABLE IF NOT EXISTS blob (
    repository TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (repository, digest)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS immutable (
    project TEXT NOT NULL, repository TEXT NOT NULL, tag TEXT NOT NULL,
    PRIMARY KEY (project, repository, tag)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pull (
    due REAL NOT NULL, artifact_id INTEGER NOT NULL, tag TEXT NOT NULL, time TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS robot (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, project_id INTEGER NOT NULL, level TEXT NOT NULL,
    description TEXT NOT NULL, secret TEXT NOT NULL, salt TEXT NOT NULL, duration INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, disabled INTEGER NOT NULL DEFAULT 0, permissions TEXT NOT NULL,
    creator_type TEXT NOT NULL, creator_ref INTEGER NOT NULL, creation_time TEXT NOT NULL, update_time TEXT NOT NULL,
    UNIQUE (name, project_id));
CREATE TABLE IF NOT EXISTS secret (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class Database:
    """One connection and one lock: a request is one transaction, and a refused one leaves no trace."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is done, or nothing."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def run(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """Execute. Raises sqlite3.IntegrityError where a name is taken."""
        with self._lock:
            return self._connection.execute(statement, values)

    def rows(self, statement: str, *values: Any) -> list[Row]:
        """All rows."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, *values: Any) -> Row | None:
        """The first row."""
        with self._lock:
            found: Row | None = self._connection.execute(statement, values).fetchone()
            return found

    def value(self, statement: str, *values: Any) -> Any:
        """The first value of the first row; None when there is none."""
        found = self.row(statement, *values)
        return None if found is None else found[0]

    def insert(self, table: str, **values: Any) -> int:
        """Add a row and return its id."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        return int(self.run(f"INSERT INTO {table} ({names}) VALUES ({marks})", *values.values()).lastrowid or 0)

    def secret(self, name: str) -> str:
        """A random value that is the same in every run."""
        self.run("INSERT OR IGNORE INTO secret VALUES (?, ?)", name, secrets.token_hex(32))
        return str(self.value("SELECT value FROM secret WHERE name = ?", name))

    def empty(self) -> None:
        """Forget everything but the secrets; numbers begin anew."""
        names = self.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'secret'")
        with self.transaction():
            for row in names:
                self.run(f"DELETE FROM {row['name']}")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


def first_rows(database: Database, admin_password: str) -> None:
    """Set the administrator's password, and make what every fresh Harbor holds: that user and a public project."""
    now = stamp()
    scrambled, salt = scramble(admin_password)
    with database.transaction():
        if database.value("SELECT count(*) FROM user"):
            database.run("UPDATE user SET password = ?, salt = ? WHERE user_id = 1", scrambled, salt)
            return
        database.insert(
            "user", username="admin", email="admin@example.com", password=scrambled, salt=salt, sysadmin_flag=1,
            realname="system admin", comment="admin user", creation_time=now, update_time=now,
        )  # fmt: skip
        # Deleted from the start, under its plain name: nobody can ever be called that.
        database.insert(
            "user", username="anonymous", email="anonymous@example.com", password="", salt="", deleted=1,
            realname="anonymous user", comment="anonymous user", creation_time=now, update_time=now,
        )  # fmt: skip
        project = database.insert(
            "project", name="library", owner_id=1, public=1, metadata=json.dumps({"public": "true"}), storage_limit=-1,
            creation_time=now, update_time=now,
        )  # fmt: skip
        database.insert("member", project_id=project, user_id=1, role=1)
