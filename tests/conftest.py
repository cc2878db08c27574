"""Fixtures that every folder uses: businesses, users of each role, and an API client that speaks JSON."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from tests.contract.document import promised
from tests.run.product import once
from tests.trail.watching import check, watched

PASSWORD = "Passw0rdXy"
FOLDER = Path(__file__).parent
# Their tests start processes and mostly wait for them, so they begin first and the others run beside them.
WAITING = ("faults", "run", "browser")
# The simulator has no database.
ONCE = ("simulator",)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep what is imported and collected out of the garbage collector's sight.

    It stays to the end, and to look through all of it again and again is a good part of the time of a quick test.
    """
    import otestack.urls  # noqa: F401 - the screens come with the routes, and tests go through them

    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Divide the suite between processes by file; what shares the product of tests/faults stays together.

    What empties the tables afterwards comes last in each process: with them go the rows that migrations made.
    """
    for item in items:
        path = item.path.relative_to(FOLDER)
        if path.parts[0] in ONCE:
            item.add_marker(once)
        group = "faults" if path.parts[0] == "faults" else str(path)
        item.add_marker(pytest.mark.xdist_group(f"{group} {'emptying' if _empties(item) else ''}".strip()))
    items.sort(key=lambda item: (_empties(item), _turn(item.path.relative_to(FOLDER).parts[0])))


def _empties(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("django_db")
    return "transactional_db" in getattr(item, "fixturenames", ()) or bool(mark and mark.kwargs.get("transaction"))


def _turn(folder: str) -> int:
    return WAITING.index(folder) if folder in WAITING else len(WAITING)


class Api:
    """A client of the v1 API over Django's test client; `user` None sends no token, `language` None no Accept-Language.

    Whatever it gets must be what the OpenAPI document promises for that operation.
    """

    def __init__(self, user: Any = None, token: str | None = None, language: str | None = None) -> None:
        from accounts.tokens import issue

        self.client = Client(raise_request_exception=False)
        self.token = issue(user) if user is not None and token is None else token
        self.language = language

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        headers = {"Authorization": self.token} if self.token else {}
        if self.language is not None:
            headers["Accept-Language"] = self.language
        options: dict[str, Any] = {"headers": headers, "query_params": query or None}
        if body is not None:
            options |= {"data": body, "content_type": "application/json"}
        with watched() as written:
            answer = whole(getattr(self.client, method)(path, **options))
        if answer.status_code < 300:
            check(written, f"{method} {path}")
        promised(method, path, answer)
        return answer

    def get(self, path: str, **query: Any) -> Any:
        return self("get", path, **query)

    def post(self, path: str, body: Any = None) -> Any:
        return self("post", path, {} if body is None else body)

    def put(self, path: str, body: Any = None) -> Any:
        return self("put", path, {} if body is None else body)

    def delete(self, path: str, body: Any = None) -> Any:
        return self("delete", path, body)


def whole(answer: Any) -> Any:
    """Return an answer whose content can be read, also where it came as a stream."""
    if not answer.streaming:
        return answer
    made = HttpResponse(b"".join(answer), status=answer.status_code)
    for name, value in answer.headers.items():
        made[name] = value
    return made


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


@pytest.fixture
def api() -> type[Api]:
    """api(user).get("/v1/…"); api() sends no token."""
    return Api


@pytest.fixture
def make_business(db: None) -> Callable[..., Any]:
    """Make an approved business with its namespace; no bundle, no edge."""
    from business.models import Business, Status

    count = itertools.count(1)

    def make(name: str | None = None, **fields: Any) -> Business:
        number = next(count)
        defaults = {"introduce": "i", "objective": "o", "scale": "s", "status": Status.APPROVED}
        made = Business.objects.create(name=name or f"business{number}", **(defaults | fields))
        if made.status == Status.APPROVED and not made.namespace:
            made.namespace = f"ns{made.pk}"
            made.save()
        return made

    return make


@pytest.fixture
def make_user(db: None) -> Callable[..., Any]:
    """make_user(role=2, business=acme, username="u1"): a user of that role; the password is PASSWORD."""
    from accounts.models import Status, User

    count = itertools.count(1)

    def make(role: int = 2, business: Any = None, username: str | None = None, **fields: Any) -> User:
        assert role < 2 or role == 4 or business is not None, "roles 2 and 3 need a business"
        defaults = {
            "username": username or f"user{next(count)}",
            "phone": "12345678910",
            "real_name": "Somebody",
            "is_admin": role in {1, 3, 4},
            "is_superuser": role == 4,
            "status": Status.PENDING if role == 0 else Status.APPROVED,
            "business": business,
        }
        user = User(**(defaults | fields))
        user.set_password(PASSWORD)
        user.save()
        return user

    return make


@pytest.fixture
def acme(make_business: Callable[..., Any]) -> Any:
    """The business of most tests."""
    return make_business("acme")


@pytest.fixture
def other(make_business: Callable[..., Any]) -> Any:
    """Another business."""
    return make_business("other")


@pytest.fixture
def member(make_user: Callable[..., Any], acme: Any) -> Any:
    """General user of acme (role 2)."""
    return make_user(2, acme, "member")


@pytest.fixture
def admin(make_user: Callable[..., Any], acme: Any) -> Any:
    """Administrator of acme (role 3)."""
    return make_user(3, acme, "admin")


@pytest.fixture
def system(make_user: Callable[..., Any]) -> Any:
    """System administrator (role 4) of the built-in business."""
    from business.models import Business

    return make_user(4, Business.objects.filter(is_system=True).first(), "root")
