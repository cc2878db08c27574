"""`manage.py loadtest_data`: the rows of a large fleet."""

from __future__ import annotations

import time
from dataclasses import asdict, astuple, fields
from typing import Any

from django.core.management.base import CommandError, CommandParser

from clusters.loadtest import PREFIX
from deployments.loadtest import Size, holds_real_data, make
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
        parser.add_argument("--nodes", type=int, help="default: 3 for each cluster")
        parser.add_argument("--users", type=int, default=0, help="default, and at least: one for each business")
        parser.add_argument("--businesses", type=int, default=100, help="default: 100")
        parser.add_argument("--everywhere", type=int, default=0, help="deployments on every cluster; default: 0")
        parser.add_argument("--force", action="store_true", help="also beside real data: it cannot be taken out again")
        add_json(parser)

    def handle(self, *args: Any, force: bool, **options: Any) -> None:
        """Raises CommandError where there is real data, or load test data already."""
        if options["nodes"] is None:
            options["nodes"] = 3 * options["clusters"]
        size = Size(**{field.name: options[field.name] for field in fields(Size)})
        if min(astuple(size)) < 0:
            raise CommandError("There are no fewer than none of anything.")
        if not 0 <= size.placements - size.everywhere * size.clusters <= _most(size):
            raise CommandError("A deployment has at most one placement on a cluster.")
        if holds_real_data() and not force:
            raise CommandError("This database holds real data; use another one, or --force.")
        if Deployment.objects.filter(name__startswith=PREFIX).exists():
            raise CommandError("This database holds load test data already.")
        began = time.monotonic()
        with self.progress("Placements", size.placements) as progress:
            make(size, progress.to)
        seconds = round(time.monotonic() - began, 1)
        self.tell(
            f"{size.clusters} clusters, {size.deployments} deployments and {size.placements} placements in "
            f"{seconds:g} s.",
            **asdict(size),
            seconds=seconds,
        )


def _most(size: Size) -> int:
    return size.clusters * (size.deployments - size.everywhere)
