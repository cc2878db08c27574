"""Upgrade, rollback and delete, from submission to their end."""

import pytest

from deployments.models import Deployment, Operation
from tests.deployments import fleet


def url(row):
    return f"/v1/deploy/id/{row.pk}"


def test_upgrade_rollback_and_history(api, admin, running, shown):
    assert api(admin).post(url(running), {"version": "1.0.2", "comment": "newer"}).json() == {
        "code": 200,
        "message": "success",
    }
    answer = shown(admin, running)
    assert (answer["version"], answer["deployType"], answer["comment"]) == ("1.0.2", 2, "newer")
    assert (answer["status"], answer["editable"], answer["running"]) == (1, False, True)
    fleet.settle()
    assert shown(admin, running)["status"] == 3  # what was ready is not what is wanted now
    fleet.ready(running)
    assert shown(admin, running)["status"] == 5

    assert api(admin).put(url(running), {"version": "1.0.1", "comment": ""}).status_code == 200
    fleet.ready(running)
    answer = shown(admin, running)
    assert (answer["version"], answer["deployType"], answer["status"]) == ("1.0.1", 3, 5)

    history = shown(admin, running, field="historyVersion")
    assert list(history) == ["historyVersion"]
    assert [(item["version"], item["deployType"], item["status"]) for item in history["historyVersion"]] == [
        ("1.0.1", 3, 5),
        ("1.0.2", 2, 5),
        ("1.0.1", 1, 5),
    ]
    assert set(history["historyVersion"][0]) == {"version", "deployType", "status", "comment", "createTime"}


def test_an_upgrade_needs_another_version_that_is_known(api, admin, running):
    for version in ("1.0.1", "1.0.9", "7.7"):
        answer = api(admin).post(url(running), {"version": version})
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["version"])
    assert api(admin).post(url(running), {}).status_code == 422
    assert Operation.objects.count() == 1


def test_a_line_is_its_newest_minor(api, admin, running, shown):
    assert api(admin).post(url(running), {"version": "1.0"}).status_code == 200
    assert shown(admin, running)["version"] == "1.0.3"


def test_a_rollback_needs_a_version_that_ran_here(api, admin, running):
    answer = api(admin).put(url(running), {"version": "1.0.2", "comment": ""})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["version"])
    assert list(api(admin).put(url(running), {"version": "1.0.2"}).json()["errors"]) == ["comment"]
    assert list(api(admin).put(url(running), {"version": "1.0.1", "comment": ""}).json()["errors"]) == ["version"]


def test_a_refused_version_never_ran(api, admin, member, running, decide):
    assert api(member).post(url(running), {"version": "1.0.2"}).status_code == 200
    assert decide(admin, running, 2) == 200
    assert api(admin).put(url(running), {"version": "1.0.2", "comment": ""}).status_code == 422


def test_a_rollback_to_a_version_that_was_deleted_since(api, admin, running, shown):
    api(admin).post(url(running), {"version": "1.0.2"})
    fleet.ready(running)
    first = api(admin).get("/v1/app", version="1.0.1").json()["apps"][0]["id"]
    assert api(admin).delete("/v1/app", {"appId": [first]}).status_code == 200
    assert api(admin).put(url(running), {"version": "1.0.1", "comment": "back"}).status_code == 200
    fleet.ready(running)
    assert shown(admin, running)["status"] == 5
    assert api(admin).post(url(running), {"version": "1.0.1"}).status_code == 422


@pytest.mark.parametrize("waiting", [True, False])
def test_one_change_at_a_time(api, admin, member, running, waiting):
    assert api(member if waiting else admin).post(url(running), {"version": "1.0.2"}).status_code == 200
    assert api(admin).post(url(running), {"version": "1.0.3"}).status_code == 409
    assert api(admin).put(url(running), {"version": "1.0.1", "comment": ""}).status_code in {409, 422}
    assert api(admin).delete(url(running)).status_code == 409
    assert api(admin).delete("/v1/deploy/web1").status_code == 409


@pytest.mark.parametrize("by_name", [True, False])
def test_delete_is_done_when_every_reachable_cluster_has_let_go(
    api, admin, running, beijing, harbin, shown, body, by_name
):
    path = "/v1/deploy/web1" if by_name else url(running)
    assert api(admin).delete(path).json() == {"code": 200, "message": "success"}
    answer = shown(admin, running)
    assert (answer["status"], answer["deployType"], answer["running"], answer["version"]) == (1, 4, False, "1.0.1")
    assert api(admin).post("/v1/deploy", body()).status_code == 422  # the name is still taken
    fleet.let_go(running, beijing)
    assert shown(admin, running)["status"] == 4
    fleet.let_go(running, harbin)
    answer = shown(admin, running)
    assert (answer["status"], answer["editable"], answer["running"]) == (9, False, False)
    assert api(admin).get("/v1/deploy").json()["total"] == 0
    assert api(admin).delete(path).status_code == (404 if by_name else 409)
    assert api(admin).post(url(running), {"version": "1.0.2"}).status_code == 409
    assert api(admin).post("/v1/deploy", body()).status_code == 200


def test_an_away_cluster_does_not_hold_a_delete_open(api, admin, running, beijing, harbin, shown):
    fleet.away(harbin)
    api(admin).delete(url(running))
    fleet.settle()
    assert shown(admin, running)["status"] == 3
    fleet.let_go(running, beijing)
    assert shown(admin, running)["status"] == 9
    assert fleet.placements(running, harbin).filter(present=False).exists()  # cleaned when it returns
    fleet.back(harbin)
    fleet.let_go(running, harbin)
    assert shown(admin, running)["status"] == 9


def test_a_delete_that_does_not_get_through_ends_and_may_be_repeated(api, admin, running, shown, settings):
    settings.OTE_PROGRESS_DEADLINE = 0
    api(admin).delete(url(running))
    fleet.settle()
    answer = shown(admin, running)
    assert (answer["status"], answer["editable"], answer["deployType"]) == (7, True, 4)
    assert api(admin).post(url(running), {"version": "1.0.2"}).status_code == 409
    settings.OTE_PROGRESS_DEADLINE = 600
    assert api(admin).delete(url(running)).status_code == 200
    fleet.let_go(running)
    assert shown(admin, running)["status"] == 9


def test_a_late_let_go_completes_a_delete_that_had_ended(api, admin, running, shown, settings):
    settings.OTE_PROGRESS_DEADLINE = 0
    api(admin).delete(url(running))
    fleet.settle()
    fleet.let_go(running)
    assert shown(admin, running)["status"] == 9
    assert not Deployment.objects.get(pk=running.pk).live


def test_a_general_users_delete_waits_and_can_be_refused(api, admin, member, running, decide, shown):
    api(member).delete(url(running))
    answer = shown(member, running)
    assert (answer["status"], answer["deployType"], answer["running"]) == (0, 4, True)
    assert decide(admin, running, 2, "we need it") == 200
    answer = shown(member, running)
    assert (answer["status"], answer["deployType"], answer["editable"]) == (5, 1, True)
    assert answer["auditComment"] == "we need it"


def test_after_a_failed_upgrade_the_way_back_is_open(api, admin, running, shown):
    api(admin).post(url(running), {"version": "1.0.2"})
    fleet.failed(running)
    answer = shown(admin, running)
    assert (answer["status"], answer["editable"]) == (7, True)
    assert "ImagePullBackOff" in answer["errorMessage"]
    assert api(admin).put(url(running), {"version": "1.0.1", "comment": ""}).status_code == 200
    fleet.ready(running)
    assert shown(admin, running)["status"] == 5


def test_objects_that_cannot_be_made_leave_what_runs_alone(api, admin, acme, running, versions, shown):
    from registry.models import ExternalRepository

    fields = {"address": "registry.example", "user": "u", "password": "p"}
    repository = ExternalRepository.objects.create(business=acme, repository_id="hub", **fields)
    versions(version="2.0", repositoryId="hub")
    repository.delete()
    assert api(admin).post(url(running), {"version": "2.0.1"}).status_code == 200
    fleet.settle()
    answer = shown(admin, running)
    assert (answer["status"], answer["version"], answer["editable"], answer["running"]) == (8, "2.0.1", True, True)
    assert "hub" in answer["errorMessage"]
    assert fleet.placements(running).filter(generation=1).count() == 2
    assert api(admin).get("/v1/admin/deploy").json()["total"] == 1  # never up for audit
    assert api(admin).post(url(running), {"version": "1.0.2"}).status_code == 200


def test_a_change_after_a_failed_making_of_the_first(
    api, member, admin, acme, deploy, versions, beijing, shown, decide
):
    from registry.models import ExternalRepository

    fields = {"address": "registry.example", "user": "u", "password": "p"}
    repository = ExternalRepository.objects.create(business=acme, repository_id="hub", **fields)
    versions(version="2.0", repositoryId="hub")
    versions()
    repository.delete()
    row = deploy(admin, version="2.0.1")
    assert shown(admin, row)["status"] == 8
    assert api(member).post(url(row), {"version": "1.0.1"}).status_code == 200
    assert decide(admin, row, 2) == 200
    answer = shown(admin, row)
    assert (answer["status"], answer["version"]) == (8, "2.0.1")
    assert api(admin).post(url(row), {"version": "1.0.1"}).status_code == 200
    fleet.ready(row)
    assert shown(admin, row)["status"] == 5


def test_another_business_sees_and_changes_nothing(api, make_user, other, running):
    stranger = api(make_user(3, other))
    codes = [
        stranger.get(url(running)),
        stranger.get(f"{url(running)}/clusters"),
        stranger.post(url(running), {"version": "1.0.2"}),
        stranger.put(url(running), {"version": "1.0.1", "comment": ""}),
        stranger.delete(url(running)),
        stranger.delete("/v1/deploy/web1"),
    ]
    assert [answer.status_code for answer in codes] == [404] * 6
    assert stranger.get("/v1/deploy").json()["total"] == 0
    assert Operation.objects.count() == 1


def test_a_system_administrator_reaches_all_by_id_and_only_its_own_by_name(api, system, running, shown):
    assert api(system).get("/v1/deploy").json()["total"] == 1
    assert shown(system, running)["deployName"] == "web1"
    assert api(system).delete("/v1/deploy/web1").status_code == 404
    assert api(system).delete(url(running)).status_code == 200


@pytest.mark.parametrize("number", ["0", "x", "999999", "-1", "1.5", "9" * 30, "%D9%A1"])
def test_an_unknown_id_is_not_found(api, admin, running, number):
    assert api(admin).get(f"/v1/deploy/id/{number}").status_code == 404
    assert api(admin).delete(f"/v1/deploy/id/{number}").status_code == 404
