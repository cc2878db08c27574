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
# Failed clusters that one sentence names.
_MOST_NAMES = 20


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
        """Have them reconciled.

        Raises CommandError for an unknown cluster and for those that failed, NotInTime when --wait was too short.
        """
        rows = Cluster.objects.all() if every else Cluster.objects.filter(name__iexact=name)
        # Those of now: what joins, or goes away, meanwhile changes neither whom we wait for nor who has failed.
        every_id = list(rows.values_list("pk", flat=True))
        here_now = Cluster.objects.filter(pk__in=every_id, away_since__isnull=True)
        ids = list(here_now.values_list("pk", flat=True))
        rows, since = Cluster.objects.filter(pk__in=ids), db_now()
        if every:
            services.sync_all()
        else:
            cluster = Cluster.objects.filter(pk__in=every_id).first()
            if cluster is None:
                raise CommandError(f"There is no cluster '{name}'.")
            services.sync(cluster)
        number, away = len(every_id), len(every_id) - len(ids)
        passes = drive_due() if here else 0
        if wait > 0:
            self._wait(rows, since, len(ids), wait)
        failed = _failed(rows, since) if here or wait > 0 else []
        done = len(ids) - len(failed) if here or wait > 0 else 0
        what = "cluster" if number == 1 else "clusters"
        how = f"{done} of {number} {what} reconciled" if here or wait > 0 else f"{number} {what} due now"
        self.tell(f"{how}; {away} away.", clusters=number, away=away, passes=passes, reconciled=done, failed=failed)
        if failed:
            names = ", ".join(failed[:_MOST_NAMES]) + (" and others" if len(failed) > _MOST_NAMES else "")
            raise CommandError(f"Not reconciled: {names}.")

    def _wait(self, rows: Any, since: Any, total: int, seconds: float) -> None:
        until = time.monotonic() + seconds
        with self.progress("Reconciling", total) as progress:
            while left := _left(rows, since):
                progress.to(total - left)
                if time.monotonic() >= until:
                    raise NotInTime(f"{left} of {total} clusters are not done after {seconds:g} s.")
                time.sleep(_POLL)
            progress.to(total)


def _left(rows: Any, since: Any) -> int:
    """Return how many clusters that answer have not had their pass yet."""
    waits = Q(change_due_at__lte=since) | Q(change_due_at__isnull=False, lease_until__isnull=False)
    return int(rows.filter(waits | Q(change_due_at__lte=db_now()), away_since__isnull=True).count())


def _failed(rows: Any, since: Any) -> list[str]:
    """Return the names of those that were not seen whole and without fault since then."""
    return list(rows.exclude(observed_at__gte=since, last_error="").order_by("name").values_list("name", flat=True))
