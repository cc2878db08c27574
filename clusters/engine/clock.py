"""All times of the engine are the database's: hosts may disagree, leases may not."""

from datetime import UTC, datetime

from django.db import connection


def db_now() -> datetime:
    """Return the database's current time, aware, UTC."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")
            return datetime.fromisoformat(cursor.fetchone()[0]).replace(tzinfo=UTC)
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now.astimezone(UTC)
