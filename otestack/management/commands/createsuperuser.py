"""manage.py createsuperuser: in place of Django's own, which the audit trail would not see."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Does nothing but name the command to use."""

    help = "Not used here: see 'manage.py user --help'."

    def run_from_argv(self, argv: list[str]) -> None:
        """Whatever the options are that Django's own takes."""
        super().run_from_argv(argv[:2])

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError."""
        raise CommandError("A system administrator is created by: manage.py user create NAME --system")
