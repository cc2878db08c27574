"""A deployment by way of the API, on clusters that answer over HTTP: its status is what the edge proves, no more."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from business.models import Business
from business.services import approve
from clusters.models import Cluster, Installation
from deployments.models import Deployment
from deployments.settle import settle
from tests.apps.bodies import small
from tests.edge.conftest import drive_until, look
from tests.edge.meddler import Meddler, answer

Join = Callable[..., Cluster]


@pytest.fixture
def shop(api: Any, make_user: Any, make_business: Any, settle_quickly: None) -> Callable[..., Any]:
    """Deploys for a business that was approved, so that its namespace is the edge's: returns what the API shows."""
    from business.models import Status

    Installation.objects.get_or_create(pk=1)
    owner = make_user(1)
    waiting = make_business("shop", status=Status.PENDING, applicant=owner)
    approve(waiting, by=make_user(4, Business.objects.get(is_system=True), "root"))
    owner.refresh_from_db()

    def show(**changes: Any) -> dict[str, Any]:
        client = api(owner)
        if changes:
            app = {key: value for key, value in changes.items() if key != "cluster"}
            assert client.post("/v1/app", small(**{"version": "1.0"} | app)).json()["code"] == 200
            body = {"deployName": "web1", "appName": app["appName"], "version": "1.0.1", "nodeLabel": "", "comment": ""}
            answer = client.post("/v1/deploy", body | {"cluster": changes.get("cluster", "")})
            assert answer.json()["code"] == 200, answer.json()
        settle()
        row = Deployment.objects.latest("pk")
        shown = client.get(f"/v1/deploy/id/{row.pk}").json()["data"]
        there = client.get(f"/v1/deploy/id/{row.pk}/clusters").json()["data"]
        return shown | {"clusters": {item["clusterName"]: item for item in there}}

    return show


def test_away_makes_6_by_name_and_its_return_5(edge: Any, join: Join, shop: Any) -> None:
    here, gone = join("here"), join("gone")
    shop(appName="web")
    drive_until(lambda: shop()["status"] == 5)
    edge.set_away(gone.name, "refuse")
    drive_until(lambda: Cluster.objects.filter(pk=gone.pk, away_since__isnull=False).exists())
    look(here)
    shown = shop()
    assert shown["status"] == 6
    assert json.loads(shown["errorMessage"])["reason"].endswith(f": {gone.name}")
    assert {name: item["state"] for name, item in shown["clusters"].items()} == {here.name: "ready", gone.name: "away"}
    edge.set_away(gone.name, False)
    drive_until(lambda: shop()["status"] == 5)


def test_an_engine_that_stands_still_turns_5_into_6_and_back(join: Join, shop: Any) -> None:
    cluster = join()
    shop(appName="web")
    drive_until(lambda: shop()["status"] == 5)
    Cluster.objects.filter(pk=cluster.pk).update(observed_at=Now() - timedelta(seconds=4))
    shown = shop()
    assert (shown["status"], shown["clusters"][cluster.name]["state"]) == (6, "stale")
    look(cluster)
    shown = shop()
    assert (shown["status"], shown["clusters"][cluster.name]["state"]) == (5, "ready")


def test_a_version_that_cannot_start_is_7_with_the_pods_reason(settings: Any, join: Join, shop: Any) -> None:
    cluster = join()
    settings.OTE_PROGRESS_DEADLINE = 1
    shop(appName="web", image="nginx:never")
    drive_until(lambda: shop()["status"] == 7)
    # The operation may end at the deadline before the pass that gives up there. And a pass whose list of pods got no
    # answer in time has the workload's own word only; the next one asks again.
    drive_until(lambda: shop()["clusters"][cluster.name]["state"] == "failed")
    drive_until(lambda: "ImagePull" in json.loads(shop()["errorMessage"])["reason"])
    shown = shop()
    assert (shown["status"], shown["clusters"][cluster.name]["state"]) == (7, "failed")
    assert "ImagePull" in shown["clusters"][cluster.name]["lastError"]


SCALED = {
    "isHPA": True, "minReplicas": 1, "maxReplicas": 3, "targetCPUUtilization": 50, "targetMemUtilization": 50,
    "minCPU": 10, "maxCPU": 20, "minMemory": 10, "maxMemory": 20,
}  # fmt: skip


def green_but_for_one_without_autoscaling(shop: Callable[..., Any], here: Cluster, old: Cluster) -> None:
    """Deploys what scales itself: here it is green, there it says what is missing, and as a whole it is partial."""
    shop(appName="web", **SCALED)
    drive_until(lambda: shop()["status"] == 6)
    shown = shop()
    there = shown["clusters"]
    assert there[here.name]["state"] == "ready"
    assert there[old.name]["state"] == "failed"
    assert there[old.name]["lastError"].endswith(f"web1 was refused: {old.name} has no autoscaling/v2")
    assert there[old.name]["lastError"].startswith("HorizontalPodAutoscaler ")
    assert there[old.name]["lastError"] in json.loads(shown["errorMessage"])["reason"]


def test_an_edge_without_an_api_says_so_and_the_others_go_on(meddler: Meddler, join: Join, shop: Any) -> None:
    here, old = join("here"), join("old", via=meddler)
    meddler.spoil("*", "/apis/autoscaling/", answer(404, b"404 page not found\n"))
    green_but_for_one_without_autoscaling(shop, here, old)
    meddler.clear()  # it was upgraded
    drive_until(lambda: shop()["status"] == 5)
