"""manage.py set_password NAME: a new password for a user."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts import services
from accounts.models import User
from accounts.passwords import ask
from otestack.management.base import OperatorCommand, add_json

VARIABLE = "OTE_PASSWORD"


class Command(OperatorCommand):
    """Gives the user NAME a new password and ends its tokens."""

    help = f"Give a user a new password and end its tokens. It is taken from {VARIABLE}, else asked for or read."
    examples = ("set_password bob", "set_password bob < password-file")

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("name")
        add_json(parser)

    def handle(self, *, name: str, **_: Any) -> None:
        """Set the password. Raises CommandError with one sentence."""
        user = User.objects.living().named(name).first()
        if user is None:
            raise CommandError(f"There is no user '{name}'.")
        services.reset_password(user, ask(VARIABLE))
        self.tell(f"The password of {user} is set; its tokens have ended.", id=user.pk, name=user.username)
