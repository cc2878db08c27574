"""`manage.py deploy …`: look at deployments, follow a change to its end, try again."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from business.models import Business
from deployments import reports, services
from deployments.models import Audit, Deployment, Operation, Status
from otestack.management.base import NotInTime, OperatorCommand
from otestack.management.output import counts, facts, table

# Seconds between two looks while watching.
_POLL = 0.5
_ENDED_WELL = {Status.SUCCESS, Status.DELETED}


class Command(OperatorCommand):
    """Thin: arguments in, a service or a report, text out."""

    help = "Look at deployments, follow a change to its end, and try again where it waits."
    examples = (
        "deploy list --business acme",
        "deploy show acme/web1 --json",
        "deploy watch 17 --timeout 600 && echo up",
        "deploy retry acme/web1",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the sub-commands."""
        what = self.sub_commands(parser)
        listing = self.sub_command(what, "list", "deployments and their state")
        listing.add_argument("--business", metavar="NAME")
        listing.add_argument("--state", choices=[status.name.lower() for status in Status], help="as it is judged now")
        listing.add_argument("--deleted", action="store_true", help="deleted ones too")
        for name, text in (
            ("show", "one deployment in detail"),
            ("watch", "follow a change until it ends; 0 only when it ended in success"),
            ("retry", "have its clusters try again now"),
        ):
            command = self.sub_command(what, name, text)
            command.add_argument("deployment", help="its id, or its name, or business/name")
            if name == "watch":
                command.add_argument("--timeout", type=float, default=900, metavar="SECONDS", help="default: 900")

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        """Run the sub-command. Raises CommandError with one sentence."""
        self.run_sub_command(what, options)

    def _list(self, business: str | None, state: str | None, deleted: bool, **_: Any) -> None:
        rows = Deployment.objects.all() if deleted else Deployment.objects.listed()
        if business:
            if not Business.objects.filter(name=business).exists():
                raise CommandError(f"There is no business '{business}'.")
            rows = rows.filter(business__name=business)
        found = [row for row in reports.deployments(rows) if state in (None, row["state"])]
        head = ("ID", "BUSINESS", "NAME", "VERSION", "STATE", "CLUSTERS", "PODS", "REASON")
        columns = (
            (row["id"], row["business"], row["name"], f"{row['app']} {row['version']}", row["state"],
             f"{row['clustersReady']}/{row['clusters']}", f"{row['podsRunning']}/{row['pods']}", row["reason"])
            for row in found
        )  # fmt: skip
        self.show(found, table(head, columns))

    def _show(self, deployment: str, **_: Any) -> None:
        row = reports.deployment(_find(deployment))
        changes = table(
            ("ID", "CHANGE", "VERSION", "STATE", "AUDIT", "BY", "DECIDED BY", "SUBMITTED"),
            (
                (one["id"], one["change"], one["version"], one["state"], one["audit"], one["by"] or "-",
                 one["decidedBy"] or "-", one["submittedAt"])
                for one in row["changes"]
            ),
        )  # fmt: skip
        text = facts(
            [
                ("Name", f"{row['business']}/{row['name']}"),
                ("Id", row["id"]),
                ("Version", f"{row['app']} {row['version']}"),
                ("State", row["state"]),
                ("Under way", "yes" if row["underWay"] else ""),
                ("Meant for", row["cluster"]),
                ("Node label", row["nodeLabel"]),
                ("Clusters", counts(row["clusterStates"])),
                ("Pods", f"{row['podsRunning']} of {row['pods']} running, {row['podsError']} in error"),
                ("Reason", row["reason"]),
                *((f"On {one['clusters']}", one["reason"]) for one in row["reasons"]),
            ]
        )
        self.show(row, f"{text}\n\n{changes}")

    def _watch(self, deployment: str, timeout: float, **_: Any) -> None:
        found = _find(deployment)
        pk, watched = found.pk, found.shown_id or 0
        until = time.monotonic() + timeout
        row = _brief(pk)
        # Read after the row, so that a row of before the end is never taken for that of the end.
        with self.progress(f"{row['business']}/{row['name']}", row["clusters"]) as progress:
            while row["underWay"] and Operation.objects.filter(pk=watched, open=True).exists():
                progress.to(row["clustersReady"], row["state"])
                if time.monotonic() >= until:
                    raise NotInTime(f"{row['name']} is {row['state']} after {timeout:g} s; it goes on.")
                time.sleep(_POLL)
                row = _brief(pk)
        # The change itself: the deployment shows again what runs when it was refused, or the next change already.
        change = Operation.objects.only("version", "status", "audit", "audit_comment").get(pk=watched)
        refused = change.audit == Audit.REFUSED
        still_shown = Deployment.objects.filter(pk=pk, shown=watched).exists()
        state = Status(row["status"] if still_shown else change.status)  # as it is read now, where that is to be had
        row |= {"change": change.pk, "version": change.version, "status": int(state), "state": state.name.lower()}
        sentence = f"{row['business']}/{row['name']} {row['app']} {row['version']}: {row['state']}"
        sentence += f", {row['reason']}" if row["reason"] and not refused else ""
        self.tell(f"{sentence}.", **row)
        if refused:
            raise CommandError(
                f"Change {change.pk} of {row['name']} was refused: {change.audit_comment or 'no comment'}."
            )
        if state not in _ENDED_WELL:
            raise CommandError(f"{row['name']} ended as {row['state']}.")

    def _retry(self, deployment: str, **_: Any) -> None:
        row = _find(deployment)
        number = services.retry(row)
        what = "cluster" if number == 1 else "clusters"
        self.tell(f"{number} {what} of {row} will be looked at now.", id=row.pk, name=row.name, clusters=number)


def _brief(pk: int) -> dict[str, Any]:
    return reports.deployments(Deployment.objects.filter(pk=pk))[0]


def _find(which: str) -> Deployment:
    """Return a deployment by id, name or business/name. Raises CommandError for none, and for several."""
    if which.isascii() and which.isdigit() and len(which) < 19:
        found = list(Deployment.objects.filter(pk=int(which)))
        if found:
            return found[0]
    business, _, name = which.rpartition("/")
    rows = Deployment.objects.listed().filter(name=name, live=True)
    found = list(rows.filter(business__name=business) if business else rows)
    if len(found) > 1:
        raise CommandError(f"{len(found)} businesses have a deployment '{name}'; say which: business/{name}.")
    if not found:
        raise CommandError(f"There is no deployment '{which}'.")
    return found[0]
