"""Another business's things: the answer is that of things that do not exist, byte for byte, and nothing changes.

Each case is a call with a place for an identifier. It is made twice by the same caller: with what belongs to acme, and
with what nobody has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from accounts.policy import POLICY
from deployments.models import Deployment, Operation
from tests.apps.bodies import small
from tests.contract.test_roles import snapshot
from tests.deployments import fleet
from tests.deployments.conftest import _installation  # noqa: F401

NOBODYS_ID = 987654321
NEW = {"deployName": "own9", "appName": "own", "version": "1.0.1", "cluster": "", "nodeLabel": "", "comment": ""}
PASSWORD = {"password": "An0therPassword"}


@dataclass(frozen=True)
class Case:
    """call: the endpoint; {} and the word at `place` of the body or query (a dotted path) take the identifier."""

    call: str
    kind: str
    place: str = ""
    body: dict[str, Any] | None = None
    query: dict[str, Any] = field(default_factory=dict)
    codes: frozenset[int] = frozenset({404})

    def __str__(self) -> str:
        return f"{self.call} {self.place} {json.dumps(self.body) if self.body else ''}"[:90]


def listed(call: str, kind: str, place: str, **query: Any) -> Case:
    """A list's filter: it finds nothing."""
    return Case(call, kind, place, query=query, codes=frozenset({200}))


UNKNOWN, NOT_ALLOWED = frozenset({422}), frozenset({403})
CASES = (
    Case("GET /v1/app/id/[id]", "app"),
    Case("DELETE /v1/app", "app", "appId.0", {"appId": [0]}, codes=UNKNOWN),
    Case("DELETE /v1/app", "app", "appId.1", {"appId": ["own", 0]}, codes=UNKNOWN),
    listed("GET /v1/app", "appName", "appName"),
    listed("GET /v1/app", "appName", "appName", appNameMode="strict"),
    listed("GET /v1/app", "version", "version"),
    Case("POST /v1/app", "repository", "repositoryId", small(repositoryId=""), codes=UNKNOWN),
    Case("POST /v1/deploy", "appName", "appName", NEW, codes=UNKNOWN),
    Case("POST /v1/deploy", "version", "version", NEW, codes=UNKNOWN),
    Case("POST /v1/deploy", "line", "version", NEW, codes=UNKNOWN),
    listed("GET /v1/deploy", "appName", "appName"),
    listed("GET /v1/deploy", "appName", "appName", running="true", editable="true"),
    Case("GET /v1/deploy/id/[id]", "deployment"),
    Case("GET /v1/deploy/id/[id]", "deployment", query={"field": "historyVersion"}),
    Case("GET /v1/deploy/id/[id]", "deployment", query={"field": "nonsense"}),
    Case("GET /v1/deploy/id/[id]/clusters", "deployment"),
    Case("GET /v1/deploy/id/[id]/clusters", "deployment", query={"page": "nonsense"}),
    Case("GET /v1/deploy/id/[id]/events", "deployment"),
    Case("POST /v1/deploy/id/[id]", "deployment", body={"version": "1.0.2", "comment": ""}),
    Case("POST /v1/deploy/id/[id]", "deployment", body={}),
    Case("POST /v1/deploy/id/[id]", "deployment", body={"version": "0.0.7"}),
    Case("PUT /v1/deploy/id/[id]", "deployment", body={"version": "1.0.1", "comment": ""}),
    Case("DELETE /v1/deploy/id/[id]", "deployment"),
    Case("DELETE /v1/deploy/[name]", "deployName"),
    Case("POST /v1/deploy/id/own", "version", "version", {"version": "", "comment": ""}, codes=UNKNOWN),
    Case("PUT /v1/deploy/id/own", "version", "version", {"version": "", "comment": ""}, codes=UNKNOWN),
    Case("GET /v1/business/id/[id]", "business"),
    Case("PUT /v1/business/id/[id]", "business", body={"status": 1, "comment": ""}, codes=NOT_ALLOWED),
    listed("GET /v1/business", "businessName", "name"),
    Case("GET /v1/repository/third/[name]", "repository"),
    Case("DELETE /v1/repository/third", "repository", "repositoryId.0", {"repositoryId": [""]}),
)
# What a general user may not call at all.
ADMINS_CASES = (
    Case("DELETE /v1/admin/user/[id]", "user"),
    Case("PUT /v1/admin/user/[id]/password", "user", body=PASSWORD),
    Case("PUT /v1/admin/user/[id]", "user", body={"status": 3}, codes=NOT_ALLOWED),
    listed("GET /v1/admin/deploy", "businessName", "businessName"),
    *(
        Case(f"{method} /v1/admin/deploy", "change", "id", {"id": 0, "status": status, "comment": ""})
        for method in ("PUT", "POST")
        for status in (1, 2)
    ),
)


def _parts(place: str) -> list[str | int]:
    return [int(part) if part.isdigit() else part for part in place.split(".")]


@pytest.fixture
def fill(api: Any, make_user: Any, acme: Any, other: Any) -> Callable[[], dict[str, Any]]:
    """fill(): give both businesses applications, deployments and repositories; return acme's identifiers."""

    def post(user: Any, path: str, body: dict[str, Any]) -> None:
        answer = api(user).post(path, body)
        assert answer.json()["message"] == "success", answer.json()

    def repository(name: str) -> dict[str, str]:
        return {"repositoryId": name, "address": "registry.local", "user": "u", "password": "p"}

    def make() -> dict[str, Any]:
        fleet.join("beijing")
        theirs, ours, clerk = make_user(3, acme), make_user(3, other), make_user(2, acme)
        for user, app, version in ((theirs, "theirs", "1.0"), (ours, "own", "1.0"), (theirs, "own", "7.7")):
            post(user, "/v1/app", small(appName=app, version=version))
        post(theirs, "/v1/repository/third", repository("theirs"))
        post(ours, "/v1/repository/third", repository("mine"))
        post(theirs, "/v1/deploy", NEW | {"deployName": "theirs1", "appName": "theirs"})
        post(ours, "/v1/deploy", NEW | {"deployName": "own1"})
        for row in Deployment.objects.all():
            fleet.ready(row)
        post(clerk, "/v1/deploy", NEW | {"deployName": "waiting", "appName": "theirs"})
        own = api(ours).get("/v1/app").json()["apps"][0]["id"]
        return {
            "app": api(theirs).get("/v1/app", appName="theirs").json()["apps"][0]["id"],
            "deployment": Deployment.objects.get(name="theirs1").pk,
            "change": Operation.objects.get(deployment__name="waiting").pk,
            "user": clerk.pk,
            "business": acme.pk,
            "own": own,
            "own deployment": Deployment.objects.get(name="own1").pk,
        }

    return make


THEIRS = {
    "appName": "theirs", "version": "7.7.1", "line": "7.7", "repository": "theirs", "deployName": "theirs1",
    "businessName": "acme",
}  # fmt: skip
NOBODYS = {
    "appName": "nobody", "version": "8.8.1", "line": "8.8", "repository": "nobody", "deployName": "nobody1",
    "businessName": "zzzz",
}  # fmt: skip


def _ask(api: Any, user: Any, case: Case, value: Any, ids: dict[str, Any]) -> tuple[int, bytes]:
    method, path = case.call.split(" ")
    path = path.replace("[id]", str(value)).replace("[name]", str(value)).replace("own", str(ids["own deployment"]))
    body = json.loads(json.dumps(case.body).replace('"own"', str(ids["own"]))) if "DELETE" in method else case.body
    body, query = json.loads(json.dumps(body)), dict(case.query)
    if case.place and case.body is None:
        query[case.place] = value
    elif case.place:
        *way, last = _parts(case.place)
        holder: Any = body
        for step in way:
            holder = holder[step]
        holder[last] = value
    answer = api(user)(method.lower(), path, body, **query)
    return answer.status_code, re.sub(rb"\b%s\b" % re.escape(str(value)).encode(), b"#", answer.content)


@pytest.mark.parametrize("role", [2, 3])
def test_what_is_anothers_is_as_if_it_were_not(api: Any, make_user: Any, other: Any, fill: Any, role: int) -> None:
    ids = fill()
    user = make_user(role, other)
    before = snapshot()
    for case in CASES + (ADMINS_CASES if role == 3 else ()):
        theirs = _ask(api, user, case, ids.get(case.kind, THEIRS.get(case.kind)), ids)
        nobodys = _ask(api, user, case, NOBODYS.get(case.kind, NOBODYS_ID), ids)
        assert theirs == nobodys, str(case)
        assert theirs[0] in case.codes, (str(case), theirs)
        if theirs[0] == 200:
            assert b'"total":0' in theirs[1], (str(case), theirs)
        assert snapshot() == before, str(case)


def test_a_general_user_may_not_even_ask(api: Any, make_user: Any, other: Any, fill: Any) -> None:
    ids = fill()
    user = make_user(2, other)
    before = snapshot()
    for case in ADMINS_CASES:
        assert _ask(api, user, case, ids.get(case.kind, THEIRS.get(case.kind)), ids)[0] == 403, str(case)
    assert snapshot() == before


def test_these_calls_work_for_whom_it_is(api: Any, make_user: Any, acme: Any, fill: Any) -> None:
    """Or the cases would prove nothing."""
    ids = fill()
    user = make_user(3, acme)
    for case in (*CASES, *ADMINS_CASES):
        if case.codes == NOT_ALLOWED or case.body in ({}, {"version": "0.0.7"}) or "nonsense" in case.query.values():
            continue
        if case.call.startswith("GET") or "admin/deploy" in case.call:
            code, content = _ask(api, user, case, ids.get(case.kind, THEIRS.get(case.kind)), ids)
            assert code in {200, 409} and b'"total":0' not in content, (str(case), content)


def test_lists_hold_nothing_of_others(api: Any, make_user: Any, other: Any, fill: Any) -> None:
    fill()
    user = make_user(3, other)
    for path in (
        "/v1/app", "/v1/deploy", "/v1/admin/deploy", "/v1/business", "/v1/admin/user", "/v1/repository/third",
    ):  # fmt: skip
        for query in ({}, {"business": "acme"}, {"businessId": "1"}, {"business_id": "1"}, {"userId": "1"}):
            answer = api(user).get(path, pageSize=0, **query)
            assert answer.json()["total"] > 0, path
            for word in ("theirs", "acme", "7.7.1", "waiting"):
                assert word not in answer.content.decode(), (path, query)


def test_every_path_with_an_identifier_is_here() -> None:
    paths = {name for name in POLICY if "[" in name}
    assert paths - {case.call for case in (*CASES, *ADMINS_CASES)} == {"GET /v1/cluster/label/[name]"}
