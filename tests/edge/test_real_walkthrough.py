"""README's walkthrough: the product as processes, three real clusters. Collected with TEST_EDGE=kubernetes only."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.run.conftest import backend, make_product  # noqa: F401
from tests.run.product import ROOT, Product
from tests.run.test_walkthrough import Shell, walk
from tests.services import free_port

NAMES = ("beijing", "guangzhou", "shanghai")


@pytest.fixture
def product(edge: Any, make_product: Callable[..., Product]) -> Product:  # noqa: F811
    """The product with three real clusters, each joined by the login of its service account."""
    made = make_product(OTE_EDGE="none", OTE_REGISTRY="simulated", REGISTRY_PORT=str(free_port()))
    folder = made.data_dir / "kubeconfigs"
    folder.mkdir(parents=True)
    for name in NAMES:
        edge.add_cluster(name, 4)
        (folder / f"{name}.yaml").write_text(edge.kubeconfig(name))
    made.start().ready()
    command = [sys.executable, "manage.py", "join", str(folder), "--expect", str(len(NAMES))]
    joined = subprocess.run(command, cwd=ROOT, env=made.env, capture_output=True, text=True, timeout=120)
    assert joined.returncode == 0, joined.stderr
    return made


@pytest.fixture
def shell(product: Product, tmp_path: Path) -> Iterator[Shell]:
    made = Shell(product, tmp_path)
    yield made
    made.bash.kill()
    made.bash.communicate()


def test_the_walkthrough_works_on_real_clusters(product: Product, shell: Shell) -> None:
    walk(product, shell)
