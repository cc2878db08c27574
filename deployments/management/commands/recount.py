"""manage.py recount: compare the counts that deployments keep with their placements."""

from typing import Any

from django.core.management.base import CommandParser

from deployments.recount import differences, fix
from otestack.logs import escaped
from otestack.management.base import OperatorCommand


class Command(OperatorCommand):
    """Counts are settled as placements change; a difference that stays means that rows were changed by hand."""

    help = "Recompute the counts of all deployments from their placements and report differences."
    examples = ("recount", "recount --fix")

    def add_arguments(self, parser: CommandParser) -> None:
        """--fix also writes them."""
        parser.add_argument("--fix", action="store_true", help="settle the deployments that differ")

    def handle(self, *args: Any, **options: Any) -> None:
        """Report one line per difference."""
        found = differences()
        for difference in found:
            self.stdout.write(escaped(str(difference)))
        if found and options["fix"]:
            fix(found)
            self.stdout.write(f"{len(found)} differences settled.")
        elif found:
            self.stdout.write(f"{len(found)} differences; --fix settles them.")
        else:
            self.stdout.write("No differences.")
