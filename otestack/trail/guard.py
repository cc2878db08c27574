"""Triggers that let nothing but inserts into the trail, whoever connects. Installed by a migration.

Whoever owns the table can drop them, as on any database; operators who do not trust the product's own role either give
it no ownership (docs/audit-trail.md).
"""

from __future__ import annotations

from typing import Any

TABLE = "audit_trail"
SENTENCE = "The audit trail is append-only."

_POSTGRESQL = [
    f"""
    CREATE OR REPLACE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '{SENTENCE}' USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    f"""
    CREATE TRIGGER {TABLE}_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE}
    FOR EACH STATEMENT EXECUTE FUNCTION {TABLE}_refuse()
    """,
    # Also in a session that says it is a replica.
    f"ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {TABLE}_guard",
]
# The third: INSERT OR REPLACE deletes what is in its way without asking the second.
_SQLITE = [
    f"CREATE TRIGGER {TABLE}_update BEFORE UPDATE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END",
    f"CREATE TRIGGER {TABLE}_delete BEFORE DELETE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END",
    f"CREATE TRIGGER {TABLE}_replace BEFORE INSERT ON {TABLE} WHEN NEW.id IN (SELECT id FROM {TABLE}) "
    f"BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END",
]
_NAMES = {
    "postgresql": [f"{TABLE}_guard"],
    "sqlite": [f"{TABLE}_{what}" for what in ("update", "delete", "replace")],
}


def missing(connection: Any) -> list[str]:
    """Return the names of triggers that should be there and are not, or do not fire."""
    if connection.vendor == "postgresql":
        query = "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled = 'A'"
    else:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s"
    with connection.cursor() as cursor:
        cursor.execute(query, [TABLE])
        there = {name for (name,) in cursor.fetchall()}
    return [name for name in _NAMES[connection.vendor] if name not in there]


def close(connection: Any) -> None:
    """Create the triggers."""
    with connection.cursor() as cursor:
        for statement in _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE:
            cursor.execute(statement)


def open_up(connection: Any) -> None:
    """Drop the triggers: before the table goes, or is emptied between two tests."""
    with connection.cursor() as cursor:
        where = f" ON {TABLE}" if connection.vendor == "postgresql" else ""
        for name in _NAMES[connection.vendor]:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{where}")
