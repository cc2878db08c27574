"""PostgreSQL ends the transaction of who stands still in it, so that its locks hold up nobody for long."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connections


def bound(connection: Any, **_: Any) -> None:
    """Receive connection_created: a transaction may idle for as long as a lease, after which its work is another's.

    By SET and not as an option of the start, which PgBouncer refuses. Cursors outside a transaction are not touched.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = {round(settings.OTE_LEASE_SECONDS * 1000)}")


def unbound(using: str, **_: Any) -> None:
    """Receive pre_migrate: a migration may think for long between two statements, and must not be cut off half-way."""
    if connections[using].vendor == "postgresql":
        with connections[using].cursor() as cursor:
            cursor.execute("SET idle_in_transaction_session_timeout = 0")


def bound_again(using: str, **_: Any) -> None:
    """Receive post_migrate."""
    bound(connections[using])
