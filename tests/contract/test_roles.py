"""Who may call what: every line of accounts/policy.py and every other spelling, called by each kind of caller.

An allowed call gets past 401 and 403; what else it gets is tested where the endpoint is. A refused call gets the right
one of the two and changes nothing. An administrator of another business gets nothing of ours, whatever it may call.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.urls import get_resolver, resolve

from accounts.policy import ALIASES, POLICY, Rule

APPS = ("accounts", "business", "clusters", "registry", "apps", "deployments")
ENDPOINTS: dict[str, Rule] = POLICY | {alias: POLICY[known] for alias, known in ALIASES.items()}

# role, registered as administrator, in which business
CALLERS: dict[str, tuple[int, bool, str | None]] = {
    "role 0": (0, True, None),
    "role 1": (1, True, None),
    "role 1 without isAdmin": (1, False, None),
    "role 2": (2, False, "acme"),
    "role 3": (3, True, "acme"),
    "role 4": (4, True, "system"),
    "foreign role 3": (3, True, "other"),
}


@pytest.fixture
def world(acme: Any, other: Any, make_user: Callable[..., Any]) -> dict[str, str]:
    """One object of acme for each kind of id in a path, by the path's beginning."""
    from apps.models import AppVersion
    from business.models import Business
    from deployments.models import Deployment, Operation

    make_user(4, Business.objects.get(is_system=True), "another")  # so that nobody is the last one
    victim = make_user(2, acme, "victim")
    version = AppVersion.objects.create(
        business=acme, app_name="web", line="1.0", minor=1, version="1.0.1", deploy_type="deployment", image="nginx:1"
    )
    deployment = Deployment.objects.create(
        business=acme, name="web", app_name="web", selector="all", editable=True, running=True, status=5
    )
    deployment.shown = deployment.current = Operation.objects.create(
        deployment=deployment, kind=1, app_version=version, version="1.0.1", status=5, open=False, audit=1,
        submitted_by=victim,
    )  # fmt: skip
    deployment.save()
    return {
        "/v1/admin/user/": str(victim.pk),
        "/v1/business/id/": str(acme.pk),
        "/v1/app/id/": str(version.pk),
        "/v1/deploy/id/": str(deployment.pk),
        "/v1/deploy/": deployment.name,
        "/v1/cluster/label/": "none",
    }


@pytest.fixture
def call(api: Any, make_user: Callable[..., Any], world: dict[str, str], acme: Any, other: Any) -> Callable[..., Any]:
    """call("PUT /v1/…", "role 2") makes that call on acme's objects; caller None sends no token."""
    from business.models import Business

    businesses = {"acme": acme, "other": other, "system": Business.objects.get(is_system=True), None: None}

    def make(endpoint: str, caller: str | None) -> Any:
        method, path = endpoint.split(" ")
        start = next((start for start in world if path.startswith(start) and "[" in path), "")
        path = path.replace("[id]", world.get(start, "")).replace("[name]", world.get(start, ""))
        user = None
        if caller is not None:
            role, is_admin, business = CALLERS[caller]
            user = make_user(role, businesses[business], "caller", is_admin=is_admin)
        before = snapshot()
        response = api(user)(method.lower(), path, None if method == "GET" else {})
        response.changed = snapshot() != before
        return response

    return make


def snapshot() -> list[Any]:
    """Return all that the database holds of ours."""
    models = [model for name in APPS for model in apps.get_app_config(name).get_models()]
    return [(model.__name__, list(model._default_manager.order_by("pk").values_list())) for model in models]


def may(rule: Rule, caller: str) -> bool:
    role, is_admin, _ = CALLERS[caller]
    return not rule.roles or (role in rule.roles and (is_admin or not rule.admin_flag))


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_roles(call: Callable[..., Any], endpoint: str, caller: str) -> None:
    response = call(endpoint, caller)
    code = response.status_code
    assert response.json()["code"] == code
    if not may(ENDPOINTS[endpoint], caller):
        assert code == 403
        assert not response.changed
    else:
        assert code not in {401, 403, 405, 500}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_without_a_token(call: Callable[..., Any], endpoint: str) -> None:
    response = call(endpoint, None)
    assert response.json()["code"] == response.status_code
    if ENDPOINTS[endpoint].roles:
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
    else:
        assert response.status_code == 422
    assert not response.changed


OWNED = [name for name in ENDPOINTS if "[" in name and not name.endswith("/v1/cluster/label/[name]")]


@pytest.mark.parametrize("endpoint", OWNED)
def test_another_business_learns_and_changes_nothing(call: Callable[..., Any], endpoint: str) -> None:
    response = call(endpoint, "foreign role 3")
    # A body may be looked at before the object; without one there is nothing else to say.
    allowed = {404} if endpoint.startswith(("GET", "DELETE")) else {404, 422}
    assert response.status_code in (allowed if may(ENDPOINTS[endpoint], "foreign role 3") else {403})
    assert not response.changed


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_line_of_the_policy_has_its_route(endpoint: str) -> None:
    path = endpoint.split(" ")[1]
    resolve(path.replace("[id]", "1").replace("[name]", "x"))  # its methods: test_roles gets no 405


def test_every_route_has_its_line_in_the_policy() -> None:
    assert {route for route in routes() if route.split(" ")[1].startswith("/v1")} <= set(ENDPOINTS)


def routes() -> Iterator[str]:
    """Yield the API's routes as the policy writes them."""
    for included in get_resolver().url_patterns:
        for pattern in getattr(included, "url_patterns", [included]):
            actions = getattr(pattern.callback, "actions", None) or {}
            path = "/" + pattern.pattern.regex.pattern.removeprefix("^").removesuffix("/?$").replace("\\", "")
            for name in ("id", "name"):
                path = path.replace(f"(?P<{name}>[^/]+)", f"[{name}]")
            yield from (f"{method.upper()} {path}" for method in actions if method != "head")
