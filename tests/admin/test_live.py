"""The back-office's stream: by its session, only of what one may see; pages that know where it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from accounts.access import by_session, by_token, lost
from accounts.policy import ADMINS
from deployments.models import Status
from tests.admin.conftest import Office
from tests.deployments import fleet


def events(answer: Any) -> list[dict[str, Any]]:
    assert answer.headers["Content-Type"] == "text/event-stream"
    return [json.loads(data) for data in re.findall(r"^data: (.*)$", b"".join(answer).decode(), re.MULTILINE)]


@pytest.fixture
def made(deploy: Any, admin: Any, versions: Any, beijing: Any) -> Any:
    versions()
    return deploy(admin)


def test_it_tells_of_each_deployment_that_is_asked_for(office: Office, made: Any, deploy: Any, admin: Any) -> None:
    second = deploy(admin, deployName="web2")
    fleet.ready(second)
    said = events(office.client.get(f"/admin/events/?id={made.pk}&id={second.pk}"))
    assert [(one["deployId"], one["status"]) for one in said] == [(made.pk, Status.PROCESSING), (second.pk, 5)]


@pytest.mark.parametrize("query", ["", "?id=", "?id=x", "?id=987654321", "?id=-1", "?id=" + "9" * 30, "?id=1" * 30])
def test_what_is_not_there_is_no_stream(office: Office, query: str) -> None:
    assert office.client.get(f"/admin/events/{query}").status_code == 404


def test_only_the_own_business_is_told_of(made: Any, make_user: Any, other: Any, acme: Any) -> None:
    for business, code in ((other, 404), (acme, 200)):
        make_user(3, business, f"boss-{business}")
        tenant = Office()
        assert tenant.login(f"boss-{business}")
        assert tenant.client.get(f"/admin/events/?id={made.pk}").status_code == code
    assert Office().client.get(f"/admin/events/?id={made.pk}").status_code == 302  # to the door
    member = Office()
    make_user(2, acme, "clerk")
    assert not member.login("clerk")


def test_pages_say_where_the_stream_is_and_run_no_script_of_their_own(office: Office, made: Any) -> None:
    for path in (f"/admin/deployments/deployment/{made.pk}/change/", "/admin/"):
        page = office.get(path)
        assert 'data-events="/admin/events/"' in page and f'data-deployment="{made.pk}"' in page
        assert re.search(r'<script src="[^"]*otestack/progress.js" defer></script>', page)


LOSSES: dict[str, Callable[[Any, Office], Any]] = {
    "logged out": lambda user, office: office.client.session.delete(),
    "forbidden": lambda user, office: user.__class__.objects.get_queryset().filter(pk=user.pk).update(status=3),
    "another password": lambda user, office: user.__class__.objects.get_queryset().update(password="x"),
    "tokens ended": lambda user, office: user.__class__.objects.get_queryset().update(token_epoch=5),
    "no administrator any more": lambda user, office: user.__class__.objects.get_queryset().update(is_admin=False),
    "in no business": lambda user, office: user.__class__.objects.get_queryset().update(business=None),
}


@pytest.mark.parametrize("how", LOSSES)
def test_a_session_is_asked_again_whether_it_is_still_good(admin: Any, how: str) -> None:
    office = Office()
    assert office.login("admin")
    access = by_session(admin, office.client.session.session_key, ADMINS)
    assert lost([access]) == {}
    LOSSES[how](admin, office)
    assert list(lost([access])) == [access]


def test_a_token_is_asked_again_whether_it_is_still_good(admin: Any) -> None:
    token = {"jti": "a", "exp": 1, "epoch": admin.token_epoch}
    assert list(lost([by_token(admin, token, ADMINS)]).values()) == ["The token has expired."]
    assert lost([by_token(admin, token | {"exp": 2**40}, ADMINS)]) == {}
