"""DELETE /v1/app."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.django_db


def test_deleted_ones_leave_the_list_and_stay_readable(api: Any, member: Any, create: Any) -> None:
    first, second, kept = (create(member, appName=name) for name in ("a", "b", "c"))
    answer = api(member).delete("/v1/app", {"appId": [first["id"], second["id"], first["id"]]})
    assert (answer.status_code, answer.json()) == (200, {"code": 200, "message": "success"})
    assert [row["id"] for row in api(member).get("/v1/app").json()["apps"]] == [kept["id"]]
    shown = api(member).get(f"/v1/app/id/{first['id']}").json()["data"]
    assert shown.pop("updateTime") >= first.pop("updateTime")
    assert shown == first | {"status": 3}


def test_all_or_none(api: Any, member: Any, make_user: Any, other: Any, create: Any) -> None:
    ours, theirs = create(member), create(make_user(2, other))
    for unknown in (999999, theirs["id"]):
        answer = api(member).delete("/v1/app", {"appId": [ours["id"], unknown]})
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["appId"])
        assert str(unknown) in answer.json()["errors"]["appId"][0]
    assert api(member).get("/v1/app").json()["total"] == 1
    assert api(make_user(2, other)).get("/v1/app").json()["total"] == 1


def test_a_deleted_one_cannot_be_deleted_again(api: Any, member: Any, create: Any) -> None:
    sent = {"appId": [create(member)["id"]]}
    assert [api(member).delete("/v1/app", sent).json()["code"] for _ in range(2)] == [200, 422]


def test_a_system_administrator_reaches_all(api: Any, member: Any, system: Any, create: Any) -> None:
    assert api(system).delete("/v1/app", {"appId": [create(member)["id"]]}).json()["code"] == 200
    assert api(member).get("/v1/app").json()["total"] == 0


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "appId"),
        ({"appId": None}, "appId"),
        ({"appId": []}, "appId"),
        ({"appId": 1}, "appId"),
        ({"appId": "1"}, "appId"),
        ({"appId": ["1"]}, "appId.0"),
        ({"appId": [True]}, "appId.0"),
        ({"appId": [0]}, "appId.0"),
        ({"appId": [-1]}, "appId.0"),
        ({"appId": [1.0]}, "appId.0"),
        ({"appId": [2**63]}, "appId.0"),
        ({"appId": [2**63 - 1]}, "appId"),
        ({"appId": [1] * 1001}, "appId"),
    ],
)
def test_wrong_parameters(api: Any, member: Any, sent: dict[str, Any], field: str) -> None:
    answer = api(member).delete("/v1/app", sent)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])


@pytest.fixture
def deploy(acme: Any, member: Any) -> Any:
    """deploy(app, running=…, open=…, live=…): a deployment with an operation of that version; no edge knows of it."""
    from deployments.models import Change, Deployment, Operation

    def make(app: dict[str, Any], name: str = "shop", **fields: Any) -> Deployment:
        live, running = fields.pop("live", True), fields.pop("running", True)
        deployment = Deployment.objects.create(
            business=acme, name=name, app_name=app["appName"], live=live, running=running
        )
        operation = Operation.objects.create(
            deployment=deployment,
            kind=Change.NEW,
            app_version_id=app["id"],
            version=app["version"],
            submitted_by=member,
            **fields,
        )
        deployment.shown = operation
        deployment.current = operation if running else None
        deployment.save()
        return deployment

    return make


@pytest.mark.parametrize(("running", "opened"), [(True, False), (False, True)])
def test_one_that_a_live_deployment_runs_or_will_run(
    api: Any, member: Any, create: Any, deploy: Any, running: bool, opened: bool
) -> None:
    needed, idle = create(member, appName="needed"), create(member, appName="idle")
    deploy(needed, running=running, open=opened)
    answer = api(member).delete("/v1/app", {"appId": [idle["id"], needed["id"]]})
    assert (answer.status_code, answer.json()["code"]) == (409, 409)
    assert "shop" in answer.json()["message"]
    assert api(member).get("/v1/app").json()["total"] == 2


@pytest.mark.parametrize("fields", [{"live": False, "open": False}, {"running": False, "open": False}])
def test_one_that_no_live_deployment_runs_any_more(
    api: Any, member: Any, create: Any, deploy: Any, fields: dict[str, bool]
) -> None:
    app = create(member)
    deploy(app, **fields)
    assert api(member).delete("/v1/app", {"appId": [app["id"]]}).json()["code"] == 200
