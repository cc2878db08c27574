"""Django's flush, which tests that commit end with. The product's own is refused by the audit trail."""

from typing import Any

from django.core.management.commands import flush
from django.db import connections

from otestack.trail import guard


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        connection = connections[options["database"]]
        guard.open_up(connection)
        try:
            super().handle(**options)
        finally:
            guard.close(connection)
