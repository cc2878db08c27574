"""`manage.py join FOLDER`: register every kubeconfig of a folder, as an operator would one by one."""

import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand, CommandParser

from clusters.models import Cluster

# Seconds to wait for the files and for what listens behind them.
DEADLINE = 60.0
EVERY = 0.2


def listens(path: Path) -> bool:
    """Tell whether something accepts connections at the server that this kubeconfig names first."""
    try:
        server = urlsplit(yaml.safe_load(path.read_text())["clusters"][0]["cluster"]["server"])
        with socket.create_connection((server.hostname or "", server.port or 443), timeout=1):
            return True
    except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError):
        return False


class Command(BaseCommand):
    """Registers what is new and updates the credentials of what is known."""

    help = "Register every kubeconfig of a folder under its file's name; known clusters get the file's credentials."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the folder and how many files must be there."""
        parser.add_argument("folder", type=Path)
        parser.add_argument("--expect", type=int, default=1, help="wait until this many files are there")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError when the files or their servers do not come up in time."""
        for path in self.wait(options["folder"], options["expect"]):
            joined = path.with_name(f".{path.stem}.joined")
            if Cluster.objects.filter(name__iexact=path.stem).exists():
                self.update(path)
            elif joined.exists():
                self.stdout.write(f"{path.stem} was registered once and removed since; it stays away.")
            else:
                call_command("cluster", "add", path.stem, "--kubeconfig", str(path))
            joined.touch()

    def update(self, path: Path) -> None:
        """Renew a known cluster's credentials; one that is another cluster by now, by an operator's wish, stays so."""
        try:
            call_command("cluster", "update", path.stem, "--kubeconfig", str(path))
        except CommandError as error:
            self.stderr.write(f"{path.stem} stays as it is registered: {error}")

    def wait(self, folder: Path, expected: int) -> list[Path]:
        """Return the kubeconfigs once there are enough and all their servers listen."""
        until = time.monotonic() + DEADLINE
        while True:
            paths = sorted(folder.glob("*.yaml"))
            silent = [path.name for path in paths if not listens(path)]
            if len(paths) >= expected and not silent:
                return paths
            if time.monotonic() >= until:
                raise CommandError(
                    f"Waited {DEADLINE:.0f} s for {expected} kubeconfigs in {folder}: "
                    f"{len(paths)} are there, and nothing listens behind {', '.join(silent) or 'none of the rest'}."
                )
            time.sleep(EVERY)
