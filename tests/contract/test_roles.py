"""Who may call what: every line of the contract's table and every other spelling, called by each kind of caller.

The table (tests/contract/roles.py) is the contract's, not accounts/policy.py: a role that is swapped there is red here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import pytest
from django.apps import apps as all_apps
from django.db import transaction
from django.urls import get_resolver

from accounts.policy import ALIASES, ANYONE, POLICY, Rule
from apps.models import AppVersion
from business.models import Business
from clusters.models import Installation
from deployments.models import Deployment, Operation
from registry.models import ExternalRepository
from tests.apps.bodies import small
from tests.contract.roles import TABLE, Id, Row
from tests.deployments import fleet

APPS = ("accounts", "business", "clusters", "registry", "apps", "deployments")

# role, registered as administrator, in which business
CALLERS: dict[str, tuple[int, bool, str | None]] = {
    "role 0": (0, True, None),
    "role 1": (1, True, None),
    "role 1 without isAdmin": (1, False, None),
    "role 2": (2, False, "acme"),
    "role 3": (3, True, "acme"),
    "role 4": (4, True, "system"),
    "foreign role 2": (2, False, "other"),
    "foreign role 3": (3, True, "other"),
}


class World:
    """acme's objects, and for what is called by name the like in the built-in business; a caller of each kind."""

    def __init__(self, api: Any, make_user: Callable[..., Any], acme: Any, other: Any) -> None:
        Installation.objects.get_or_create(pk=1)  # a flush after an earlier test may have taken it away
        self.api = api
        system = Business.objects.get(is_system=True)
        root = make_user(4, system, "root")  # so that nobody is the last one
        boss, victim = make_user(3, acme, "acme-boss"), make_user(2, acme, "acme-victim")
        fleet.join("east", "north", nodes=("gpu",))
        for user in (boss, root):
            for _ in range(3):
                self._do(user, "post", "/v1/app", small(appName="acme-web"))
            self._do(user, "post", "/v1/deploy", _deploy("acme-web", "1.0.1"))
            deployment = Deployment.objects.latest("pk")
            fleet.ready(deployment)
            self._do(user, "post", f"/v1/deploy/id/{deployment.pk}", {"version": "1.0.2"})
            fleet.ready(deployment)
        self._do(victim, "post", "/v1/deploy", _deploy("acme-waits", "1.0.1"))
        idle = AppVersion.objects.get(version="1.0.3", business=acme)
        for business in (acme, system):
            ExternalRepository.objects.create(
                business=business, repository_id="acme-repo", address="r.example.com", user="u", password="p"
            )
        application = Business.objects.create(name="acme-too", applicant=make_user(1, username="applicant"), status=0)
        self.ids = {
            "victim": victim.pk,
            "business": acme.pk,
            "application": application.pk,
            "cluster": "east",
            "idle": idle.pk,
            "name": "acme-web",
            "deployment": Deployment.objects.get(name="acme-web", business=acme).pk,
            "change": Operation.objects.get(open=True).pk,
            "repository": "acme-repo",
        }
        businesses = {"acme": acme, "other": other, "system": system, None: None}
        self.callers: dict[str, Any] = {"no token": None} | {
            name: make_user(role, businesses[business], name.replace(" ", "-"), is_admin=is_admin)
            for name, (role, is_admin, business) in CALLERS.items()
        }
        self.before = snapshot()

    def _do(self, user: Any, method: str, path: str, body: Any) -> None:
        assert self.api(user)(method, path, body).status_code == 200

    def call(self, row: Row, caller: str) -> Any:
        """Make the row's call and undo it; the answer says in `changed` whether it changed anything."""
        method, path = row.endpoint.split(" ")
        target = str(self.ids.get(row.at, ""))
        client = self.api(self.callers[caller])
        with transaction.atomic():
            path = path.replace("[id]", target).replace("[name]", target)
            response = client(method.lower(), path, self._body(row), **row.query)
            response.changed = snapshot() != self.before
            transaction.set_rollback(True)
        return response

    def shows_acme(self, answer: Any) -> bool:
        """Whether it names anything of acme's: all is called so, but for the cluster that its deployment is on."""
        text = answer.content.decode()
        return "acme" in text or '"clusterName":"east","state"' in text

    def _body(self, row: Row) -> dict[str, Any] | None:
        def filled(value: Any) -> Any:
            if isinstance(value, list):
                return [filled(item) for item in value]
            return self.ids[value.of] if isinstance(value, Id) else value

        return None if row.body is None else {name: filled(value) for name, value in row.body.items()}


def _deploy(name: str, version: str) -> dict[str, Any]:
    return {
        "deployName": name, "appName": "acme-web", "version": version, "cluster": "", "nodeLabel": "", "comment": "",
    }  # fmt: skip


@pytest.fixture
def world(api: Any, make_user: Callable[..., Any], acme: Any, other: Any) -> World:
    return World(api, make_user, acme, other)


def snapshot() -> list[Any]:
    """Return all that the database holds of ours."""
    models = [model for name in APPS for model in all_apps.get_app_config(name).get_models()]
    return [(model.__name__, list(model._default_manager.order_by("pk").values_list())) for model in models]


def expected(row: Row, caller: str) -> int:
    if row.open:
        return row.code
    if caller == "no token":
        return 401
    role, is_admin, business = CALLERS[caller]
    word = row.words[role]
    if word == "-" or (word == "flag" and not is_admin):
        return 403
    return row.foreign if word == "own" and business != "acme" else row.code


# Rows of one world: it is slower to make than to call.
CHAPTERS = {
    name: list(rows)
    for name, rows in groupby(sorted(TABLE.values(), key=lambda row: row.chapter), key=lambda row: row.chapter)
}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_caller_gets_what_the_contract_says(world: World, chapter: str) -> None:
    rows = CHAPTERS[chapter]
    answers = {(row.endpoint, caller): world.call(row, caller) for row in rows for caller in ["no token", *CALLERS]}
    wanted = {(endpoint, caller): expected(TABLE[endpoint], caller) for endpoint, caller in answers}
    assert {cell: answer.status_code for cell, answer in answers.items()} == wanted
    assert {cell: code_of(answer) for cell, answer in answers.items()} == wanted
    assert {cell for cell, answer in answers.items() if answer.changed} == {
        cell for cell in answers if wanted[cell] == 200 and TABLE[cell[0]].changes
    }
    unnamed = {cell for cell, answer in answers.items() if answer.headers.get("WWW-Authenticate") == "Bearer"}
    assert unnamed == {cell for cell in answers if wanted[cell] == 401}
    reading = [cell for cell in answers if "own" in TABLE[cell[0]].words and TABLE[cell[0]].method == "GET"]
    assert {cell for cell in reading if world.shows_acme(answers[cell])} == {
        cell for cell in reading if wanted[cell] == 200 and CALLERS[cell[1]][2] in {"acme", "system"}
    }


def code_of(answer: Any) -> int:
    """Return the envelope's code; a stream has no envelope."""
    return answer.status_code if answer.headers["Content-Type"] == "text/event-stream" else answer.json()["code"]


def test_the_policy_is_the_contract() -> None:
    written = POLICY | {spelling: POLICY[known] for spelling, known in ALIASES.items()}
    assert {name: rule(row) for name, row in TABLE.items()} == written


def rule(row: Row) -> Rule:
    roles = ANYONE if row.open else frozenset(role for role, word in enumerate(row.words) if word != "-")
    return Rule(roles, admin_flag="flag" in row.words)


def test_the_table_has_a_word_for_every_role() -> None:
    words = {"any", "yes", "own", "all", "flag", "-"}
    assert [name for name, row in TABLE.items() if len(row.words) != 5 or not set(row.words) <= words] == []


def test_every_route_has_its_line_in_the_table_and_every_line_its_route() -> None:
    assert {route for route in routes() if route.split(" ")[1].startswith("/v1")} == set(TABLE)


def routes() -> Iterator[str]:
    """Yield the API's routes as the contract writes them."""
    for included in get_resolver().url_patterns:
        for pattern in getattr(included, "url_patterns", [included]):
            actions = getattr(pattern.callback, "actions", None) or {}
            path = "/" + pattern.pattern.regex.pattern.removeprefix("^").removesuffix("/?$").replace("\\", "")
            for name in ("id", "name"):
                path = path.replace(f"(?P<{name}>[^/]+)", f"[{name}]")
            yield from (f"{method.upper()} {path}" for method in actions if method != "head")
