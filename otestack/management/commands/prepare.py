"""`manage.py prepare`: the database as this version needs it, and a system administrator."""

import os
import secrets
import string
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.db import OperationalError

from accounts.models import User
from accounts.services import ensure_system_admin
from otestack.errors import DomainError

LENGTH = 16


def generate_password() -> str:
    """Return a random password that satisfies the password rule."""
    letters = string.ascii_letters + string.digits
    while True:
        password = "".join(secrets.choice(letters) for _ in range(LENGTH))
        if (
            any(c.islower() for c in password)
            and any(c.isupper() for c in password)
            and any(map(str.isdigit, password))
        ):
            return password


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read; it is whole or not there."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


class Command(BaseCommand):
    """Migrates, then makes sure that there is a system administrator; safe to repeat."""

    help = "Apply migrations and make sure that a system administrator exists (OTE_ADMIN_USER, OTE_ADMIN_PASSWORD)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError with one sentence when the database or the wanted administrator is unusable."""
        try:
            call_command("migrate", interactive=False, verbosity=0)
            self.administrator(os.environ.get("OTE_ADMIN_USER", "").strip() or "admin")
        except OperationalError as error:
            raise CommandError(f"The database cannot be used: {' '.join(str(error).split())}") from error
        except DomainError as error:
            raise CommandError(f"The system administrator cannot be created: {error}") from error

    def administrator(self, name: str) -> None:
        """Create the administrator unless it is there, and say where its password is kept."""
        given = os.environ.get("OTE_ADMIN_PASSWORD", "")
        kept = self.password_file(name)
        # The file comes first: killed between the two, the next start uses what it holds.
        if not given and not kept.exists() and not User.objects.living().named(name).exists():
            write_private(kept, generate_password() + "\n")
        password = given or (kept.read_text().strip() if kept.exists() else generate_password())
        ensure_system_admin(name, password)
        user = User.objects.living().named(name).get()
        if kept.exists() and user.check_password(kept.read_text().strip()):
            where = f"password in {kept}"
        else:
            where = "password as it was given or changed; it is kept nowhere"
        self.stdout.write(f"System administrator {user.username}, {where}")

    def password_file(self, name: str) -> Path:
        """Return where this administrator's generated password is kept; a second one's has a file of its own."""
        first: Path = settings.OTE_DATA_DIR / "admin-password"
        own: Path = settings.OTE_DATA_DIR / f"admin-password-{name}"
        if own.exists() or (first.exists() and self.belongs_to_another(first, name)):
            return own
        return first

    def belongs_to_another(self, path: Path, name: str) -> bool:
        """Tell whether the file holds the password of another living system administrator."""
        password = path.read_text().strip()
        others = User.objects.living().filter(is_superuser=True).exclude(username__iexact=name)
        return any(user.check_password(password) for user in others)
