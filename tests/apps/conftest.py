"""Fixtures of application tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.apps.bodies import small


@pytest.fixture
def create(api: Any) -> Callable[..., Any]:
    """create(user, appName="a", …): create an application over HTTP and return its row as the list shows it."""

    def make(user: Any, **changes: Any) -> dict[str, Any]:
        sent = small(**changes)
        answer = api(user).post("/v1/app", sent)
        assert answer.json() == {"code": 200, "message": "success"}
        query = {"appName": sent["appName"], "appNameMode": "strict", "version": sent["version"], "pageSize": 0}
        return api(user).get("/v1/app", **query).json()["apps"][-1]

    return make


@pytest.fixture
def refused(api: Any) -> Callable[..., dict[str, list[str]]]:
    """refused(user, body): the errors of a creation that is refused and changes nothing."""

    def send(user: Any, sent: Any) -> dict[str, list[str]]:
        answer = api(user).post("/v1/app", sent)
        assert (answer.status_code, answer.json()["code"]) == (422, 422), answer.json()
        assert api(user).get("/v1/app").json()["total"] == 0
        return answer.json()["errors"]

    return send
