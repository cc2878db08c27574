"""How little is asked of an edge: one list per kind when it is quiet, and no list at all for a plain push."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from clusters.drivers.registry import ALL_KINDS
from clusters.engine.bundles import Wish, centre_uid, end, put
from clusters.engine.drive import LOOK_FOR_MORE, drive_due
from clusters.engine.verdict import FIRST_LOOK
from clusters.models import Bundle, Cluster, Selector
from tests.edge.conftest import drive_until, look, proven, web_wish
from tests.edge.meddler import Meddler

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]

HELD = ["api/v1/namespaces", "api/v1/nodes", "api/v1/services", "apis/apps/v1/deployments"]


def _quiet(meddler: Meddler, join: Join, web: Web) -> tuple[Cluster, Bundle]:
    cluster = join(via=meddler)
    bundle = web()
    drive_until(lambda: proven(bundle))
    look(cluster)
    meddler.clear()
    return cluster, bundle


def test_a_quiet_pass_is_one_list_of_each_kind_held_and_of_the_nodes(
    meddler: Meddler, join: Join, web: Web, settings: Any
) -> None:
    cluster, bundle = _quiet(meddler, join, web)
    settings.OTE_OBSERVE_INTERVAL = 60.0
    put(None, web_wish(bundle.namespace, name="second"))
    drive_until(lambda: proven(Bundle.objects.get(title="deployment second")))
    meddler.clear()
    look(cluster)
    assert sorted(meddler.paths()) == HELD
    assert {item.method for item in meddler.asked} == {"GET"}
    for item in meddler.asked:
        query = parse_qs(urlsplit(item.path).query)
        assert query["limit"] == ["500"]
        if "nodes" not in item.path:
            selector = f"app.kubernetes.io/managed-by=otestack,otestack.io/centre={centre_uid()}"
            assert query["labelSelector"] == [selector]


def test_a_push_is_one_request_an_object_and_lists_nothing(meddler: Meddler, join: Join, web: Web) -> None:
    _, bundle = _quiet(meddler, join, web)
    put(None, web_wish(bundle.namespace, name="second"))
    drive_due()
    space = bundle.namespace
    service = f"api/v1/namespaces/{space}/services/second"
    deployment = f"apis/apps/v1/namespaces/{space}/deployments/second"
    assert [item.method for item in meddler.asked[:2]] == ["PATCH", "PATCH"]
    assert meddler.paths("PATCH") == [service, deployment]
    assert not [path for path in meddler.paths() if path.endswith(("second", "pods", "services"))]


def test_an_upgrade_is_one_request_an_object(meddler: Meddler, join: Join, web: Web) -> None:
    _, bundle = _quiet(meddler, join, web)
    put(bundle, web_wish(bundle.namespace, image="nginx:2"))
    drive_due()
    assert [item.method for item in meddler.asked[:2]] == ["PATCH", "PATCH"]
    assert len(meddler.paths("PATCH")) == 2


def test_a_worker_stays_for_the_first_look_at_what_it_applied(join: Join, web: Web, settings: Any) -> None:
    settings.OTE_OBSERVE_INTERVAL = 600.0
    join()
    bundle = web()
    drive_due(stay=60)
    assert proven(bundle)


def test_observations_wait_to_be_claimed_together_and_changes_do_not(
    meddler: Meddler, join: Join, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OTE_OBSERVE_INTERVAL = 600.0
    monkeypatch.setattr("clusters.engine.drive.LOOKS_EVERY", 60.0)
    first, second, changed = join(via=meddler), join(), join()
    look(first, second, changed)
    # While the first one answers, the other two come due.
    due = timezone.now() + timedelta(seconds=0.7)

    def linger(_: Any) -> bool:
        while timezone.now() < due + timedelta(seconds=LOOK_FOR_MORE):
            time.sleep(0.02)
        return False

    meddler.spoil("GET", "nodes", linger)
    Cluster.objects.filter(pk=first.pk).update(observe_due_at=Now())
    Cluster.objects.filter(pk=second.pk).update(observe_due_at=due)
    Cluster.objects.filter(pk=changed.pk).update(change_due_at=due)
    assert drive_due() == 2
    assert Cluster.objects.get(observe_due_at__lte=Now()) == second
    assert drive_due() == 1


def test_observations_for_which_there_was_no_place_are_claimed_next(
    join: Join, web: Web, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OTE_OBSERVE_INTERVAL = 600.0
    settings.OTE_CONCURRENCY = 2
    monkeypatch.setattr("clusters.engine.drive.LOOKS_EVERY", 60.0)
    changed, *others = join(label="changed"), join(), join(), join()
    where = {"selector": Selector.LABEL, "selector_value": "changed"}
    bundle = web(**where)
    drive_until(lambda: proven(bundle))
    look(changed, *others)
    put(bundle, web_wish(bundle.namespace, image="nginx:2", **where))
    # They are due before the first look at what is applied, for which the worker stays.
    due = timezone.now() + timedelta(seconds=FIRST_LOOK / 2)
    Cluster.objects.filter(pk__in=[one.pk for one in others]).update(observe_due_at=due)
    drive_due(stay=60)
    assert not Cluster.objects.filter(observe_due_at__lte=Now()).exists()


def test_only_a_workload_that_is_not_right_has_its_pods_listed(
    edge: Any, meddler: Meddler, join: Join, web: Web
) -> None:
    cluster, bundle = _quiet(meddler, join, web)
    bad = put(None, web_wish(bundle.namespace, name="bad", image="nginx:never"))
    drive_until(lambda: bad.placements.get().last_error)
    meddler.clear()
    look(cluster)
    pods = [item.path for item in meddler.asked if item.path.split("?")[0].endswith("/pods")]
    assert len(pods) == 1
    assert "instance%3Dbad" in pods[0] or "instance=bad" in pods[0]


def test_of_secrets_only_the_metadata_is_read(meddler: Meddler, join: Join, web: Web) -> None:
    cluster, bundle = _quiet(meddler, join, web)
    meta = {"name": "pull", "namespace": bundle.namespace}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"password": "hunter2-hunter2"}}
    held = put(None, Wish(bundle.namespace, [], Selector.ALL, "secret", secrets=[secret]))
    drive_until(lambda: proven(held))
    look(cluster)
    reads = [item for item in meddler.asked if item.method == "GET" and "/secrets" in item.path]
    assert reads
    assert all(item.headers["Accept"].startswith("application/json;as=PartialObjectMetadata") for item in reads)


def test_all_kinds_are_listed_once_an_hour(meddler: Meddler, join: Join, web: Web, settings: Any) -> None:
    cluster, _ = _quiet(meddler, join, web)
    settings.OTE_OBSERVE_INTERVAL = 60.0
    Cluster.objects.filter(pk=cluster.pk).update(full_list_at=None)
    look(cluster)
    assert len(meddler.paths()) == len(ALL_KINDS) + 2  # the nodes, and the version
    meddler.clear()
    look(cluster)
    assert sorted(meddler.paths()) == HELD


def test_what_ended_is_looked_for_until_it_is_gone_and_then_no_more(
    meddler: Meddler, join: Join, web: Web, settings: Any
) -> None:
    cluster, bundle = _quiet(meddler, join, web)
    settings.OTE_OBSERVE_INTERVAL = 60.0
    end(bundle)
    drive_until(lambda: not bundle.placements.exists())
    meddler.clear()
    look(cluster)
    assert sorted(meddler.paths()) == ["api/v1/namespaces", "api/v1/nodes"]


def test_nothing_due_asks_nothing(meddler: Meddler, join: Join, web: Web, settings: Any) -> None:
    cluster, _ = _quiet(meddler, join, web)
    settings.OTE_OBSERVE_INTERVAL = 60
    look(cluster)
    meddler.clear()
    assert drive_due() == 0
    assert meddler.asked == []
