"""An edge of real HTTP and TLS, clusters joined to it, and the engine driven in this process.

TEST_EDGE=kubernetes: real control planes (tests/kubernetes) in the place of the simulated edge.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import override_settings
from django.utils import timezone

from clusters.engine import sessions
from clusters.engine.bundles import Wish, put
from clusters.engine.drive import drive_due
from clusters.models import Bundle, Cluster, Selector
from clusters.reports import placement_state
from tests.edge.kube import Kube
from tests.edge.meddler import Meddler, meddling

_numbers = itertools.count(1)
REAL = os.environ.get("TEST_EDGE") == "kubernetes"
# A real control plane thinks longer: of a namespace with pods in it, of who shall lead, of what to do next.
PATIENCE = 4 if REAL else 1
REQUEST_SECONDS = 4.0 if REAL else 1.5
collect_ignore_glob = [] if REAL else ["test_real_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that no process waits for it at the end."""
    items.sort(key=lambda item: item.path.name != "test_real_walkthrough.py")


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One edge for the whole run; each test joins clusters of its own."""
    with _edge(tmp_path_factory.mktemp("edge")) as found:
        with override_settings(OTE_REQUEST_SECONDS=REQUEST_SECONDS, OTE_ANSWER_BYTES=1024 * 1024):
            sessions._sessions = sessions.Sessions()
        yield found
        sessions._sessions = None


@contextmanager
def _edge(folder: Path) -> Iterator[Any]:
    if REAL:
        from tests.kubernetes.edge import KubernetesEdge
        from tests.kubernetes.plane import binaries

        programs = binaries(os.environ.get("KUBERNETES_MINOR", ""))
        assert programs, "there is no Kubernetes to test with; make kubernetes-tools builds it"
        real = KubernetesEdge(programs, folder)
        try:
            yield real
        finally:
            real.stop()
        return
    from clusters.simulator import Simulator

    with Simulator(state_dir=folder, clusters={}, pod_ready_seconds=0.05, rollout_step_seconds=0.02) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def _left_as_it_was(edge: Any) -> Iterator[None]:
    """A real cluster is used by one test after the other; simulated ones are too many to be used twice."""
    yield
    if REAL:
        edge.release()
        # The next test's rows may have these numbers again, for the same cluster by another way.
        if sessions._sessions is not None:
            sessions._sessions._drivers.clear()


@pytest.fixture
def meddler(edge: Any) -> Iterator[Meddler]:
    """A way to the edge that notes every request and spoils those that a test names."""
    with meddling(edge) as found:
        yield found


@pytest.fixture
def kube(edge: Any) -> Callable[[Cluster], Kube]:
    """kube(cluster): somebody else at its API."""
    return lambda cluster: Kube(edge, cluster.name)


@pytest.fixture
def join(db: None, edge: Any) -> Callable[..., Cluster]:
    """join("a", nodes=3): a new cluster of the edge, joined."""
    from clusters import services

    def make(name: str = "edge", nodes: int = 2, label: str = "", via: Meddler | None = None) -> Cluster:
        unique = f"{name}-{next(_numbers)}"
        edge.add_cluster(unique, nodes)
        cluster = services.join(unique, (via or edge).kubeconfig(unique))
        if label:
            services.add_label([unique], label)
        return cluster

    return make


@pytest.fixture
def settle_quickly(settings: Any) -> None:
    """Retries and observations fast enough for a test to wait for."""
    settings.OTE_OBSERVE_INTERVAL = 1.0
    settings.OTE_RETRY_BASE = 0.05
    settings.OTE_RETRY_CAP = 0.4
    settings.OTE_REQUEST_SECONDS = 2.0
    if REAL:  # where a pass takes as long as the pause before the next one, a drive would not end before its window
        settings.OTE_WINDOW_SECONDS = 2.0


def drive_until(condition: Callable[[], Any], seconds: float = 20, *, hurry: bool = True) -> Any:
    """Drive until the condition holds; fail after `seconds`.

    hurry: clusters that answer are observed more often than they would be; False: at the engine's own pace.
    """
    ends = time.monotonic() + seconds * PATIENCE
    while True:
        drive_due()
        found = condition()
        if found:
            return found
        assert time.monotonic() < ends, f"not within {seconds} s: {_state()}"
        time.sleep(0.05 if hurry else 0.02)
        if hurry:
            Cluster.objects.filter(away_since__isnull=True, failed_probes=0).update(observe_due_at=Now())


def _state() -> list[Any]:
    columns = ("name", "last_error", "observed_at", "change_due_at", "away_since", "observe_due_at")
    clusters = Cluster.objects.values(*columns)
    return [timezone.now(), *clusters, *Bundle.objects.values("title", "placements__last_error", "placements__present")]


def namespace_wish(name: str) -> Wish:
    """The wish for a namespace everywhere."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    return Wish(namespace=name, objects=[body], selector=Selector.ALL, title=f"namespace {name}")


def web_wish(namespace: str, name: str = "web", *, image: str = "nginx:1", replicas: int = 2, **options: Any) -> Wish:
    """The wish for a Deployment and its Service."""
    labels = {"app.kubernetes.io/instance": name}
    container = {"name": "main", "image": image, "ports": [{"containerPort": 80}]}
    spec: dict[str, Any] = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    if options.get("node_label"):
        spec["template"]["spec"]["nodeSelector"] = {f"node.otestack.io/{options['node_label']}": "true"}
    ports = [{"port": 80, "targetPort": 80, "protocol": "TCP"}]
    objects = [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": labels, "ports": ports},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": namespace},
            "spec": spec,
        },
    ]
    defaults = {"selector": Selector.ALL, "title": f"deployment {name}"}
    return Wish(namespace=namespace, objects=objects, **(defaults | options))


@pytest.fixture
def web(db: None, settle_quickly: None) -> Callable[..., Bundle]:
    """web(selector=…, …): put a namespace and a deployment in it; returns the deployment's bundle."""

    def make(**options: Any) -> Bundle:
        namespace = f"ns{next(_numbers)}"
        put(None, namespace_wish(namespace))
        return put(None, web_wish(namespace, **options))

    return make


def look(*clusters: Cluster) -> None:
    """Observe these clusters now, whatever is due there."""
    Cluster.objects.filter(pk__in=[cluster.pk for cluster in clusters]).update(observe_due_at=Now())
    drive_due()


def look_once(cluster: Cluster) -> None:
    """Observe it in exactly one pass, also on a machine so slow that the next one is due by then."""
    with override_settings(OTE_WINDOW_SECONDS=0):
        look(cluster)


def state(bundle: Bundle, cluster: Cluster) -> str:
    """What the bundle's placement there reads as."""
    found: str = bundle.placements.annotate(state=placement_state()).get(cluster=cluster).state
    return found


def proven(bundle: Bundle) -> bool:
    """Every placement of the bundle was observed ready at the wanted generation."""
    rows = list(bundle.placements.values_list("present", "generation", "ready_generation"))
    return bool(rows) and all(present and ready == wanted for present, wanted, ready in rows)
