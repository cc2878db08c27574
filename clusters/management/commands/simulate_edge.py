"""manage.py simulate_edge: serve simulated edge clusters until stopped."""

import os
import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from clusters.simulator import Simulator
from clusters.simulator.simulator import DEFAULT_NAMES

_DURATIONS = (("ms", 0.001), ("s", 1.0))


def seconds(text: str) -> float:
    """20ms, 0.5s or plain seconds."""
    for suffix, factor in _DURATIONS:
        if text.endswith(suffix):
            return float(text.removesuffix(suffix)) * factor
    return float(text)


def names(count: int) -> list[str]:
    """Cities first, then numbers."""
    return [*DEFAULT_NAMES, *(f"edge-{number:04d}" for number in range(len(DEFAULT_NAMES) + 1, count + 1))][:count]


class Command(BaseCommand):
    """Serves until SIGTERM or SIGINT."""

    help = "Serve simulated edge clusters: Kubernetes APIs over HTTPS on one port."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The command's options."""
        data = Path(os.environ.get("OTE_DATA_DIR") or "data")
        parser.add_argument("--clusters", type=int, default=3, help="how many clusters")
        parser.add_argument("--names", default="", help="their names, separated by commas")
        parser.add_argument("--nodes", type=int, default=4, help="nodes of each cluster")
        parser.add_argument("--gpus", type=int, default=0, help="GPUs of each cluster's last node")
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=0, help="0: the port of the last run, else a free one")
        parser.add_argument("--state-dir", type=Path, default=data / "edge", help="certificates, tokens and objects")
        parser.add_argument("--kubeconfig-dir", type=Path, default=data / "kubeconfigs")
        parser.add_argument("--latency", type=seconds, default=0.0, help="added to every answer, such as 20ms")
        parser.add_argument(
            "--away", action="append", default=[], metavar="NAME", help="a cluster that does not answer"
        )
        parser.add_argument("--away-mode", choices=["hang", "refuse"], default="hang")
        parser.add_argument("--pod-ready", type=seconds, default=0.3, help="from scheduled to ready")
        parser.add_argument("--rollout-step", type=seconds, default=0.1, help="between two steps of a rollout")
        parser.add_argument("--no-persist", action="store_true", help="forget all objects at the end")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, write kubeconfigs, wait to be stopped."""
        chosen = [name for name in options["names"].split(",") if name] or names(options["clusters"])
        unknown = sorted(set(options["away"]) - set(chosen))
        if unknown:
            raise CommandError(f"--away names no cluster of this simulator: {', '.join(unknown)}")
        simulator = Simulator(
            options["state_dir"],
            chosen,
            nodes=options["nodes"],
            gpus=options["gpus"],
            host=options["host"],
            port=options["port"],
            latency=options["latency"],
            pod_ready_seconds=options["pod_ready"],
            rollout_step_seconds=options["rollout_step"],
            persist=not options["no_persist"],
        )
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            simulator.start()
        except OSError as error:
            raise CommandError(f"cannot listen on port {options['port']}: {error}") from error
        try:
            for name in options["away"]:
                simulator.set_away(name, options["away_mode"])
            simulator.write_kubeconfigs(options["kubeconfig_dir"])
            url = f"https://{options['host']}:{simulator.port}"
            self.stdout.write(f"{len(chosen)} simulated clusters at {url}/clusters/NAME")
            self.stdout.write(f"kubeconfigs in {options['kubeconfig_dir']}, control token in {options['state_dir']}")
            self.stdout.flush()
            stop.wait()
        finally:
            simulator.stop()
