"""GET /v1/deploy/id/[id]/clusters."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from clusters.models import Cluster
from tests.deployments import fleet


def rows(api, user, deployment, **query):
    answer = api(user).get(f"/v1/deploy/id/{deployment.pk}/clusters", **query)
    assert answer.status_code == 200
    return answer.json()["data"]


def test_one_row_a_cluster_by_name(api, member, running, beijing):
    seen = Cluster.objects.get(pk=beijing.pk).observed_at
    data = rows(api, member, running)
    assert [row["clusterName"] for row in data] == ["beijing", "harbin"]
    assert data[0] == {
        "clusterName": "beijing",
        "state": "ready",
        "generation": 1,
        "appliedGeneration": 1,
        "running": 1,
        "error": 0,
        "total": 1,
        "lastError": "",
        "observedAt": int(seen.timestamp()),
        "nextAttemptAt": None,
    }
    assert [row["clusterName"] for row in rows(api, member, running, page=2, pageSize=1)] == ["harbin"]
    assert api(member).get(f"/v1/deploy/id/{running.pk}/clusters", page=9).json()["total"] == 2


def test_a_deployment_that_waits_is_nowhere(api, member, deploy, versions, beijing):
    versions()
    assert rows(api, member, deploy(member)) == []


@pytest.mark.parametrize(
    ("placement", "cluster", "state"),
    [
        ({}, {}, "waiting"),
        ({"attempts": 1, "last_error": "timeout"}, {}, "applying"),
        ({}, {"lease_until": Now() + timedelta(seconds=60)}, "applying"),
        ({}, {"lease_until": Now() - timedelta(seconds=60)}, "waiting"),
        ({"applied_generation": 1}, {}, "progressing"),
        ({"applied_generation": 1, "failed": True}, {}, "failed"),
        ({"applied_generation": 1, "ready_generation": 1}, {}, "ready"),
        ({"applied_generation": 1, "ready_generation": 1}, {"observed_at": None}, "stale"),
        ({"applied_generation": 1}, {"observed_at": None}, "stale"),
        ({"applied_generation": 1, "ready_generation": 1}, {"away_since": Now()}, "away"),
        ({"present": False}, {}, "removing"),
        ({"applied_generation": 1, "ready_generation": 1, "generation": 2}, {}, "waiting"),
    ],
)
def test_states(api, admin, deploy, versions, beijing, placement, cluster, state):
    versions()
    row = deploy(admin)
    fleet.placements(row).update(**placement)
    Cluster.objects.filter(pk=beijing.pk).update(**cluster or {"lease_until": None})
    assert rows(api, admin, row)[0]["state"] == state


def test_what_is_wrong_where(api, admin, running, beijing, harbin):
    fleet.failed(running, beijing, why="ImagePullBackOff: no such image")
    fleet.away(harbin)
    since = Cluster.objects.get(pk=harbin.pk).away_since
    first, second = rows(api, admin, running)
    assert (first["state"], first["lastError"]) == ("failed", "ImagePullBackOff: no such image")
    assert second["state"] == "away"
    assert second["lastError"] == (
        f"The cluster has not answered since {since:%Y-%m-%d %H:%M:%S} UTC: connection refused"
    )
    fleet.back(harbin)
    fleet.stale(harbin)
    seen = Cluster.objects.get(pk=harbin.pk).observed_at
    second = rows(api, admin, running)[1]
    assert (second["state"], second["observedAt"]) == ("stale", int(seen.timestamp()))
    assert second["lastError"] == f"The cluster was last observed at {seen:%Y-%m-%d %H:%M:%S} UTC."


def test_what_keeps_a_cluster_from_being_worked_on_is_said_of_what_waits_there(api, admin, running, beijing, harbin):
    said = "beijing answered 401: Unauthorized"
    Cluster.objects.filter(pk=beijing.pk).update(last_error=said)
    assert rows(api, admin, running)[0]["lastError"] == ""  # it runs, as was seen a moment ago
    fleet.stale(beijing)
    seen = Cluster.objects.get(pk=beijing.pk).observed_at
    expected = f"The cluster was last observed at {seen:%Y-%m-%d %H:%M:%S} UTC: {said}"
    assert rows(api, admin, running)[0]["lastError"] == expected
    fleet.placements(running, beijing).update(generation=2)
    assert [row["lastError"] for row in rows(api, admin, running)] == [said, ""]
    fleet.placements(running, beijing).update(last_error="its own")
    assert rows(api, admin, running)[0]["lastError"] == "its own"


def test_the_next_attempt(api, admin, running, beijing):
    fleet.placements(running, beijing).update(next_attempt_at=Now(), attempts=3)
    expected = fleet.placements(running, beijing).get().next_attempt_at
    assert rows(api, admin, running)[0]["nextAttemptAt"] == int(expected.timestamp())
