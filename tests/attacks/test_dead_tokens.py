"""A token that is no good opens no endpoint, under no spelling, and changes nothing; neither does a session."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.policy import ALIASES, POLICY
from business import services as businesses
from tests.conftest import PASSWORD, Api
from tests.contract.seed.rows import ROWS
from tests.contract.seed.table import Row
from tests.contract.seed.world import World

PASSWORD_2 = "An0therPassword"


def logged_out(caller: Api, chief: Api, user: Any) -> Any:
    return caller.delete("/v1/authorization")


def refused(caller: Api, chief: Api, user: Any) -> Any:
    return chief.put(f"/v1/admin/user/{user.pk}", {"status": 2})


def forbidden(caller: Api, chief: Api, user: Any) -> Any:
    return chief.put(f"/v1/admin/user/{user.pk}", {"status": 3})


def forbidden_and_pardoned(caller: Api, chief: Api, user: Any) -> Any:
    forbidden(caller, chief, user)
    return chief.put(f"/v1/admin/user/{user.pk}", {"status": 1})


def changed_password(caller: Api, chief: Api, user: Any) -> Any:
    return caller.put("/v1/user", {"oldPassword": user.known_password, "password": PASSWORD_2})


def reset_password(caller: Api, chief: Api, user: Any) -> Any:
    return chief.put(f"/v1/admin/user/{user.pk}/password", {"password": PASSWORD_2})


def deleted(caller: Api, chief: Api, user: Any) -> Any:
    return chief.delete(f"/v1/admin/user/{user.pk}")


WAYS: tuple[Callable[[Api, Api, Any], Any], ...] = (
    logged_out, refused, forbidden, forbidden_and_pardoned, changed_password, reset_password, deleted,
)  # fmt: skip


def rule_of(spelling: str) -> Any:
    """Return the policy of a spelling such as 'PUT /v1/admin/user/{userId}'."""
    wanted = spelling.replace("{", "[").split("[")[0]
    named = [name for name in POLICY if name.split("[")[0] == wanted and name.count("/") == spelling.count("/")]
    return POLICY[ALIASES.get(spelling) or (spelling if spelling in POLICY else named[0])]


SPELLINGS = [
    pytest.param(row, spelling, id=f"{row}: {spelling}")
    for row in ROWS
    for spelling in row.spellings()
    if rule_of(spelling).roles
]


def twin(user: Any, name: str) -> Any:
    """Return another user who may do the same."""
    made = copy(user)
    made.pk, made.username = None, name
    made._state.adding = True
    made.save()
    return made


@pytest.mark.parametrize(("row", "spelling"), SPELLINGS)
def test_only_a_living_token_opens_it(row: Row, spelling: str, world: World, make_user: Any, forged: Any) -> None:
    row.scene(world)
    user, now = world.caller, timezone.now()
    user.known_password = row.sent(world).get("oldPassword", PASSWORD)
    user.set_password(user.known_password)
    user.save()
    chief = Api(make_user(4, world.system.business, "chief"))
    session = Api()
    session.client.force_login(world.system)
    callers: dict[str, Api] = {
        "no token": Api(),
        "a session": session,
        "alg none": Api(token=forged(user, key=None, algorithm="none")),
        "another key": Api(token=forged(user, key="k" * 64)),
        "another type": Api(token=forged(user, typ="refresh")),
        "expired": Api(token=forged(user, iat=now - timedelta(hours=2), exp=now - timedelta(hours=1))),
        "from the future": Api(token=forged(user, iat=now + timedelta(hours=1), exp=now + timedelta(hours=2))),
    }
    for end in WAYS:
        person = twin(user, end.__name__)
        callers[end.__name__] = Api(person)
        assert end(callers[end.__name__], chief, person).status_code == 200
    sent, before = row.sent(world), world.state()
    for name, caller in callers.items():
        world.api = lambda _, caller=caller: caller
        response = row.send(world, sent, spelling)
        assert (name, response.status_code, response.json()["code"]) == (name, 401, 401)
        assert response.headers["WWW-Authenticate"] == "Bearer"
    assert world.state() == before
    living = Api(user)
    world.api = lambda _: living
    assert row.send(world, sent, spelling).status_code == row.status  # so it was the token


@pytest.mark.parametrize("role", [2, 3])
def test_tokens_end_with_the_business(role: int, api: Any, make_user: Any, make_business: Any) -> None:
    business = make_business()
    caller = api(make_user(role, business))
    assert caller.get("/v1/app").status_code == 200
    businesses.delete(business)
    assert caller.get("/v1/authorization").status_code == 401
