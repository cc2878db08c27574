"""Which processes make up the product on one machine, and their command lines."""

import signal
import sys
from pathlib import Path

from otestack.supervisor import registry
from otestack.supervisor.preflight import HOST, ROOT
from otestack.supervisor.process import Part

# The demo's edge.
CLUSTERS = 3
NODES = 4

_HERE = Path(__file__).resolve().parent


def _manage(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, str(ROOT / "manage.py"), *arguments)


def prepare() -> Part:
    """Migrations and the system administrator; nothing starts before it has ended well."""
    return Part("prepare", _manage("prepare"), once=True, vital=True)


def edge() -> Part:
    """The simulated clusters; they keep their port and their objects in the data folder."""
    return Part("edge", _manage("simulate_edge", "--clusters", str(CLUSTERS), "--nodes", str(NODES)), last=True)


def harbor(port: int, data_dir: Path) -> Part:
    """The simulated registry; it keeps its images and accounts in the data folder."""
    where = ("--port", str(port), "--data", str(registry.folder(data_dir)))
    password = ("--password-file", str(registry.password_file(data_dir)))
    return Part("registry", _manage("simulate_harbor", *where, *password), last=True)


def join(data_dir: Path) -> Part:
    """Registers the simulated clusters the way any cluster is registered."""
    return Part("join", _manage("join", str(data_dir / "kubeconfigs"), "--expect", str(CLUSTERS)), once=True)


def ready(port: int, registry_port: int) -> Part:
    """Waits until GET /readyz answers 200, and the simulated registry at all, if there is one."""
    ports = (str(port), *([str(registry_port)] if registry_port else []))
    return Part("ready", (sys.executable, str(_HERE / "ready.py"), *ports), once=True)


def web(port: int) -> Part:
    """The web server. Its threads do requests; whoever is slow or listens for long is left to its event loops."""
    gunicorn = (sys.executable, "-m", "gunicorn", "otestack.wsgi", "--bind", f"{HOST}:{port}")
    workers = ("--worker-class", "otestack.web.EnvelopeWorker", "--workers", "2", "--threads", "8")
    # Each may need a second file for its body; a process may usually open 1024.
    limits = ("--worker-connections", "400", "--graceful-timeout", "5")
    # No header changes the path, wherever it comes from.
    rest = ("--forwarder-headers", "", "--no-sendfile", "--no-control-socket", "--log-level", "warning")
    return Part("web", (*gunicorn, *workers, *limits, *rest))


def worker(queue: str, processes: int) -> Part:
    """A Celery worker of one queue. What workers tell each other is of no use here and costs messages."""
    celery = (sys.executable, "-m", "otestack.worker", "--loglevel", "INFO")
    which = ("--queues", queue, "--concurrency", str(processes), "--hostname", f"{queue}@%h")
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    # An orphan ends without finishing what it does, or a drive would go on for a minute.
    return Part(queue, (*celery, *which, *quiet), orphan_signal=signal.SIGQUIT)


def beat() -> Part:
    """The clock that sends the sweeps."""
    return Part("beat", (sys.executable, "-m", "celery", "--quiet", "-A", "otestack", "beat", "--loglevel", "INFO"))
