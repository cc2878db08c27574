"""What happens while a pass is under way: not lost, not late, and nobody's result lands on what it does not speak of.

Each test stops a pass at a request of its own, changes something, and lets the pass go on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import override_settings

from clusters import services
from clusters.drivers.base import OutOfTime, Ref, write_until
from clusters.drivers.registry import ALL_KINDS
from clusters.engine import sessions as runtime
from clusters.engine.bundles import end, put
from clusters.engine.claim import Quota, claim
from clusters.engine.clock import db_now
from clusters.engine.drive import drive_due
from clusters.engine.load import load
from clusters.engine.reconcile import Rules, reconcile
from clusters.engine.record import Finished, record
from clusters.engine.sessions import sessions
from clusters.models import Bundle, Cluster, NodeLabel, Selector
from tests.edge.conftest import drive_until, proven, state, web_wish
from tests.edge.meddler import Meddler

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]

# Longer than a test stops a pass for.
REQUEST_SECONDS = 15


@pytest.fixture(autouse=True)
def _patient() -> Iterator[None]:
    """Requests that may stand still."""
    kept = runtime._sessions
    with override_settings(OTE_REQUEST_SECONDS=REQUEST_SECONDS):
        runtime._sessions = runtime.Sessions()
    yield
    runtime._sessions.close()
    runtime._sessions = kept


@contextmanager
def _stopped(meddler: Meddler, method: str, path: str, *, recorded: bool = True) -> Iterator[None]:
    """Inside, a pass over what is due stands still before this request; it goes on and is recorded afterwards.

    recorded: False for a worker that is killed before it could.
    """
    came, go_on = threading.Event(), threading.Event()

    def wait(handler: BaseHTTPRequestHandler) -> bool:
        came.set()
        go_on.wait(REQUEST_SECONDS - 1)
        return False

    meddler.spoil(method, path, wait)
    rules = Rules(
        pass_seconds=30,
        fresh_seconds=60,
        reapply_seconds=3600,
        progress_deadline=600,
        all_kinds=ALL_KINDS,
        longest_seconds=40,
    )
    claims, now = claim(Quota(clusters=10, probes=10), sessions().keeper)
    assert claims, "something is due"
    drivers = sessions().drivers(claims)
    works = load(claims, now)
    passes = [(work, sessions().run(reconcile(work, drivers[work.claim.cluster_id], rules))) for work in works]
    assert came.wait(10), "the pass came to the request"
    try:
        yield
    finally:
        meddler.rules.clear()
        go_on.set()
    finished = [Finished(work, future.result(timeout=20)) for work, future in passes]
    if recorded:
        record(finished)


def _image(edge: Any, cluster: Cluster, bundle: Bundle) -> str:
    (found,) = edge.objects(cluster.name, "Deployment", bundle.namespace)
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def _is_due(cluster: Cluster) -> bool:
    cluster.refresh_from_db()
    return cluster.change_due_at is not None and cluster.change_due_at <= db_now()


def _start(meddler: Meddler, join: Join, web: Web, **options: Any) -> tuple[Cluster, Bundle]:
    cluster = join(via=meddler)
    bundle = web(**options)
    drive_until(lambda: proven(bundle))
    return cluster, bundle


def test_a_change_during_a_pass_is_applied_right_after_it(edge: Any, meddler: Meddler, join: Join, web: Web) -> None:
    cluster, bundle = _start(meddler, join, web)
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:2"))
    with _stopped(meddler, "PATCH", "/deployments/web"):
        bundle = put(bundle, web_wish(bundle.namespace, image="nginx:3"))
    placement = bundle.placements.get()
    assert placement.generation == 3
    assert placement.applied_generation < 3
    assert _is_due(cluster)
    drive_due()
    assert _image(edge, cluster, bundle) == "nginx:3"
    drive_until(lambda: proven(bundle))


def test_a_change_during_an_observation_does_not_turn_green_by_it(
    edge: Any, meddler: Meddler, join: Join, web: Web
) -> None:
    cluster, bundle = _start(meddler, join, web)
    Cluster.objects.filter(pk=cluster.pk).update(observe_due_at=db_now())
    with _stopped(meddler, "GET", "/apis/apps/v1/deployments"):
        bundle = put(bundle, web_wish(bundle.namespace, image="nginx:never"))
    placement = bundle.placements.get()
    assert placement.ready_generation != placement.generation == 2
    assert state(bundle, cluster) != "ready"
    assert _is_due(cluster)
    drive_due()
    assert _image(edge, cluster, bundle) == "nginx:never"


def test_an_end_during_the_first_push_leaves_nothing(edge: Any, meddler: Meddler, join: Join, web: Web) -> None:
    cluster, first = _start(meddler, join, web, name="first")
    brief = put(None, web_wish(first.namespace, name="brief"))
    with _stopped(meddler, "PATCH", "/deployments/brief"):
        end(brief)
    assert brief.placements.get().present is False
    assert _is_due(cluster)
    drive_until(lambda: not brief.placements.exists())
    assert [item["metadata"]["name"] for item in edge.objects(cluster.name, "Deployment", first.namespace)] == ["first"]


def test_a_label_added_while_a_deployment_is_pushed(edge: Any, meddler: Meddler, join: Join, web: Web) -> None:
    cluster, first = _start(meddler, join, web, name="first")
    chosen = put(None, web_wish(first.namespace, selector=Selector.LABEL, selector_value="shops"))
    assert not chosen.placements.exists()
    put(None, web_wish(first.namespace, name="second"))
    with _stopped(meddler, "PATCH", "/deployments/second"):
        services.add_label([cluster.name], "shops")
    assert _is_due(cluster)
    drive_due()
    assert len(edge.objects(cluster.name, "Deployment", first.namespace)) == 3
    drive_until(lambda: proven(chosen))


def test_a_label_taken_off_and_put_back_during_a_pass(edge: Any, meddler: Meddler, join: Join, web: Web) -> None:
    cluster, first = _start(meddler, join, web, name="first")
    services.add_label([cluster.name], "shops")
    chosen = put(None, web_wish(first.namespace, selector=Selector.LABEL, selector_value="shops"))
    drive_until(lambda: proven(chosen))
    services.delete_label([cluster.name], "shops")
    with _stopped(meddler, "DELETE", "/deployments/web"):
        services.add_label([cluster.name], "shops")
    assert chosen.placements.get().present
    drive_until(lambda: proven(chosen))
    assert len(edge.objects(cluster.name, "Deployment", first.namespace)) == 2


def test_a_worker_that_was_overtaken_records_nothing_and_its_late_write_is_mended(
    edge: Any, meddler: Meddler, join: Join, web: Web
) -> None:
    cluster, bundle = _start(meddler, join, web)
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:2"))
    with _stopped(meddler, "PATCH", "/deployments/web"):
        Cluster.objects.filter(pk=cluster.pk).update(lease_until=db_now() - timedelta(seconds=1))
        bundle = put(bundle, web_wish(bundle.namespace, image="nginx:3"))
        meddler.rules.clear()
        drive_due()  # another worker
        assert _image(edge, cluster, bundle) == "nginx:3"
        placement, row = bundle.placements.values().get(), Cluster.objects.values().get(pk=cluster.pk)
    assert bundle.placements.values().get() == placement
    assert Cluster.objects.values().get(pk=cluster.pk) == row
    assert _image(edge, cluster, bundle) == "nginx:2"  # it was frozen, not dead
    Cluster.objects.filter(pk=cluster.pk).update(observe_due_at=db_now())
    drive_due()
    assert _image(edge, cluster, bundle) == "nginx:3"
    drive_until(lambda: proven(bundle))


async def _stand_still(seconds: float, begun: threading.Event) -> None:
    """Hold up the event loop, as SIGSTOP would."""
    begun.set()
    time.sleep(seconds)


def test_a_worker_that_stood_still_past_its_lease_writes_nothing_more(
    meddler: Meddler, join: Join, web: Web, settings: Any
) -> None:
    _, first = _start(meddler, join, web, name="first")
    second = put(None, web_wish(first.namespace, name="second"))
    settings.OTE_LEASE_SECONDS, settings.OTE_WINDOW_SECONDS = 2, 0

    def freeze(handler: BaseHTTPRequestHandler) -> bool:
        begun = threading.Event()
        sessions().run(_stand_still(2.5, begun))
        return not begun.wait(10)  # the answer comes meanwhile

    meddler.spoil("PATCH", "/services/second", freeze)
    meddler.asked.clear()
    drive_due()
    assert [path.rpartition("/")[2] for path in meddler.paths("PATCH")] == ["second"], "the Service, and no more"
    meddler.clear()
    drive_until(lambda: proven(second))


def test_a_request_that_waited_for_its_connection_past_the_lease_is_not_sent(meddler: Meddler, join: Join) -> None:
    join(via=meddler)
    claims, _ = claim(Quota(clusters=1, probes=0))
    (driver,) = sessions().drivers(claims).values()

    async def late() -> None:
        write_until.set(time.monotonic() - 0.001)
        await driver.delete(Ref("v1/Service", "ns", "web"), "some-uid")

    meddler.clear()
    with pytest.raises(OutOfTime):
        sessions().run(late()).result(10)
    assert not meddler.paths("DELETE")


def test_a_worker_that_stood_still_before_its_pass_writes_nothing(
    meddler: Meddler, join: Join, web: Web, settings: Any
) -> None:
    _, first = _start(meddler, join, web, name="first")
    second = put(None, web_wish(first.namespace, name="second"))
    settings.OTE_LEASE_SECONDS, settings.OTE_WINDOW_SECONDS = 2, 0
    sessions().run(_stand_still(2.5, threading.Event()))
    meddler.asked.clear()
    drive_due()
    assert not meddler.paths("PATCH")
    drive_until(lambda: proven(second))


def test_a_worker_that_dies_after_its_writes_loses_nothing(edge: Any, meddler: Meddler, join: Join, web: Web) -> None:
    cluster, bundle = _start(meddler, join, web)
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:2"))
    with _stopped(meddler, "PATCH", "/deployments/web", recorded=False):
        pass
    assert drive_due() == 0  # it is leased
    assert bundle.placements.get().applied_generation == 1
    expired = db_now() - timedelta(seconds=1)
    assert Cluster.objects.get(pk=cluster.pk).lease_until < db_now() + timedelta(
        seconds=django_settings.OTE_LEASE_SECONDS
    )
    Cluster.objects.filter(pk=cluster.pk).update(lease_until=expired)
    drive_due()
    assert bundle.placements.get().applied_generation == 2
    drive_until(lambda: proven(bundle))
    assert edge.objects(cluster.name, "Deployment", bundle.namespace)[0]["metadata"]["generation"] == 2


def test_a_node_label_taken_back_while_it_is_written(edge: Any, meddler: Meddler, join: Join, web: Web) -> None:
    cluster, _ = _start(meddler, join, web)
    node = cluster.nodes.earliest("pk").name
    services.add_node_label(cluster.name, [node], "gpu")
    with _stopped(meddler, "PATCH", "/nodes/"):
        services.delete_node_label(cluster.name, [node], "gpu")
    label = NodeLabel.objects.get(node__cluster=cluster)
    assert label.wanted is False
    assert _is_due(cluster)
    drive_due()
    labels = {key for item in edge.objects(cluster.name, "Node") for key in item["metadata"]["labels"]}
    assert "node.otestack.io/gpu" not in labels
    assert not NodeLabel.objects.filter(node__cluster=cluster).exists()


def test_a_cluster_removed_by_force_during_a_pass_stays_removed(
    edge: Any, meddler: Meddler, join: Join, web: Web
) -> None:
    cluster, bundle = _start(meddler, join, web)
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:2"))
    with _stopped(meddler, "PATCH", "/deployments/web"):
        services.remove(cluster, force=True)
    assert not Cluster.objects.filter(pk=cluster.pk).exists()
    assert not bundle.placements.exists()
    assert drive_due() == 0


def test_a_cluster_that_is_removed_during_a_push_is_cleaned_of_it(
    edge: Any, meddler: Meddler, join: Join, web: Web
) -> None:
    cluster, first = _start(meddler, join, web, name="first")
    put(None, web_wish(first.namespace))
    with _stopped(meddler, "PATCH", "/deployments/web"):
        services.remove(cluster)
    assert _is_due(cluster)
    drive_until(lambda: not Cluster.objects.filter(pk=cluster.pk).exists())
    assert edge.objects(cluster.name, "Deployment", first.namespace) == []
