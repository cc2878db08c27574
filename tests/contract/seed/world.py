"""What a scene works with, and what it leaves for the request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.contract.test_roles import snapshot
from tests.registry.tenants import held


@dataclass
class World:
    """The fixtures; find: another one by name.

    A scene sets `caller`, and in `ids` what the server has named: parameters of the path, records.
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
    find: Callable[[str], Any]
    caller: Any = None
    ids: dict[str, Any] = field(default_factory=dict)
    uses_harbor: bool = False

    @property
    def harbor(self) -> Any:
        """The registry stand-in, empty when a test first asks for it."""
        self.uses_harbor = True
        return self.find("harbor")

    def state(self) -> Any:
        """All that the product keeps, here and in the registry."""
        return snapshot(), held(self.harbor) if self.uses_harbor else None

    def ask(self, user: Any, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Make a call that belongs to the scene; it must succeed."""
        response = self.api(user)(method, path, body, **query)
        assert response.status_code == 200, response.json()
        return response.json()


def made(name: str) -> Callable[[World], Any]:
    """Return a change's value: what the scene has named so."""
    return lambda world: world.ids[name]
