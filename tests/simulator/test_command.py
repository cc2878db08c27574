"""manage.py simulate_edge as a process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kubernetes import client, config

MANAGE = Path(__file__).parents[2] / "manage.py"
CODE = (
    "from django.conf import settings; settings.configure(INSTALLED_APPS=['otestack', 'clusters']); "
    "from django.core.management import execute_from_command_line as run; import sys; run(sys.argv)"
)


def start(data: Path, *options: str) -> tuple[subprocess.Popen[str], str]:
    """Start the command; returns it and the line that says where it listens."""
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, "simulate_edge", *options],
        cwd=MANAGE.parent,
        env=os.environ | {"OTE_DATA_DIR": str(data)},
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline()


@pytest.mark.processes
def test_it_serves_and_comes_back_on_the_same_port(tmp_path):
    ports = []
    for _ in range(2):
        process, line = start(tmp_path, "--clusters", "4", "--nodes", "2", "--away", "shanghai", "--latency", "1ms")
        try:
            assert line.startswith("4 simulated clusters at https://127.0.0.1:")
            ports.append(line.rpartition(":")[2].split("/")[0])
            path = tmp_path / "kubeconfigs" / "edge-0004.yaml"
            assert path.stat().st_mode & 0o777 == 0o600
            with config.new_client_from_config(str(path)) as connection:
                assert len(client.CoreV1Api(connection).list_node().items) == 2
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
    assert ports[0] == ports[1]
    assert {path.stem for path in (tmp_path / "kubeconfigs").iterdir()} == {
        "beijing",
        "guangzhou",
        "shanghai",
        "edge-0004",
    }


@pytest.mark.processes
def test_an_unknown_cluster_cannot_be_away(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CODE, "simulate_edge", "--away", "nowhere"],
        cwd=MANAGE.parent,
        env=os.environ | {"OTE_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    assert "--away names no cluster" in done.stderr
