"""Fixtures of deployment tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clusters.models import Installation
from deployments.models import Deployment, Operation
from tests.apps.bodies import small
from tests.deployments import fleet


@pytest.fixture(autouse=True)
def _installation(db):
    """The installation's row, which the flush after an earlier test may have taken away."""
    Installation.objects.get_or_create(pk=1)


@pytest.fixture
def beijing(db):
    return fleet.join("beijing", "north", nodes=("gpu",))


@pytest.fixture
def harbin(beijing):
    return fleet.join("harbin", "north")


@pytest.fixture
def versions(api: Any, admin: Any) -> Callable[..., list[str]]:
    """versions(3, appName="web"): make that many versions 1.0.x of an application of acme; return them."""

    def make(count: int = 1, user: Any = None, **changes: Any) -> list[str]:
        for _ in range(count):
            answer = api(user or admin).post("/v1/app", small(**{"appName": "web", "version": "1.0"} | changes))
            assert answer.json()["code"] == 200, answer.json()
        return [f"{changes.get('version', '1.0')}.{number}" for number in range(1, count + 1)]

    return make


@pytest.fixture
def body() -> Callable[..., dict[str, Any]]:
    """body(cluster="north"): a body of POST /v1/deploy."""

    def make(**changes: Any) -> dict[str, Any]:
        sent = {"deployName": "web1", "appName": "web", "version": "1.0.1", "cluster": "", "nodeLabel": ""}
        return sent | {"comment": "first"} | changes

    return make


@pytest.fixture
def deploy(api: Any, body: Any) -> Callable[..., Deployment]:
    """deploy(user, cluster="north"): submit a new deployment and return its row."""

    def make(user: Any, **changes: Any) -> Deployment:
        sent = body(**changes)
        answer = api(user).post("/v1/deploy", sent)
        assert answer.json() == {"code": 200, "message": "success"}
        return Deployment.objects.filter(name=sent["deployName"]).latest("pk")

    return make


@pytest.fixture
def running(deploy: Any, admin: Any, versions: Any, beijing: Any, harbin: Any) -> Deployment:
    """web1 of acme in version 1.0.1, up on beijing and harbin; 1.0.2 and 1.0.3 wait to be used."""
    versions(3)
    made = deploy(admin)
    fleet.ready(made)
    return made


@pytest.fixture
def shown(api: Any) -> Callable[..., dict[str, Any]]:
    """shown(user, deployment): what GET /v1/deploy/id/[id] says."""

    def get(user: Any, deployment: Deployment, **query: Any) -> dict[str, Any]:
        answer = api(user).get(f"/v1/deploy/id/{deployment.pk}", **query)
        assert answer.status_code == 200, answer.json()
        return answer.json()["data"]

    return get


@pytest.fixture
def decide(api: Any) -> Callable[..., int]:
    """decide(user, deployment, 1, "fine"): audit its latest change; the code."""

    def put(user: Any, deployment: Deployment, status: int, comment: str = "") -> int:
        change = Operation.objects.filter(deployment=deployment).latest("pk")
        sent = {"id": change.pk, "status": status, "comment": comment}
        return api(user).put("/v1/admin/deploy", sent).json()["code"]

    return put
