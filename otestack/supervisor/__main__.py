"""`python -m otestack.supervisor`: run the product on this machine until a signal ends it."""

import os
import signal
import sys
import time
from pathlib import Path

from otestack import secrets
from otestack.supervisor import parts, preflight, process, registry
from otestack.supervisor.loop import Supervisor
from otestack.supervisor.preflight import Refused


def edge_wanted() -> bool:
    """Tell whether the simulated edge belongs to this run. Raises Refused on an unknown word in OTE_EDGE."""
    word = os.environ.get("OTE_EDGE", "").strip() or "simulated"
    if word not in {"simulated", "none"}:
        raise Refused(f"OTE_EDGE must be 'simulated' or 'none', not '{word}'.")
    return word == "simulated"


def lay_out(data_dir: Path) -> None:
    """Write the secrets and make the folders that the parts expect.

    Messages left from an earlier run go: each is only a hint that there may be work, and the sweep finds it anyway.
    """
    secrets.ensure(data_dir)
    for name in ("broker/messages", "broker/control", "cache", "kubeconfigs", "static"):
        (data_dir / name).mkdir(parents=True, exist_ok=True)
    for message in (data_dir / "broker" / "messages").iterdir():
        message.unlink(missing_ok=True)


class Run:
    """One run: what is started after what, and what is printed. Raises OSError when a secret cannot be kept."""

    def __init__(self, data_dir: Path, port: int, registry_port: int) -> None:
        self.data_dir, self.port, self.registry_port = data_dir, port, registry_port
        self.with_edge = edge_wanted()
        self.url = f"http://{preflight.HOST}:{port}"
        self.registry = f"{preflight.HOST}:{registry_port}"
        self.began = time.monotonic()
        self.waits_for = {"ready", "join"} if self.with_edge else {"ready"}
        env = os.environ | {"OTE_DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1"}
        env.setdefault("DJANGO_SETTINGS_MODULE", "otestack.settings")
        if registry_port:
            env |= registry.settings(registry_port, registry.ensure_password(data_dir))
        # True of a container, and twelve lines long.
        warnings = "ignore:You're running the worker with superuser privileges"
        env["PYTHONWARNINGS"] = ",".join(filter(None, [env.get("PYTHONWARNINGS"), warnings]))
        self.supervisor = Supervisor(cwd=preflight.ROOT, env=env)

    def run(self) -> int:
        """Start everything and stay. Returns the exit code."""
        self.supervisor.say(f"Preparing the database; data folder {self.data_dir}")
        self.supervisor.start(parts.prepare(), self.prepared)
        return self.supervisor.run()

    def prepared(self) -> None:
        """Say where things are and start the rest."""
        start, say = self.supervisor.start, self.supervisor.say
        name = os.environ.get("OTE_ADMIN_USER", "").strip() or "admin"
        kept = self.data_dir / "admin-password"
        say(f"Listening on         {self.url}")
        say(f"Back-office          {self.url}/admin/")
        say(f"System administrator {name}, password " + (f"in {kept}" if kept.exists() else "as it was given"))
        start(parts.web(self.port))
        if self.registry_port:
            kept = registry.password_file(self.data_dir)
            say(f"Simulated registry   {self.registry}, administrator {registry.USER}, password in {kept}")
            start(parts.harbor(self.registry_port, self.data_dir))
        if self.with_edge:
            say(f"Simulated clusters   kubeconfigs in {self.data_dir / 'kubeconfigs'}")
            start(parts.edge())
            start(parts.join(self.data_dir), lambda: self.arrived("join"))
        start(parts.worker("drive", 2))
        start(parts.worker("settle", 1))
        start(parts.beat())
        start(parts.ready(self.port, self.registry_port), lambda: self.arrived("ready"))

    def arrived(self, what: str) -> None:
        """Say that everything is ready, once nothing is waited for."""
        self.waits_for.discard(what)
        if not self.waits_for:
            seconds = time.monotonic() - self.began
            images = f", registry at {self.registry}" if self.registry_port else ""
            self.supervisor.say(f"Ready at {self.url} after {seconds:.0f} s{images}. Ctrl-C ends everything.")


def main(arguments: list[str]) -> int:
    """Check, lay out, run. Raises Refused."""
    if "--end-with-parent" in arguments:  # make: killed hard, it cannot tell us
        process.die_with_parent(signal.SIGTERM, os.getppid())
    os.umask(0o077)
    data_dir = preflight.data_dir()
    preflight.check_data_dir(data_dir)
    lock = preflight.lock_data_dir(data_dir)
    preflight.check_ports()
    try:
        lay_out(data_dir)
        run = Run(data_dir, preflight.port(), preflight.registry_port())
    except OSError as error:
        raise Refused(f"The data folder {data_dir} cannot be used: {error}.") from error
    try:
        return run.run()
    finally:
        os.close(lock)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Refused as refusal:
        sys.exit(f"otestack: {refusal}")
    except KeyboardInterrupt:
        sys.exit(130)
