"""manage.py simulate_harbor: serve a simulated Harbor until stopped."""

import os
import signal
import ssl
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from clusters.management.commands.simulate_edge import seconds
from registry.simulator import HarborSimulator

# Files beside the data, for their owner's eyes only.
PASSWORD_FILE, CONTROL_FILE = "admin-password", "control-token"


class Command(BaseCommand):
    """Serves until SIGTERM or SIGINT."""

    help = "Serve a simulated Harbor: its API, and a registry that takes and gives images."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The command's options."""
        data = Path(os.environ.get("OTE_DATA_DIR") or "data")
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=0, help="0: a free one")
        parser.add_argument("--data", type=Path, default=data / "registry", help="images, accounts and secrets")
        parser.add_argument("--latency", type=seconds, default=0.0, help="added to every answer, such as 20ms")
        parser.add_argument("--login-delay", type=seconds, default=1.5, help="what a wrong password costs")
        parser.add_argument("--pull-lag", type=seconds, default=10.0, help="until a pull is counted")
        parser.add_argument(
            "--password-file", type=Path, help=f"the administrator's password; default: {PASSWORD_FILE} in the data"
        )
        parser.add_argument("--tls-cert", type=Path, help="serve HTTPS with this certificate")
        parser.add_argument("--tls-key", type=Path, help="and this key")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, say where it is, wait to be stopped."""
        data: Path = options["data"]
        try:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            password = _password(options["password_file"] or data / PASSWORD_FILE)
            simulator = HarborSimulator(
                data,
                port=options["port"],
                host=options["host"],
                admin_password=password,
                latency=options["latency"],
                tls=_tls(options["tls_cert"], options["tls_key"]),
                login_delay=options["login_delay"],
                pull_lag=options["pull_lag"],
            )
            simulator.start()
        except OSError as error:
            raise CommandError(f"It cannot start: {error}.") from error
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            if simulator.admin_password != password:
                _write(options["password_file"] or data / PASSWORD_FILE, simulator.admin_password)
            _write(data / CONTROL_FILE, simulator.control_token)
            self.stdout.write(f"Simulated registry at {simulator.url}, data in {data}")
            self.stdout.flush()
            stop.wait()
        finally:
            simulator.stop()


def _password(path: Path) -> str:
    """The password in a file; empty when there is no file, so that one is made."""
    return path.read_text().strip() if path.exists() else ""


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text + "\n")


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(certificate, key)
    return found
