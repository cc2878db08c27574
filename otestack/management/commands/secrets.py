"""`manage.py secrets`: write the secrets that the settings need. manage.py runs it before the settings are loaded."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from otestack import secrets
from otestack.supervisor import preflight


class Command(BaseCommand):
    """Generates the secrets file unless it is there."""

    help = "Generate the secrets file in OTE_DATA_DIR unless it exists; existing secrets are never replaced."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError when the folder cannot be written to."""
        folder = preflight.data_dir()
        existed = (folder / secrets.FILE_NAME).exists()
        try:
            path = secrets.ensure(folder)
        except OSError as error:
            raise CommandError(f"The secrets cannot be written to {folder}: {error.strerror or error}.") from error
        self.stdout.write(f"{path} was already there; nothing changed." if existed else f"Wrote {path} (mode 600).")
