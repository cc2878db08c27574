"""`manage.py doctor`: what is not well, and what to do about it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from otestack.doctor import FAILURE, examine
from otestack.logs import escaped
from otestack.management.base import OperatorCommand, add_json

_WIDTH = 19


class Command(OperatorCommand):
    """Prints otestack.doctor.examine()."""

    help = (
        "Look at everything that the product needs: secrets, database, audit trail, clock, broker, workers, registry, "
        "helm, clusters. Says what to do about what is not well. Changes nothing. Fails when there is a failure; "
        "warnings alone do not fail."
    )
    examples = ("doctor", "doctor --json")
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError when something failed."""
        found = []
        for one in examine():
            found.append(one)
            if not self.as_json:
                self.stdout.write(f"{one.state:<8} {one.part + ':':<{_WIDTH}}{escaped(one.sentence)}")
                if one.advice:
                    self.stdout.write(f"{'':8} {'':<{_WIDTH}}-> {escaped(one.advice)}")
                self.stdout.flush()
        if self.as_json:
            self.show([vars(one) for one in found], "")
        failed = [one.part for one in found if one.state == FAILURE]
        if failed:
            raise CommandError(f"Not well: {', '.join(dict.fromkeys(failed))}.")
