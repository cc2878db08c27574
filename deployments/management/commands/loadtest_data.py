"""`manage.py loadtest_data`: the rows of a large fleet."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from deployments.loadtest import PREFIX, Size, holds_real_data, make
from deployments.models import Deployment
from otestack.management.base import OperatorCommand, add_json


class Command(OperatorCommand):
    """Thin: deployments.loadtest makes them."""

    help = (
        "Fill a database with the rows of a large fleet, to measure with: businesses, clusters, nodes, deployments and "
        "placements, all named loadtest-…. There are no such edges, and no worker looks for them. Refuses a database "
        "that holds anything else."
    )
    examples = (
        "loadtest_data",
        "loadtest_data --clusters 1000 --deployments 200 --placements 100000 --json",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        for name, number in (("clusters", 10_000), ("deployments", 2_000), ("placements", 1_000_000)):
            parser.add_argument(f"--{name}", type=int, default=number, help=f"default: {number}")
        parser.add_argument("--force", action="store_true", help="also beside real data: it cannot be taken out again")
        add_json(parser)

    def handle(self, *args: Any, clusters: int, deployments: int, placements: int, force: bool, **_: Any) -> None:
        """Raises CommandError where there is real data, or load test data already."""
        if min(clusters, deployments, placements) < 0 or placements > clusters * deployments:
            raise CommandError("A deployment has at most one placement on a cluster.")
        if holds_real_data() and not force:
            raise CommandError("This database holds real data; use another one, or --force.")
        if Deployment.objects.filter(name__startswith=PREFIX).exists():
            raise CommandError("This database holds load test data already.")
        began = time.monotonic()
        with self.progress("Placements", placements) as progress:
            make(Size(clusters, deployments, placements), progress.to)
        seconds = round(time.monotonic() - began, 1)
        self.tell(
            f"{clusters} clusters, {deployments} deployments and {placements} placements in {seconds:g} s.",
            clusters=clusters,
            deployments=deployments,
            placements=placements,
            seconds=seconds,
        )
