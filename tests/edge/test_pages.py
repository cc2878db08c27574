"""Long lists come in pages; a pass that runs out of time goes on where it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.test import override_settings

from clusters.engine import sessions
from clusters.engine.bundles import Wish, end, put
from clusters.engine.drive import drive_due
from clusters.models import Bundle, Cluster, Placement, Selector
from tests.edge.conftest import drive_until, look, proven
from tests.edge.meddler import Meddler

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]
MANY = 7


def _maps(namespace: str, number: int = MANY) -> list[Bundle]:
    return [put(None, _map(namespace, position)) for position in range(number)]


def _map(namespace: str, position: int) -> Wish:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"map{position}", "namespace": namespace},
        "data": {"position": str(position)},
    }
    return Wish(namespace, [body], Selector.ALL, f"map {position}")


def test_what_lies_on_later_pages_is_seen_and_deleted(edge: Any, meddler: Meddler, join: Join, web: Web) -> None:
    before = sessions._sessions
    try:
        with override_settings(OTE_PAGE_OBJECTS=2):
            sessions._sessions = sessions.Sessions()
        cluster = join(via=meddler)
        bundles = _maps(web().namespace)
        drive_until(lambda: all(proven(bundle) for bundle in bundles))
        meddler.clear()
        look(cluster)
        pages = [item.path for item in meddler.asked if "/configmaps" in item.path]
        assert len(pages) == (MANY + 1) // 2
        assert all("limit=2" in path for path in pages)
        assert sum("continue=" in path for path in pages) == len(pages) - 1
        # Nothing that is on a later page may look missing: nothing was applied again.
        assert not meddler.paths("PATCH")
        for bundle in bundles:
            end(bundle)
        drive_until(lambda: not Placement.objects.filter(bundle__in=bundles).exists())
        left = {item["metadata"]["name"] for item in edge.objects(cluster.name, "ConfigMap", bundles[0].namespace)}
        assert not {f"map{position}" for position in range(MANY)} & left
    finally:
        sessions._sessions = before


def test_a_pass_that_runs_out_of_time_is_continued(meddler: Meddler, join: Join, web: Web, settings: Any) -> None:
    cluster = join(via=meddler)
    namespace = web().namespace
    look(cluster)
    bundles = _maps(namespace, 40)
    settings.OTE_PASS_SECONDS, settings.OTE_WINDOW_SECONDS = 0.3, 0

    def slowly(_: Any) -> bool:
        time.sleep(0.2)
        return False

    meddler.spoil("PATCH", "/configmaps/", slowly)
    drive_due()
    applied = [bundle for bundle in bundles if bundle.placements.get().applied_generation]
    first = len(meddler.paths("PATCH"))
    assert first < len(bundles)
    assert applied, "what was done before the time was up is recorded"
    drive_until(lambda: all(proven(bundle) for bundle in bundles))
    cluster.refresh_from_db()
    assert (cluster.failed_probes, cluster.away_since, cluster.last_error) == (0, None, "")
