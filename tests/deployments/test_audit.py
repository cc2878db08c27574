"""GET, PUT and POST /v1/admin/deploy."""

import pytest

from clusters.models import BundleObject
from deployments.models import Deployment, Operation
from tests.deployments import fleet

URL = "/v1/admin/deploy"


@pytest.fixture
def waiting(deploy, member, versions, beijing):
    """web1 of acme, submitted by a general user."""
    versions(3)
    return deploy(member, cluster="north")


def test_an_approved_change_goes_on(api, admin, waiting, decide, shown):
    assert decide(admin, waiting, 1, "fine") == 200
    answer = shown(admin, waiting)
    assert (answer["status"], answer["running"], answer["auditComment"]) == (1, True, "fine")
    fleet.ready(waiting)
    assert shown(admin, waiting)["status"] == 5


def test_exactly_what_was_submitted_is_applied(admin, waiting, decide):
    change = Operation.objects.get(deployment=waiting)
    wanted = [(item["kind"], item["metadata"]["name"]) for item in change.manifests]
    decide(admin, waiting, 1)
    held = BundleObject.objects.filter(bundle__deployment=waiting).order_by("position")
    assert [(item.kind, item.name) for item in held] == wanted


def test_a_refused_new_deployment_shows_2_and_frees_its_name(api, admin, member, waiting, decide, shown, body):
    assert decide(admin, waiting, 2, "no") == 200
    answer = shown(member, waiting)
    assert (answer["status"], answer["auditComment"], answer["running"]) == (2, "no", False)
    assert api(member).post("/v1/deploy/id/" + str(waiting.pk), {"version": "1.0.2"}).status_code == 409
    assert api(member).post("/v1/deploy", body()).status_code == 200
    assert api(member).get("/v1/deploy").json()["total"] == 2


def test_a_refused_new_deployment_can_be_cleared_away(api, admin, waiting, decide, shown):
    decide(admin, waiting, 2)
    assert api(admin).delete("/v1/deploy/web1").status_code == 200
    assert shown(admin, waiting)["status"] == 9
    assert api(admin).get("/v1/deploy").json()["total"] == 0


def test_clearing_it_away_can_be_refused(api, admin, member, waiting, decide, shown):
    decide(admin, waiting, 2, "no")
    assert api(member).delete(f"/v1/deploy/id/{waiting.pk}").status_code == 200
    assert decide(admin, waiting, 2, "keep it") == 200
    answer = shown(member, waiting)
    assert (answer["status"], answer["deployType"], answer["auditComment"]) == (2, 1, "keep it")


def test_a_change_is_decided_once(admin, waiting, decide):
    assert [decide(admin, waiting, status) for status in (1, 1, 2)] == [200, 409, 409]
    assert Deployment.objects.get(pk=waiting.pk).running


def test_a_refused_upgrade_shows_what_runs(api, admin, member, running, decide, shown):
    api(member).post(f"/v1/deploy/id/{running.pk}", {"version": "1.0.2", "comment": "please"})
    answer = shown(member, running)
    assert (answer["version"], answer["status"], answer["comment"]) == ("1.0.2", 0, "please")
    assert decide(admin, running, 2, "not now") == 200
    answer = shown(member, running)
    assert (answer["version"], answer["deployType"], answer["status"]) == ("1.0.1", 1, 5)
    assert (answer["comment"], answer["auditComment"], answer["editable"]) == ("first", "not now", True)


def test_the_fleet_goes_on_while_a_change_waits(api, admin, member, running, beijing, decide, shown):
    api(member).post(f"/v1/deploy/id/{running.pk}", {"version": "1.0.2"})
    fleet.applied(running, beijing, ready_generation=0, running=0, error=1, total=1, last_error="it crashed")
    answer = shown(member, running)
    assert answer["status"] == 0
    assert '"running": 1, "error": 1, "total": 2' in answer["errorMessage"]
    decide(admin, running, 2)
    assert shown(member, running)["status"] == 6


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", None),
        ("id", "1"),
        ("id", 0),
        ("status", 0),
        ("status", 3),
        ("status", "1"),
        ("status", True),
        ("comment", None),
        ("comment", 5),
        ("comment", "a" * 256),
    ],
)
def test_a_wrong_parameter_is_named(api, admin, waiting, field, value):
    change = Operation.objects.get(deployment=waiting)
    answer = api(admin).put(URL, {"id": change.pk, "status": 1, "comment": ""} | {field: value})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])


def test_an_unknown_change_and_one_of_another_business(api, admin, make_user, other, waiting, decide):
    assert api(admin).put(URL, {"id": 999999, "status": 1, "comment": ""}).status_code == 404
    assert api(admin).put(URL, {"id": 2**63 - 1, "status": 1, "comment": ""}).status_code == 404
    assert decide(make_user(3, other), waiting, 1) == 404


def test_post_is_put_and_general_users_may_not(api, admin, member, waiting):
    change = Operation.objects.get(deployment=waiting)
    sent = {"id": change.pk, "status": 1, "comment": ""}
    assert api(member).post(URL, sent).status_code == 403
    assert api(member).get(URL).status_code == 403
    assert api(admin).post(URL, sent).json() == {"code": 200, "message": "success"}


def test_the_list(api, admin, waiting, decide):
    change = Operation.objects.get(deployment=waiting)
    assert api(admin).get(URL).json() == {
        "code": 200,
        "message": "success",
        "total": 1,
        "data": [
            {
                "id": change.pk,
                "businessName": "acme",
                "appName": "web",
                "version": "1.0.1",
                "cluster": "north",
                "deployId": waiting.pk,
                "deployType": 1,
                "status": 0,
                "comment": "",
                "createTime": int(change.created_at.timestamp()),
                "updateTime": int(change.created_at.timestamp()),
            }
        ],
    }
    decide(admin, waiting, 2, "no pass")
    (row,) = api(admin).get(URL).json()["data"]
    decided = Operation.objects.get(pk=change.pk).decided_at
    assert (row["status"], row["comment"], row["updateTime"]) == (2, "no pass", int(decided.timestamp()))


def test_order_and_whose(api, admin, member, system, make_user, other, deploy, versions, beijing):
    versions()
    first = deploy(member, deployName="a").shown_id
    second = deploy(admin, deployName="b").shown_id
    stranger = make_user(3, other)
    versions(user=stranger)
    third = deploy(stranger, deployName="c").shown_id

    def ids(user, **query):
        return [row["id"] for row in api(user).get(URL, **query).json()["data"]]

    assert ids(admin) == [first, second]  # the waiting one first
    assert ids(admin, orderBy="id") == [second, first]
    assert ids(admin, order="asc") == [first, second]
    assert ids(system) == [first, third, second]
    assert ids(system, order="desc") == [third, second, first]
    assert ids(system, businessName="CM") == [first, second]
    assert ids(stranger, businessName="acme") == []
    assert ids(system, page=2, pageSize=2) == [second]


@pytest.mark.parametrize("query", [{"orderBy": "name"}, {"order": "up"}, {"page": "0"}, {"pageSize": "-1"}])
def test_a_wrong_query_is_named(api, admin, waiting, query):
    answer = api(admin).get(URL, **query)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, list(query))


def test_a_conflict_at_approval_leaves_the_change_waiting(admin, waiting, decide, shown, deploy):
    taken = deploy(admin, deployName="web2").bundle
    BundleObject.objects.create(
        bundle=taken, position=99, api_version="apps/v1", kind="Deployment", namespace=taken.namespace, name="web1"
    )
    assert decide(admin, waiting, 1) == 409
    assert shown(admin, waiting)["status"] == 0


@pytest.mark.parametrize(("four_eyes", "code"), [(True, 409), (False, 200)])
def test_with_four_eyes_an_own_change_is_approved_by_somebody_else(
    api, admin, make_user, acme, deploy, versions, beijing, decide, settings, four_eyes, code
):
    settings.OTE_FOUR_EYES, settings.OTE_ADMIN_AUTO_DEPLOY = four_eyes, False
    versions()
    made = deploy(admin)
    change = Operation.objects.get(deployment=made)
    answer = api(admin).put(URL, {"id": change.pk, "status": 1, "comment": ""})
    assert answer.status_code == code
    if four_eyes:
        assert answer.json()["message"] == f"Change {change.pk} is your own; somebody else must approve it."
        assert decide(make_user(3, acme), made, 1) == 200


def test_with_four_eyes_nothing_is_approved_at_once_and_one_may_refuse_the_own(
    api, admin, deploy, versions, beijing, decide, settings
):
    settings.OTE_FOUR_EYES = True
    versions()
    made = deploy(admin)
    assert Operation.objects.get(deployment=made).audit == 0
    assert api(admin).get("/v1/authorization").json()["data"]["enableAdminAutoDeploy"] is False
    assert decide(admin, made, 2) == 200
