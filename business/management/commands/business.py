"""manage.py business list | approve ID | refuse ID | delete ID."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.models import User
from business import services
from business.models import Business, Status
from otestack.logs import escaped
from otestack.management.base import OperatorCommand, confirmed
from otestack.management.output import table


class Command(OperatorCommand):
    """Lists, audits and deletes businesses, as an operator of the platform."""

    help = "List, approve, refuse and delete businesses."
    examples = ("business list", "business approve 3 --comment welcome", "business delete 3")

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the sub-commands."""
        actions = self.sub_commands(parser)
        self.sub_command(actions, "list", "all businesses, deleted ones too")
        for name, text in (("approve", "approve an application"), ("refuse", "disapprove an application")):
            action = self.sub_command(actions, name, text)
            action.add_argument("id", type=int)
            action.add_argument("--comment", default="", help="what the applicant reads")
        action = self.sub_command(actions, "delete", "delete a business with its deployments and its namespace")
        action.add_argument("id", type=int)
        action.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        """Run the sub-command. Raises CommandError with one sentence."""
        if what == "list":
            self._list()
            return
        business = Business.objects.filter(pk=options["id"]).first()
        if business is None:
            raise CommandError(f"There is no business {options['id']}.")
        if what == "delete":
            self._delete(business, sure=options["yes"])
        else:
            self._decide(business, what, options["comment"])

    def _list(self) -> None:
        rows = [_record(business) for business in Business.objects.order_by("id")]
        columns = ((row["id"], row["status"], row["namespace"] or "-", row["name"]) for row in rows)
        self.show(rows, table(("ID", "STATUS", "NAMESPACE", "NAME"), columns))

    def _decide(self, business: Business, action: str, comment: str) -> None:
        if len(comment) > 255:
            raise CommandError("The comment is longer than 255 characters.")
        decide = services.approve if action == "approve" else services.refuse
        decide(business, comment=comment)
        business.refresh_from_db()
        done = "approved" if action == "approve" else "disapproved"
        self.tell(f"The business {business} is {done}.", **_record(business))

    def _delete(self, business: Business, *, sure: bool) -> None:
        services.check_deletable(business)
        users = User.objects.living().filter(business=business).count()
        (self.stderr if self.as_json else self.stdout).write(
            f"This deletes the business {escaped(str(business))}: its deployments end, its namespace "
            f"{business.namespace} with all that it holds leaves every cluster, and its {users} users lose their "
            "tokens and have no business."
        )
        confirmed("Go on?", business.namespace, yes=sure)
        services.delete(business)
        business.refresh_from_db()
        self.tell(f"The business {business} is deleted.", **_record(business))


def _record(business: Business) -> dict[str, Any]:
    return {
        "id": business.pk,
        "name": business.name,
        "status": Status(business.status).label,
        "namespace": business.namespace,
    }
