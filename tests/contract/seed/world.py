"""What a scene works with, and what it leaves for the request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class World:
    """The fixtures. A scene sets `caller`, and in `ids` what the server has named: parameters of the path, records.

    acme is the business of most scenes, admin and member its users, system the system administrator.
    """

    api: Callable[..., Any]
    make_user: Callable[..., Any]
    make_business: Callable[..., Any]
    settings: Any
    acme: Any
    admin: Any
    member: Any
    system: Any
    caller: Any = None
    ids: dict[str, Any] = field(default_factory=dict)

    def ask(self, user: Any, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Make a call that belongs to the scene; it must succeed."""
        response = self.api(user)(method, path, body, **query)
        assert response.status_code == 200, response.json()
        return response.json()


def made(name: str) -> Callable[[World], Any]:
    """Return a change's value: what the scene has named so."""
    return lambda world: world.ids[name]
