"""Names that only our own processes resolve, until they are taken away: /etc/hosts of a mount namespace."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

DOMAIN = "edge.test"
_MOUNTED = 'mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/nsswitch.conf && shift 2 && exec "$@"'


class Names:
    """hosts: the file that the commands see, written in place, since it is mounted where they run."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._hosts, self._order = folder / "hosts", folder / "nsswitch.conf"
        self._order.write_text("hosts: files\n")
        self.set(())

    def missing(self) -> str:
        """Return why this machine cannot do it; "" when it can."""
        try:
            tried = subprocess.run(self.seen_by("true"), capture_output=True, text=True, check=False)
        except OSError as error:
            return f"unshare cannot be run: {error}"
        return f"no mount namespace of our own: {tried.stderr.strip()}" if tried.returncode else ""

    def set(self, names: Iterable[str]) -> None:
        """Have these names, and no others, lead to this machine."""
        known = ["localhost", *(f"{name}.{DOMAIN}" for name in names)]
        self._hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in known))

    def seen_by(self, *command: str) -> tuple[str, ...]:
        """Return the command that runs this one, in the same process, where names are ours."""
        return ("unshare", "--mount", "sh", "-c", _MOUNTED, "sh", str(self._hosts), str(self._order), *command)
