"""manage.py reconcile, over a simulated edge."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from clusters.engine.clock import db_now
from clusters.models import Cluster
from clusters.simulator import Simulator
from tests.commands.running import data, failure, run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("edge"), {"beijing": 1, "harbin": 1}, persist=False) as simulator:
        yield simulator


@pytest.fixture
def join(edge: Simulator, tmp_path: Path) -> Callable[[str], Cluster]:
    def add(name: str) -> Cluster:
        path = tmp_path / name
        path.write_text(edge.kubeconfig(name))
        run("cluster", "add", name, "--kubeconfig", str(path))
        return Cluster.objects.get(name=name)

    return add


def test_here(join: Any) -> None:
    beijing, harbin = join("beijing"), join("harbin")
    Cluster.objects.filter(pk=harbin.pk).update(away_since=db_now(), observe_due_at=None)
    said = data("reconcile", "--all", "--here", "--wait", "10")
    assert (said["clusters"], said["away"], said["reconciled"]) == (2, 1, 1)
    beijing.refresh_from_db()
    assert beijing.observed_at is not None
    assert run("reconcile", "Beijing", "--here") == "1 of 1 cluster reconciled; 0 away.\n"


def test_an_edge_that_does_not_answer_is_named(join: Any) -> None:
    beijing, harbin = join("beijing"), join("harbin")
    lost = json.loads(beijing.credentials) | {"server": "https://127.0.0.1:1"}
    Cluster.objects.filter(pk=beijing.pk).update(server=lost["server"], credentials=json.dumps(lost))
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"^Not reconciled: beijing\.$"):
        call_command("reconcile", "--all", "--here", "--json", stdout=out)
    said = json.loads(out.getvalue())
    assert (said["clusters"], said["reconciled"], said["failed"]) == (2, 1, ["beijing"])
    harbin.refresh_from_db()
    assert harbin.observed_at is not None


def test_without_workers_it_says_so(join: Any) -> None:
    join("beijing")
    assert run("reconcile", "beijing") == "1 cluster due now; 0 away.\n"
    assert "1 of 1 clusters are not done" in failure("reconcile", "beijing", "--wait", "0.01", code=3)
    assert failure("reconcile", "gone") == "There is no cluster 'gone'."
