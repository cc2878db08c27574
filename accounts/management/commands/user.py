"""`manage.py user …`: create, list and forbid users, and give them new passwords."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import CommandError, CommandParser

from accounts import services
from accounts.models import Status, User
from accounts.passwords import ask, generate
from otestack.management.base import OperatorCommand
from otestack.management.output import table

_VARIABLE = "OTE_PASSWORD"
_STATUSES = {"waiting": Status.PENDING, "approved": Status.APPROVED, "refused": Status.REFUSED,
             "forbidden": Status.FORBIDDEN}  # fmt: skip


class Command(OperatorCommand):
    """Thin: arguments in, a service, text out."""

    help = f"Create, list and forbid users, and give them new passwords. Passwords come from {_VARIABLE} or are asked."
    examples = (
        "user create bob --business acme --admin",
        "user create root2 --system --generate",
        "user list --status waiting --json",
        "user forbid bob",
        "user reset-password bob < password-file",
    )
    arguments = {"user": "name", "password": "password", "phone": "phone", "realName": "real name"}

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the sub-commands."""
        what = self.sub_commands(parser)
        create = self.sub_command(what, "create", "create an approved user")
        create.add_argument("name")
        where = create.add_mutually_exclusive_group()
        where.add_argument("--business", metavar="NAME", help="of which it is a member; default: of none")
        where.add_argument("--system", action="store_true", help="as a system administrator")
        create.add_argument("--admin", action="store_true", help="as the business's administrator")
        create.add_argument("--phone", default="")
        create.add_argument("--real-name", default="")
        listing = self.sub_command(what, "list", "users, those that wait first")
        listing.add_argument("--status", choices=list(_STATUSES))
        listing.add_argument("--business", metavar="NAME")
        self.sub_command(what, "forbid", "keep a user out; its tokens end").add_argument("name")
        reset = self.sub_command(what, "reset-password", "give a user a new password; its tokens end")
        reset.add_argument("name")
        for command in (create, reset):
            command.add_argument("--generate", action="store_true", help="make one up and print it")

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        """Run the sub-command. Raises CommandError with one sentence."""
        self.run_sub_command(what, options)

    def _create(
        self, name: str, business: str | None, system: bool, admin: bool, phone: str, real_name: str, generate: bool,
        **_: Any,
    ) -> None:  # fmt: skip
        if system and (admin or phone or real_name):
            raise CommandError("A system administrator is created without --admin, --phone and --real-name.")
        home = _business(business) if business else None
        password = self._password(generate)
        if system:
            if not services.ensure_system_admin(name, password):
                raise CommandError(f"The system administrator {name} exists already.")
        else:
            services.create_member(
                user_name=name, password=password, phone=phone, real_name=real_name, is_admin=admin, business=home
            )
        user = _find(name)
        self.tell(f"Created {user.role.label} {user}.{_shown(password, generate)}", **_record(user),
                  **({"password": password} if generate else {}))  # fmt: skip

    def _list(self, status: str | None, business: str | None, **_: Any) -> None:
        rows = User.objects.living().select_related("business").order_by("status", "pk")
        if status:
            rows = rows.filter(status=_STATUSES[status])
        if business:
            rows = rows.filter(business=_business(business))
        records = [_record(user) for user in rows]
        head = ("ID", "NAME", "STATUS", "ROLE", "BUSINESS", "SINCE")
        columns = ([str(row[key]) for key in ("id", "name", "status", "role", "business", "since")] for row in records)
        self.show(records, table(head, columns))

    def _forbid(self, name: str, **_: Any) -> None:
        user = _find(name)
        services.audit(user, status=Status.FORBIDDEN)
        user.refresh_from_db()
        self.tell(f"{user} is forbidden; its tokens have ended.", **_record(user))

    def _reset_password(self, name: str, generate: bool, **_: Any) -> None:
        user = _find(name)
        password = self._password(generate)
        services.reset_password(user, password)
        self.tell(f"The password of {user} is set; its tokens have ended.{_shown(password, generate)}", **_record(user),
                  **({"password": password} if generate else {}))  # fmt: skip

    def _password(self, made_up: bool) -> str:
        return generate() if made_up else ask(_VARIABLE)


def _shown(password: str, generated: bool) -> str:
    return f" Its password is {password}" if generated else ""


def _find(name: str) -> User:
    user = User.objects.living().select_related("business").named(name).first()
    if user is None:
        raise CommandError(f"There is no user '{name}'.")
    return user


def _business(name: str) -> Any:
    """Return a living business by name. By name too: its app lies above this one."""
    found = apps.get_model("business", "Business")._default_manager.filter(name=name, status=1).first()
    if found is None:
        raise CommandError(f"There is no approved business '{name}'.")
    return found


def _record(user: User) -> dict[str, Any]:
    return {
        "id": user.pk,
        "name": user.username,
        "status": Status(user.status).name.lower(),
        "role": int(user.role),
        "business": user.business.name if user.business else "",
        "since": f"{user.created_at:%Y-%m-%dT%H:%M:%SZ}",
    }
