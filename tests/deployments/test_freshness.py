"""No green without proof, judged by whoever reads."""

import json

from clusters.models import Placement
from deployments.models import Deployment, Operation
from tests.deployments import fleet


def test_a_stopped_engine_turns_green_into_6(api, admin, running, beijing, shown):
    assert shown(admin, running)["status"] == 5
    fleet.stale(beijing)
    answer = shown(admin, running)
    assert (answer["status"], answer["editable"]) == (6, True)
    assert json.loads(answer["errorMessage"])["reason"] == "1 cluster away or not observed in time: beijing"
    assert api(admin).get("/v1/deploy").json()["data"][0]["status"] == 6
    assert shown(admin, running, field="historyVersion")["historyVersion"][0]["status"] == 6
    fleet.settle()
    assert shown(admin, running)["status"] == 6


def test_it_is_green_again_as_soon_as_it_is_seen_again(admin, running, beijing, harbin, shown):
    fleet.stale(beijing)
    fleet.away(harbin)
    fleet.ready(running)  # settled while nothing can be proven
    assert shown(admin, running)["status"] == 6
    fleet.back(beijing)
    fleet.back(harbin)
    answer = shown(admin, running)
    assert (answer["status"], answer["errorMessage"]) == (5, '{"running": 2, "error": 0, "total": 2}')


def test_an_away_cluster_is_6_with_its_name_not_an_endless_4(admin, deploy, versions, beijing, harbin, shown):
    versions()
    row = deploy(admin)
    fleet.away(harbin)
    fleet.ready(row, beijing)
    answer = shown(admin, row)
    assert (answer["status"], answer["editable"]) == (6, True)
    assert json.loads(answer["errorMessage"])["reason"] == "1 cluster away: harbin"
    fleet.back(harbin)
    fleet.ready(row, harbin)
    assert shown(admin, row)["status"] == 5


def test_a_ready_cluster_that_was_not_seen_in_time_does_not_end_a_change(
    admin, deploy, versions, beijing, shown, settings
):
    versions()
    row = deploy(admin)
    fleet.stale(beijing)
    fleet.ready(row)
    assert (shown(admin, row)["status"], shown(admin, row)["editable"]) == (4, False)
    fleet.back(beijing)
    fleet.settle()
    assert (shown(admin, row)["status"], shown(admin, row)["editable"]) == (5, True)


def test_the_deadline_ends_a_change_that_nobody_proves(admin, deploy, versions, beijing, shown, settings):
    versions()
    row = deploy(admin)
    fleet.stale(beijing)
    settings.OTE_PROGRESS_DEADLINE = 0
    fleet.ready(row)
    assert (shown(admin, row)["status"], shown(admin, row)["editable"]) == (6, True)
    fleet.back(beijing)
    assert shown(admin, row)["status"] == 5


def test_the_deadline_counts_from_the_last_reachable_cluster_that_took_it(
    admin, deploy, versions, beijing, harbin, shown, settings
):
    from datetime import timedelta

    from django.db.models.functions import Now

    versions()
    row = deploy(admin)
    long_ago = Now() - timedelta(seconds=settings.OTE_PROGRESS_DEADLINE + 60)
    Operation.objects.filter(deployment=row).update(decided_at=long_ago)
    fleet.applied(row, beijing)
    assert shown(admin, row)["status"] == 4
    fleet.placements(row).update(applied_at=long_ago)
    fleet.settle()
    answer = shown(admin, row)
    assert (answer["status"], answer["editable"]) == (7, True)


def test_a_cluster_that_joins_or_leaves_counts_at_once(admin, deploy, versions, beijing, shown):
    versions()
    row = deploy(admin, cluster="north")
    fleet.ready(row)
    assert shown(admin, row)["status"] == 5
    tokyo = fleet.join("tokyo", "north")
    fleet.settle()
    answer = shown(admin, row)
    assert (answer["status"], answer["editable"]) == (6, True)
    fleet.ready(row, tokyo)
    assert shown(admin, row)["status"] == 5
    fleet.failed(row, tokyo)
    assert shown(admin, row)["status"] == 6
    Placement.objects.filter(cluster=tokyo).update(present=False, ready_generation=0)
    fleet.ready(row, beijing)
    answer = shown(admin, row)
    assert answer["status"] == 5
    assert json.loads(answer["errorMessage"])["total"] == 1


def test_a_deployment_that_lost_all_its_clusters(admin, deploy, versions, beijing, shown):
    versions()
    row = deploy(admin, cluster="north")
    fleet.ready(row)
    fleet.placements(row).update(present=False)
    fleet.let_go(row)
    answer = shown(admin, row)
    assert answer["status"] == 6
    assert json.loads(answer["errorMessage"])["reason"] == "no cluster matches"


def test_settling_twice_changes_nothing(running):
    before = Deployment.objects.values().get(), list(Operation.objects.values())
    fleet.settle()
    fleet.ready(running)
    assert (Deployment.objects.values().get(), list(Operation.objects.values())) == before


def test_reasons_are_bounded(admin, running, beijing, harbin, shown):
    fleet.failed(running, why="x" * 300)
    reason = json.loads(shown(admin, running)["errorMessage"])["reason"]
    assert len(reason) == 300
    assert reason.startswith("2 clusters: beijing: xxx")


def test_a_cluster_that_goes_away_or_returns_is_counted_anew(admin, deploy, versions, beijing, shown):
    versions()
    row = deploy(admin)
    fleet.failed(row)
    assert shown(admin, row)["status"] == 7
    for _ in range(3):
        fleet.passed(beijing, answered=False)
    assert shown(admin, row)["status"] == 6
    fleet.passed(beijing, answered=True)
    assert shown(admin, row)["status"] == 7
