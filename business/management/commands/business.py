"""manage.py business list | approve ID | refuse ID | delete ID."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from business import services
from business.models import Business
from otestack.errors import DomainError


class Command(BaseCommand):
    """Lists, audits and deletes businesses, as an operator of the platform."""

    help = "List, approve, refuse and delete businesses."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the sub-commands."""
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="all businesses, deleted ones too")
        for name, text in (("approve", "approve an application"), ("refuse", "disapprove an application")):
            action = actions.add_parser(name, help=text)
            action.add_argument("id", type=int)
            action.add_argument("--comment", default="", help="what the applicant reads")
        action = actions.add_parser("delete", help="delete a business with its deployments and its namespace")
        action.add_argument("id", type=int)
        action.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *, action: str, **options: Any) -> None:
        """Run the sub-command. Raises CommandError with one sentence."""
        if action == "list":
            self._list()
            return
        business = Business.objects.filter(pk=options["id"]).first()
        if business is None:
            raise CommandError(f"There is no business {options['id']}.")
        try:
            if action == "delete":
                self._delete(business, sure=options["yes"])
            else:
                self._decide(business, action, options["comment"])
        except DomainError as error:
            raise CommandError(str(error)) from error

    def _list(self) -> None:
        self.stdout.write(f"{'id':>6}  {'status':<12}  {'namespace':<12}  name")
        for business in Business.objects.order_by("id"):
            status = business.get_status_display()
            self.stdout.write(f"{business.pk:>6}  {status:<12}  {business.namespace or '-':<12}  {business.name}")

    def _decide(self, business: Business, action: str, comment: str) -> None:
        if len(comment) > 255:
            raise CommandError("The comment is longer than 255 characters.")
        decide = services.approve if action == "approve" else services.refuse
        decide(business, comment=comment)
        self.stdout.write(f"The business {business} is {'approved' if action == 'approve' else 'disapproved'}.")

    def _delete(self, business: Business, *, sure: bool) -> None:
        services.check_deletable(business)
        users = User.objects.living().filter(business=business).count()
        self.stdout.write(
            f"This deletes the business {business}: its deployments end, its namespace {business.namespace} with all "
            f"that it holds leaves every cluster, and its {users} users lose their tokens and have no business."
        )
        if not sure and _typed(f"Type {business.namespace} to go on: ") != business.namespace:
            raise CommandError("Nothing was changed.")
        services.delete(business)
        self.stdout.write(f"The business {business} is deleted.")


def _typed(question: str) -> str:
    """Return what was typed; nothing where nobody can type."""
    try:
        return input(question)
    except EOFError:
        return ""
