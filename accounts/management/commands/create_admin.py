"""manage.py create_admin NAME: a system administrator."""

import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts import services
from accounts.passwords import generate
from otestack.management.base import OperatorCommand, add_json

VARIABLE = "OTE_ADMIN_PASSWORD"


class Command(OperatorCommand):
    """Creates the system administrator NAME, unless it is there."""

    help = (
        f"Create a system administrator, unless it is there. The password is taken from {VARIABLE}; without that, one "
        "is generated and kept in the file of --password-file, or shown with --show."
    )
    examples = (
        "create_admin root --show",
        "create_admin root --password-file /var/lib/otestack/root-password --json",
    )
    arguments = {"user": "name", "password": VARIABLE}

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("name")
        parser.add_argument("--password-file", type=Path, help="where a generated password is kept, with mode 600")
        parser.add_argument("--show", action="store_true", help="print a generated password")
        add_json(parser)

    def handle(self, *, name: str, password_file: Path | None, show: bool, **_: Any) -> None:
        """Create the administrator. Raises CommandError with one sentence."""
        given = os.environ.get(VARIABLE, "")
        if not given and password_file is None and not show:
            raise CommandError(f"Set {VARIABLE}, or say with --password-file or --show where a generated one goes.")
        password = given or generate()
        draft = None if given or password_file is None else _keep(password, password_file)
        try:
            created = services.ensure_system_admin(name, password)
            if draft is not None and password_file is not None and created:
                draft.replace(password_file)
        finally:
            if draft is not None:
                draft.unlink(missing_ok=True)
        if not created:
            self.tell(f"The system administrator {name} exists; nothing was changed.", name=name, created=False)
            return
        sentences, record = [f"Created the system administrator {name}."], {"name": name, "created": True}
        if not given and password_file is not None:
            sentences.append(f"Its password is kept in {password_file}.")
            record["passwordFile"] = str(password_file)
        if not given and show:
            sentences.append(f"Its password is {password}")
            record["password"] = password
        self.tell(" ".join(sentences), **record)


def _keep(password: str, path: Path) -> Path:
    """Write the password beside its place, so that a failure leaves an older one alone. Raises CommandError."""
    draft = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(password + "\n")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
    return draft
