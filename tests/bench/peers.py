"""What others use to bring the same two objects to a hundred clusters: kubectl, helm, Ansible.

Each is started as its users start it, fanned out with `xargs -P` where it does not fan out itself, and is measured by
the user and system time of its processes.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.bench.report import said_version
from tests.run.product import ROOT, clean_env

# Side by side: enough to hide the latency, and what their users would dare on a machine of this size.
SIDE_BY_SIDE = 8
HERE = Path(__file__).resolve().parent
ANSIBLE = Path(os.environ.get("OTE_BENCH_CACHE") or Path.home() / ".cache" / "otestack" / "bench") / "ansible"


class Unavailable(Exception):
    """This peer is not on this machine; str() says why."""


@dataclass(frozen=True)
class Spent:
    """Of one fan-out to all clusters, in seconds. cpu: user and system of all its processes."""

    wall: float
    cpu: float


class Peer:
    """One tool, laid out in a folder of its own.

    kubeconfigs: one per cluster. manifests: the objects of the first version, and those of the upgrade.
    """

    def __init__(self, folder: Path, kubeconfigs: list[Path], manifests: list[list[dict[str, Any]]]) -> None:
        self.folder, self.kubeconfigs, self.manifests = folder, kubeconfigs, manifests
        folder.mkdir(parents=True, exist_ok=True)
        self.env = clean_env(HOME=str(folder), KUBECONFIG="/dev/null")
        self.lay_out()

    def lay_out(self) -> None:
        """Write what the tool reads. Raises Unavailable."""
        raise NotImplementedError

    def command(self, version: int) -> list[str]:
        """Return the command that brings a version to every cluster named on its standard input."""
        raise NotImplementedError

    @property
    def version(self) -> str:
        raise NotImplementedError

    def run(self, version: int) -> Spent:
        """Bring a version (0 or 1) to every cluster."""
        names = "\n".join(str(path) for path in self.kubeconfigs) + "\n"
        began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(self.command(version), input=names, env=self.env, cwd=self.folder, text=True,
                              capture_output=True, check=False)  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-2000:])
        return Spent(time.monotonic() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    def _fan_out(self, *command: str) -> list[str]:
        return ["xargs", "-P", str(SIDE_BY_SIDE), "-I", "{}", *command]


class Kubectl(Peer):
    """kubectl apply --server-side, one process per cluster."""

    def lay_out(self) -> None:
        self.program = _program("kubectl")
        for number, objects in enumerate(self.manifests):
            (self.folder / f"{number}.yaml").write_text(yaml.safe_dump_all(objects))

    def command(self, version: int) -> list[str]:
        apply = ("apply", "--server-side", "-f", f"{version}.yaml")
        return self._fan_out(self.program, "--kubeconfig", "{}", *apply)

    @property
    def version(self) -> str:
        return said_version(f"{self.program} version --client")


class Helm(Peer):
    """helm upgrade --install of a chart with these objects, one process per cluster."""

    def lay_out(self) -> None:
        self.program = _program("helm")
        for number, objects in enumerate(self.manifests):
            chart = self.folder / f"chart-{number}"
            (chart / "templates").mkdir(parents=True, exist_ok=True)
            meta = {"apiVersion": "v2", "name": "pushed", "version": f"1.0.{number}"}
            (chart / "Chart.yaml").write_text(yaml.safe_dump(meta))
            (chart / "templates" / "objects.yaml").write_text(yaml.safe_dump_all(objects))

    def command(self, version: int) -> list[str]:
        namespace = self.manifests[0][0]["metadata"]["namespace"]
        where = ("--kubeconfig", "{}", "--namespace", namespace)
        return self._fan_out(self.program, "upgrade", "--install", "pushed", f"chart-{version}", *where)

    @property
    def version(self) -> str:
        return said_version(f"{self.program} version --short")


class Ansible(Peer):
    """A playbook with kubernetes.core.k8s, which fans out by itself: 20 forks."""

    def lay_out(self) -> None:
        self.program = str(ANSIBLE / "bin" / "ansible-playbook")
        if not Path(self.program).exists():
            raise Unavailable(f"it is not in {ANSIBLE}; python -m tests.bench.peers installs it there (400 MB)")
        hosts = {path.stem: {"kubeconfig_of_it": str(path)} for path in self.kubeconfigs}
        local = {"ansible_connection": "local", "ansible_python_interpreter": str(ANSIBLE / "bin" / "python")}
        (self.folder / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": local}}))
        for number, objects in enumerate(self.manifests):
            tasks = [
                {"kubernetes.core.k8s": {"kubeconfig": "{{ kubeconfig_of_it }}", "definition": one, "apply": True}}
                for one in objects
            ]
            play = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
            (self.folder / f"{number}.yaml").write_text(yaml.safe_dump(play))
        self.env["PATH"] = f"{ANSIBLE / 'bin'}:{self.env['PATH']}"
        self.env["LC_ALL"] = "C.UTF-8"

    def command(self, version: int) -> list[str]:
        return [self.program, "--inventory", "hosts.json", "--forks", "20", f"{version}.yaml"]

    @property
    def version(self) -> str:
        return said_version(f"{self.program} --version")


PEERS: dict[str, Callable[..., Peer]] = {"kubectl": Kubectl, "helm": Helm, "ansible": Ansible}


def _program(name: str) -> str:
    """Return the pinned program beside our Python, else one on PATH. Raises Unavailable."""
    pinned = ROOT / ".venv" / "bin" / name
    found = str(pinned) if pinned.exists() else shutil.which(name)
    if not found:
        raise Unavailable("it is neither in .venv/bin nor on PATH")
    return found


def install_ansible() -> None:
    """Make a virtual environment for Ansible, outside of the repository."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", ANSIBLE], check=True)
    pip = [ANSIBLE / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", HERE / "requirements-ansible.txt"], check=True)


if __name__ == "__main__":
    install_ansible()
