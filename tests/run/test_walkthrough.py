"""README's walkthrough, executed as it stands: what a newcomer pastes must work."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from tests.run.product import ROOT, Product
from tests.services import free_port

pytestmark = pytest.mark.processes

BLOCK = re.compile(r"^```sh walkthrough\n(.*?)^```$", re.DOTALL | re.MULTILINE)
END = "=== end of block"
# Seconds from "ready" to the first status 5.
PROMISED = 60.0
# Takes curl's place on PATH and keeps a copy of every answer, also of those that go into a pipe.
KEEPING = """#!/bin/sh
set -e
answer=$(mktemp -p "$ANSWERS" "$(date +%s%N).XXXXXX")
{curl} "$@" > "$answer"
cat "$answer"
"""


class Shell:
    """One bash into which blocks are pasted."""

    def __init__(self, product: Product, folder: Path) -> None:
        curl = shutil.which("curl")
        if curl is None:
            if os.environ.get("CI"):
                pytest.fail("The walkthrough needs curl.")
            pytest.skip("The walkthrough needs curl, which is not installed.")
        self.answers = folder / "answers"
        (folder / "bin").mkdir()
        self.answers.mkdir()
        keeper = folder / "bin" / "curl"
        keeper.write_text(KEEPING.format(curl=curl))
        keeper.chmod(0o755)
        env = product.env | {"PATH": f"{keeper.parent}:{product.env['PATH']}", "ANSWERS": str(self.answers)}
        self.said = ""
        self.bash = subprocess.Popen(
            ["bash", "-eu", "-o", "pipefail"], cwd=ROOT, env=env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def paste(self, text: str) -> str:
        """Run a block to its end and return what it printed."""
        assert self.bash.stdin is not None
        assert self.bash.stdout is not None
        self.bash.stdin.write(f"{text}\necho '{END}'\n")
        self.bash.stdin.flush()
        said = ""
        for line in self.bash.stdout:
            if line.rstrip() == END:
                self.said += said
                return said
            said += line
        pytest.fail(f"bash ended with {self.bash.wait()} in\n{text}\nand said\n{said}")

    def end(self) -> int:
        """Close the shell and return its exit code."""
        self.bash.communicate()
        return self.bash.returncode

    def kept(self) -> list[dict[str, Any]]:
        """Every answer, in order."""
        return [json.loads(path.read_text()) for path in sorted(self.answers.iterdir())]


@pytest.fixture
def product(make_product: Callable[..., Product]) -> Product:
    registry = {"OTE_REGISTRY": "simulated", "REGISTRY_PORT": str(free_port())}
    return make_product(OTE_EDGE="simulated", **registry).start().ready()


@pytest.fixture
def shell(product: Product, tmp_path: Path) -> Iterator[Shell]:
    made = Shell(product, tmp_path)
    yield made
    made.bash.kill()
    made.bash.communicate()


def images(product: Product) -> dict[str, list[str]]:
    """Images of our workloads, by cluster, as the clusters themselves tell; their pods are where they belong."""
    found = {}
    for path in sorted((product.data_dir / "kubeconfigs").glob("*.yaml")):
        with config.new_client_from_config(str(path)) as api:
            items = client.AppsV1Api(api).list_deployment_for_all_namespaces(label_selector="otestack.io/centre").items
            for item in items:
                core, selector = client.CoreV1Api(api), item.spec.selector.match_labels
                nodes = core.list_node(label_selector="node.otestack.io/till=true").items
                pods = core.list_namespaced_pod(
                    item.metadata.namespace,
                    label_selector=",".join(f"{key}={value}" for key, value in selector.items()),
                ).items
                assert {pod.spec.node_name for pod in pods} <= {node.metadata.name for node in nodes}
                assert len(pods) >= 2
            found[path.stem] = [item.spec.template.spec.containers[0].image for item in items]
    return found


def test_the_walkthrough_works_as_written(product: Product, shell: Shell) -> None:
    walk(product, shell)


def walk(product: Product, shell: Shell) -> None:
    """Paste every block, and look at the clusters in between."""
    ready = time.monotonic()
    blocks = BLOCK.findall((ROOT / "README.md").read_text())
    assert len(blocks) >= 7
    deploy = next(number for number, block in enumerate(blocks) if "wait_for 5" in block)
    delete = next(number for number, block in enumerate(blocks) if "wait_for 9" in block)
    assert deploy < delete
    for number, block in enumerate(blocks):
        said = shell.paste(block)
        if number == deploy:
            assert time.monotonic() - ready < PROMISED, "status 5 took longer than promised"
            assert images(product) == {"beijing": ["nginx:1.27"], "guangzhou": ["nginx:1.27"], "shanghai": []}
        elif number == delete - 1:
            history = json.loads(said.splitlines()[-1])["data"]["historyVersion"]
            seen = [(row["version"], row["deployType"], row["status"]) for row in history]
            assert seen == [("1.1.1", 3, 5), ("1.1.2", 2, 5), ("1.1.1", 1, 5)]
            assert images(product) == {"beijing": ["nginx:1.27"], "guangzhou": ["nginx:1.27"], "shanghai": []}
        elif number == delete:
            assert images(product) == {"beijing": [], "guangzhou": [], "shanghai": []}
    assert shell.end() == 0
    answers = shell.kept()
    assert len(answers) > 25
    assert [answer for answer in answers if answer["code"] != 200] == []
    assert {answer["message"] for answer in answers} == {"success"}
    for sign in ("database is locked", "Traceback"):
        assert sign not in product.log, product.log[-5000:]
