"""`manage.py fleet`: the whole fleet in a few lines."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from clusters import reports
from clusters.management.tables import counts, facts


class Command(BaseCommand):
    """Prints reports.fleet()."""

    help = "Show the fleet in numbers: clusters and placements by state, what is due, and the workers."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, as_json: bool, **options: Any) -> None:
        """Read and print; changes nothing."""
        found = reports.fleet()
        if as_json:
            self.stdout.write(json.dumps(found, indent=2))
            return
        wanted = found["observeIntervalWanted"]
        late = f" (wanted {wanted:g} s: a pass takes longer)" if found["observeInterval"] > wanted else ""
        self.stdout.write(
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
            )
        )
