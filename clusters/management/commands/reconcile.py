"""`manage.py reconcile`: have edges looked at and mended now."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Q

from clusters import services
from clusters.engine.clock import db_now
from clusters.engine.drive import drive_due
from clusters.models import Cluster
from otestack.management.base import NotInTime, OperatorCommand, add_json

# Seconds between two looks while waiting.
_POLL = 0.5


class Command(OperatorCommand):
    """Marks clusters due; the engine does the rest, or this process with --here."""

    help = (
        "Have a cluster, or all of them, reconciled now: what is wanted there is applied, what is not is deleted, and "
        "what is there is recorded. Workers do it; with --here this process does, also where no worker runs. Clusters "
        "that are away have their turn when they answer."
    )
    examples = ("reconcile shanghai --wait 60", "reconcile --all --here")

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("name", nargs="?", help="the cluster")
        which.add_argument("--all", action="store_true", dest="every", help="every cluster")
        parser.add_argument("--here", action="store_true", help="work in this process, beside any workers")
        parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="until done, at most so long")
        add_json(parser)

    def handle(self, *args: Any, name: str | None, every: bool, here: bool, wait: float, **_: Any) -> None:
        """Raises CommandError for an unknown cluster, NotInTime when --wait was too short."""
        rows = Cluster.objects.all() if every else Cluster.objects.filter(name__iexact=name)
        since = db_now()
        if every:
            number = services.sync_all()
        else:
            cluster = rows.first()
            if cluster is None:
                raise CommandError(f"There is no cluster '{name}'.")
            services.sync(cluster)
            number = 1
        away = rows.filter(away_since__isnull=False).count()
        passes = drive_due() if here else 0
        done = 0
        if wait > 0:
            done = self._wait(rows, since, number - away, wait)
        elif here:
            done = number - away - _left(rows, since)
        what = "cluster" if number == 1 else "clusters"
        how = f"{done} of {number} {what} reconciled" if here or wait > 0 else f"{number} {what} due now"
        self.tell(f"{how}; {away} away.", clusters=number, away=away, passes=passes, reconciled=done)

    def _wait(self, rows: Any, since: Any, total: int, seconds: float) -> int:
        until = time.monotonic() + seconds
        with self.progress("Reconciling", total) as progress:
            while left := _left(rows, since):
                progress.to(total - left)
                if time.monotonic() >= until:
                    raise NotInTime(f"{left} of {total} clusters are not done after {seconds:g} s.")
                time.sleep(_POLL)
            progress.to(total)
        return total


def _left(rows: Any, since: Any) -> int:
    """Return how many clusters that answer have not had their pass yet."""
    waits = Q(change_due_at__lte=since) | Q(change_due_at__isnull=False, lease_until__isnull=False)
    return int(rows.filter(waits | Q(change_due_at__lte=db_now()), away_since__isnull=True).count())
