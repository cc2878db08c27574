"""`manage.py audit …`: what waits for a decision, deciding it, and the trail of all that was done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware

from accounts import services as accounts
from accounts.models import Status as UserStatus
from accounts.models import User
from business import services as businesses
from business.models import Business
from business.models import Status as BusinessStatus
from deployments import reports, services
from deployments.models import Operation
from otestack.management.base import OperatorCommand
from otestack.management.output import table
from otestack.models import Channel, TrailEntry
from otestack.trail.reading import as_csv, as_json, chosen, records

KINDS = ("user", "business", "deployment")
# Entries that are shown when it is not said how many.
_SHOWN = 50


class Command(OperatorCommand):
    """Thin: arguments in, a service or a report, text out."""

    help = "Decide what waits for audit (users, businesses, changes of deployments), and read the audit trail."
    examples = (
        "audit list",
        "audit approve business 3 --comment welcome",
        "audit refuse deployment 17 --comment 'not on a Friday'",
        "audit trail --kind user --since 2026-01-01 --csv > users.csv",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the sub-commands."""
        what = self.sub_commands(parser)
        listing = self.sub_command(what, "list", "what waits, the oldest first")
        listing.add_argument("kind", nargs="?", choices=KINDS)
        for name, text in (("approve", "approve what waits"), ("refuse", "refuse what waits")):
            command = self.sub_command(what, name, text)
            command.add_argument("kind", choices=KINDS)
            command.add_argument("id", type=int, help="as 'audit list' shows it")
            command.add_argument(
                "--comment", default="", help="why: whoever asked for it reads it; of a user, the audit trail keeps it"
            )
        trail = self.sub_command(what, "trail", f"what was done, the newest first; {_SHOWN} unless it is a file")
        trail.add_argument("--csv", action="store_true", dest="as_csv", help="print CSV, all of it")
        trail.add_argument("--most", type=int, metavar="N", help="at most so many entries")
        trail.add_argument("--since", type=_time, metavar="TIME", help="2026-01-31 or 2026-01-31T12:00 (UTC)")
        trail.add_argument("--until", type=_time, metavar="TIME")
        trail.add_argument("--channel", choices=Channel.values)
        for name in ("kind", "verb", "who", "object", "request"):
            trail.add_argument(f"--{name}", default="", help="exactly this")

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        """Run the sub-command. Raises CommandError with one sentence."""
        self.run_sub_command(what, options)

    def _list(self, kind: str | None, **_: Any) -> None:
        rows = [row for name in KINDS if kind in (None, name) for row in _WAITING[name]()]
        head = ("KIND", "ID", "WHAT", "BY", "SINCE", "COMMENT")
        columns = ([row[key] for key in ("kind", "id", "what", "by", "since", "comment")] for row in rows)
        self.show(rows, table(head, columns))

    def _approve(self, kind: str, id: int, comment: str, **_: Any) -> None:
        self._decide(kind, id, comment, approve=True)

    def _refuse(self, kind: str, id: int, comment: str, **_: Any) -> None:
        self._decide(kind, id, comment, approve=False)

    def _decide(self, kind: str, pk: int, comment: str, *, approve: bool) -> None:
        if len(comment) > 255:
            raise CommandError("The comment is longer than 255 characters.")
        name = _DECIDE[kind](pk, comment, approve)
        done = "approved" if approve else "refused"
        self.tell(f"The {kind} {name} is {done}.", kind=kind, id=pk, name=name, decision=done)

    def _trail(self, as_csv: bool, most: int | None, **options: Any) -> None:
        rows = chosen(
            TrailEntry.objects.all(),
            since=options["since"],
            until=options["until"],
            channel=options["channel"],
            kind=options["kind"],
            verb=options["verb"],
            actor_name=options["who"],
            object_name=options["object"],
            request_id=options["request"],
        )
        if as_csv or self.as_json:
            for text in _FORMS["csv" if as_csv else "json"](records(rows, most)):
                self.stdout.write(text, ending="")
            return
        head = ("TIME", "WHO", "FROM", "KIND", "OBJECT", "DID", "BUSINESS", "REQUEST")
        columns = (
            (row["time"][:19], row["who"] or "-", f"{row['channel']} {row['address']}".strip(), row["kind"],
             row["object"], row["verb"], row["business"] or "-", row["requestId"] or "-")
            for row in records(rows, most or _SHOWN)
        )  # fmt: skip
        self.stdout.write(table(head, columns))


_FORMS = {"csv": as_csv, "json": as_json}


def _time(text: str) -> Any:
    """Return a time; UTC where none is said. Raises ValueError, which argparse makes a usage error of."""
    found = parse_datetime(text if len(text) > 10 else f"{text}T00:00")
    if found is None:
        raise ValueError(text)
    return make_aware(found) if is_naive(found) else found


def _waiting_users() -> list[dict[str, Any]]:
    rows = User.objects.living().filter(status=UserStatus.PENDING).order_by("pk")
    wish = {True: "wants to administer a business", False: ""}
    return [_row("user", row.pk, row.username, row.username, row.created_at, wish[row.is_admin]) for row in rows]


def _waiting_businesses() -> list[dict[str, Any]]:
    rows = Business.objects.filter(status=BusinessStatus.PENDING).select_related("applicant").order_by("pk")
    return [_row("business", row.pk, row.name, str(row.applicant), row.created_at, row.objective) for row in rows]


def _waiting_changes() -> list[dict[str, Any]]:
    return [
        {
            "kind": "deployment",
            "id": row["id"],
            "what": f"{row['change']} {row['business']}/{row['deployment']} {row['version']}",
            "by": row["by"],
            "since": row["submittedAt"],
            "comment": row["comment"],
        }
        for row in reports.waiting()
    ]


def _row(kind: str, pk: int, what: str, by: str, since: Any, comment: str) -> dict[str, Any]:
    return {"kind": kind, "id": pk, "what": what, "by": by, "since": f"{since:%Y-%m-%dT%H:%M:%SZ}", "comment": comment}


_WAITING: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "user": _waiting_users,
    "business": _waiting_businesses,
    "deployment": _waiting_changes,
}


def _decide_user(pk: int, comment: str, approve: bool) -> str:
    user = _one(User.objects.living(), pk, "user")
    if user.status != UserStatus.PENDING:
        raise CommandError(f"The user {user} does not wait for audit.")
    accounts.audit(user, status=UserStatus.APPROVED if approve else UserStatus.REFUSED, comment=comment)
    return str(user)


def _decide_business(pk: int, comment: str, approve: bool) -> str:
    business = _one(Business.objects.all(), pk, "business")
    (businesses.approve if approve else businesses.refuse)(business, comment=comment)
    return str(business)


def _decide_change(pk: int, comment: str, approve: bool) -> str:
    operation = _one(Operation.objects.select_related("deployment").defer("manifests", "secrets"), pk, "change")
    (services.approve if approve else services.refuse)(operation, by=None, comment=comment)
    return str(operation.deployment)


_DECIDE: dict[str, Callable[[int, str, bool], str]] = {
    "user": _decide_user,
    "business": _decide_business,
    "deployment": _decide_change,
}


def _one(rows: Any, pk: int, what: str) -> Any:
    found = rows.filter(pk=pk).first()
    if found is None:
        raise CommandError(f"There is no {what} {pk}.")
    return found
