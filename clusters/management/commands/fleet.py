"""`manage.py fleet`: the whole fleet in a few lines."""

from typing import Any

from django.core.management.base import CommandParser

from clusters import reports
from otestack.management.base import OperatorCommand, add_json
from otestack.management.output import counts, facts


class Command(OperatorCommand):
    """Prints reports.fleet()."""

    help = "Show the fleet in numbers: clusters and placements by state, what is due, and the workers."
    examples = ("fleet --json",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Read and print; changes nothing."""
        found = reports.fleet()
        wanted = found["observeIntervalWanted"]
        late = f" (wanted {wanted:g} s: a pass takes longer)" if found["observeInterval"] > wanted else ""
        self.show(
            found,
            facts(
                [
                    ("Clusters", counts(found["clusters"])),
                    ("Nodes", found["nodes"]),
                    ("Placements", counts(found["placements"])),
                    ("Changes due now", found["changesDue"]),
                    ("Unknown objects of ours", found["orphans"] or ""),
                    ("Workers", ", ".join(found["workers"]) or "none is alive"),
                    ("Observed every", f"{found['observeInterval']:g} s{late}"),
                ]
            ),
        )
