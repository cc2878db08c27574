"""`manage.py purge`: forget what nobody needs any more."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandParser

from accounts import tokens
from clusters.engine.clock import db_now
from deployments.services.purging import purge_operations, purgeable
from deployments.services.telling import forget_events
from otestack.management.base import OperatorCommand, add_json

# A century: the calendar reaches further back.
_MOST_DAYS = 36500


class Command(OperatorCommand):
    """Thin: a service for each kind of thing."""

    help = (
        "Forget changes of deployments that ended long ago, their events, and tokens and sessions that have expired. "
        "What is shown, what runs, and the newest run of each version that a rollback may want are kept. The audit "
        "trail is never purged."
    )
    examples = ("purge --dry-run", "purge --days 365 --json")

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--days", type=_days, default=90, help="changes that ended so long ago; default: 90")
        parser.add_argument("--event-days", type=_days, default=7, help="events of progress so old; default: 7")
        parser.add_argument("--dry-run", action="store_true", help="only say how many changes would go")
        add_json(parser)

    def handle(self, *args: Any, days: int, event_days: int, dry_run: bool, **_: Any) -> None:
        """Purge."""
        before = db_now() - timedelta(days=days)
        if dry_run:
            number = purgeable(before).count()
            self.tell(f"{number} changes would go.", operations=number, dryRun=True)
            return
        number = purge_operations(before)
        events = forget_events(db_now() - timedelta(days=event_days))
        expired = tokens.forget_expired()
        call_command("clearsessions", verbosity=0)
        self.tell(
            f"{number} changes, {events} events and {expired} expired tokens are gone.",
            operations=number,
            events=events,
            tokens=expired,
        )


def _days(text: str) -> int:
    """Return a number of days. Raises ArgumentTypeError, which argparse makes a usage error of."""
    if text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= _MOST_DAYS:
        return int(text)
    raise ArgumentTypeError(f"it must be a whole number from 0 to {_MOST_DAYS}")
