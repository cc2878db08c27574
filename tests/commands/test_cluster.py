"""manage.py cluster and manage.py fleet, as an operator types them."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from clusters.engine.clock import db_now
from clusters.models import Bundle, Cluster, ClusterLabel, Heartbeat, Installation, Placement
from clusters.simulator import Simulator
from tests.commands.running import failure, run

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """Two simulated clusters."""
    with Simulator(tmp_path_factory.mktemp("edge"), {"beijing": 3, "shanghai": 1}, persist=False) as simulator:
        yield simulator


@pytest.fixture
def file(edge: Simulator, tmp_path: Path) -> Callable[[str], str]:
    """Write a cluster's kubeconfig and return its path."""

    def write(name: str) -> str:
        path = tmp_path / f"{name}.yaml"
        path.write_text(edge.kubeconfig(name))
        return str(path)

    return write


@pytest.fixture
def beijing(file: Callable[[str], str]) -> Cluster:
    """A cluster that was added by the command."""
    run("cluster", "add", "beijing", "--kubeconfig", file("beijing"), "--label", "north")
    return Cluster.objects.get()


def test_add(file: Callable[[str], str], edge: Simulator) -> None:
    said = run("cluster", "add", "BeiJing", "--kubeconfig", file("beijing"), "--label", "north", "--label", "big")
    assert said.startswith(f"Registered BeiJing at {edge.server('beijing')}: Kubernetes v1.")
    assert said.endswith("3 nodes.\n")
    assert set(ClusterLabel.objects.values_list("label", flat=True)) == {"north", "big"}


def test_add_from_standard_input(edge: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + edge.kubeconfig("beijing").encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    run("cluster", "add", "beijing", "--kubeconfig", "-")
    assert Cluster.objects.get().name == "beijing"


def test_add_with_a_context(file: Callable[[str], str]) -> None:
    path = file("beijing")
    assert "no context 'gone'; it has 'beijing'" in failure(
        "cluster", "add", "a", "--kubeconfig", path, "--context", "gone"
    )
    run("cluster", "add", "a", "--kubeconfig", path, "--context", "beijing")


def test_add_warns_of_unverified_tls(edge: Simulator, tmp_path: Path) -> None:
    lines = edge.kubeconfig("beijing").splitlines()
    insecure = [
        "    insecure-skip-tls-verify: true" if "certificate-authority-data" in line else line for line in lines
    ]
    path = tmp_path / "insecure.yaml"
    path.write_text("\n".join(insecure))
    errors = io.StringIO()
    run("cluster", "add", "a", "--kubeconfig", str(path), errors=errors)
    assert "not verified" in errors.getvalue()
    assert "not verified" in run("cluster", "show", "a")


def test_failures_are_one_sentence(file: Callable[[str], str], beijing: Cluster, tmp_path: Path) -> None:
    path = file("beijing")
    assert failure("cluster", "add", "x", "--kubeconfig", "/nowhere") == (
        "/nowhere cannot be read: no such file or directory."
    )
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert "not UTF-8" in failure("cluster", "add", "x", "--kubeconfig", str(tmp_path / "binary"))
    (tmp_path / "long").write_bytes(b"a: \xff" * 100_000)
    assert "longer than 256 KB" in failure("cluster", "add", "x", "--kubeconfig", str(tmp_path / "long"))
    assert failure("cluster", "add", "all", "--kubeconfig", path) == "name: 'all' is reserved."
    assert failure("cluster", "add", "x", "--kubeconfig", path, "--label", "a.b").startswith("label: It must be")
    assert "registered already, as 'beijing'" in failure("cluster", "add", "x", "--kubeconfig", path)
    assert failure("cluster", "show", "gone") == "There is no cluster 'gone'."
    assert "kube-system" in failure("cluster", "update", "beijing", "--kubeconfig", file("shanghai"))
    assert Cluster.objects.count() == 1


def test_update(file: Callable[[str], str], beijing: Cluster, edge: Simulator) -> None:
    said = run("cluster", "update", "BEIJING", "--kubeconfig", file("beijing"))
    assert said == f"beijing is reached at {edge.server('beijing')} from now on.\n"
    assert Cluster.objects.get().credentials_version == 2


def test_list(beijing: Cluster) -> None:
    now = db_now()
    common = {"server": "https://x.example", "credentials": "{}", "kubernetes_version": "v1.30.1"}
    for name, fields in {
        "ready": {"observed_at": now},
        "stale": {"observed_at": now - timedelta(hours=3)},
        "away": {"observed_at": now - timedelta(days=3), "away_since": now},
        "leaving": {"removing": True},
    }.items():
        Cluster.objects.create(name=name, uid=name, **common, **fields)
    lines = [line.split() for line in run("cluster", "list").splitlines()]
    assert lines[0] == ["NAME", "STATE", "NODES", "VERSION", "SEEN", "LABELS"]
    assert {line[0]: line[1] for line in lines[1:]} == {
        "away": "away", "beijing": "new", "leaving": "removing", "ready": "ready", "stale": "stale",
    }  # fmt: skip
    assert ["beijing", "new", "3", beijing.kubernetes_version, "never", "north"] in lines
    assert ["stale", "stale", "0", "v1.30.1", "3", "h", "ago"] in lines
    rows = json.loads(run("cluster", "list", "--json"))
    assert [row["name"] for row in rows] == ["away", "beijing", "leaving", "ready", "stale"]
    assert rows[1]["labels"] == ["north"] and rows[1]["observedAt"] is None


def test_an_empty_list() -> None:
    assert run("cluster", "list").split() == ["NAME", "STATE", "NODES", "VERSION", "SEEN", "LABELS"]
    assert json.loads(run("cluster", "list", "--json")) == []


def test_show(beijing: Cluster, edge: Simulator) -> None:
    away = db_now() - timedelta(minutes=10)
    Cluster.objects.update(away_since=away, last_error="connection refused", failed_probes=7, orphans=2)
    Installation.objects.update(observe_interval=45)
    for number, fields in enumerate(({}, {"present": False}, {"failed": True, "last_error": "it broke"})):
        bundle = Bundle.objects.create(title=f"bundle{number}", namespace="ns1", selector="all")
        Placement.objects.create(cluster=beijing, bundle=bundle, **fields)
    said = run("cluster", "show", "beijing")
    for words in (
        "away", f"{away:%Y-%m-%dT%H:%M:%SZ}", "connection refused", "2 away, 1 removing", "45 s (wanted 30 s",
        "it broke", edge.server("beijing"), edge.uid("beijing"), "never",
    ):  # fmt: skip
        assert words in said
    assert edge.token("beijing") not in said
    found = json.loads(run("cluster", "show", "beijing", "--json"))
    assert found["placements"] == {"away": 2, "removing": 1}
    assert found["observeInterval"] == 45
    assert edge.token("beijing") not in json.dumps(found)


def test_show_counts_placements_by_state(beijing: Cluster) -> None:
    Cluster.objects.update(observed_at=db_now())
    wanted: dict[str, dict[str, Any]] = {
        "waiting": {},
        "applying": {"attempts": 1},
        "progressing": {"applied_generation": 1},
        "ready": {"applied_generation": 1, "ready_generation": 1},
        "failed": {"applied_generation": 1, "failed": True},
        "removing": {"present": False},
    }
    for state, fields in wanted.items():
        bundle = Bundle.objects.create(title=state, namespace="ns1", selector="all")
        Placement.objects.create(cluster=beijing, bundle=bundle, **fields)
    assert json.loads(run("cluster", "show", "beijing", "--json"))["placements"] == dict.fromkeys(sorted(wanted), 1)
    Cluster.objects.update(observed_at=db_now() - timedelta(hours=1))
    placements = json.loads(run("cluster", "show", "beijing", "--json"))["placements"]
    assert placements == {"applying": 1, "failed": 1, "removing": 1, "stale": 2, "waiting": 1}


def test_check(beijing: Cluster, edge: Simulator) -> None:
    assert run("cluster", "check", "beijing").startswith("beijing answers: Kubernetes v1.")
    edge.set_away("beijing", "refuse")
    try:
        assert "cannot be reached" in failure("cluster", "check", "beijing")
    finally:
        edge.set_away("beijing", False)


def test_sync(beijing: Cluster) -> None:
    assert run("cluster", "sync", "beijing") == "beijing will be looked at now.\n"
    assert Cluster.objects.get().change_seq == beijing.change_seq + 1
    Cluster.objects.update(away_since=db_now())
    assert "next probe" in run("cluster", "sync", "beijing")


def test_label(beijing: Cluster) -> None:
    assert run("cluster", "label", "beijing", "add", "big") == "beijing carries the label big.\n"
    assert run("cluster", "label", "beijing", "remove", "north") == "beijing does not carry the label north.\n"
    assert list(ClusterLabel.objects.values_list("label", flat=True)) == ["big"]
    assert failure("cluster", "label", "beijing", "add", "beijing").startswith("label: A cluster has the name")


def test_remove(beijing: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert "--yes" in failure("cluster", "remove", "beijing")
    assert not Cluster.objects.get().removing
    assert "is being removed" in run("cluster", "remove", "beijing", "--yes")
    assert Cluster.objects.get().removing
    assert "still being removed after 0.01 s" in failure(
        "cluster", "remove", "beijing", "--yes", "--wait", "0.01", code=3
    )
    assert "is forgotten" in run("cluster", "remove", "beijing", "--yes", "--force")
    assert not Cluster.objects.exists()


def test_remove_of_an_away_cluster(beijing: Cluster) -> None:
    Cluster.objects.update(away_since=db_now())
    assert "--force" in failure("cluster", "remove", "beijing", "--yes")
    assert not Cluster.objects.get().removing


@pytest.mark.parametrize(("answer", "removed"), [("y", True), ("", False), ("no", False)])
def test_remove_asks(beijing: Cluster, monkeypatch: pytest.MonkeyPatch, answer: str, removed: bool) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(answer + "\n"))
    if removed:
        run("cluster", "remove", "beijing")
    else:
        assert failure("cluster", "remove", "beijing") == "Nothing was changed."
    assert Cluster.objects.get().removing is removed


def test_fleet(beijing: Cluster) -> None:
    now = db_now()
    Heartbeat.objects.create(worker="alive@host", started_at=now, beat_at=now)
    Heartbeat.objects.create(worker="dead@host", started_at=now, beat_at=now - timedelta(minutes=1))
    found = json.loads(run("fleet", "--json"))
    assert found["clusters"] == {"ready": 0, "stale": 0, "away": 0, "new": 1, "removing": 0}
    assert (found["nodes"], found["changesDue"], found["workers"]) == (3, 1, ["alive@host"])
    said = run("fleet")
    assert "1 new" in said and "alive@host" in said and "dead@host" not in said


def test_an_empty_fleet() -> None:
    said = run("fleet")
    assert "none is alive" in said
