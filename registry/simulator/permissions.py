"""Who may do what in a project: Harbor's table of roles, cut down to the resources that exist here.

A permission is (resource, action); the project itself is the resource "project".
"""

import json
from dataclasses import dataclass, field
from typing import Any

Permission = tuple[str, str]
Grants = frozenset[Permission]

ADMIN, DEVELOPER, GUEST, MAINTAINER, LIMITED_GUEST = 1, 2, 3, 4, 5
ROLES = {ADMIN: "projectAdmin", DEVELOPER: "developer", GUEST: "guest", MAINTAINER: "maintainer",
         LIMITED_GUEST: "limitedGuest"}  # fmt: skip
# From the weakest to the strongest, for the one that is shown where only one can be.
RANKS = (LIMITED_GUEST, GUEST, DEVELOPER, MAINTAINER, ADMIN)

EVERYWHERE = "*"
SYSTEM = "/"


def _grants(**actions: str) -> Grants:
    return frozenset((name.replace("_", "-"), action) for name, text in actions.items() for action in text.split())


_READ = {"repository": "list read pull", "tag": "list", "artifact": "list read"}
PUBLIC = _grants(project="read", **_READ)
BY_ROLE = {
    LIMITED_GUEST: _grants(project="read", **_READ),
    GUEST: _grants(project="read", member="list read", robot="list read", **_READ),
    DEVELOPER: _grants(
        project="read", member="list read", robot="list read", repository="list read pull push create update",
        tag="list create", artifact="list read create",
    ),
    MAINTAINER: _grants(
        project="read", member="list read", robot="list read", repository="list read pull push create update delete",
        tag="list create delete", artifact="list read create delete",
    ),
    ADMIN: _grants(
        project="read update delete", member="list read create update delete", robot="list read create update delete",
        repository="list read pull push create update delete", tag="list create delete",
        artifact="list read create delete",
    ),
}  # fmt: skip

# What a robot may be given, by kind. (Harbor knows more; what has no endpoint here is accepted all the same.)
ROBOT_SYSTEM = _grants(
    project="list create", user="create read update list delete", robot="create read list delete",
    audit_log="list", catalog="read", quota="read list update", label="read create delete update",
    registry="read create delete list update", scanner="read create delete list update",
)  # fmt: skip
ROBOT_PROJECT = _grants(
    project="read update delete", member="create read update list delete", robot="create read list delete",
    repository="read update delete list pull push", artifact="read create list delete", tag="create list delete",
    immutable_tag="create delete list update", log="list", metadata="read create delete list update", quota="read",
    label="read create delete list update", accessory="list", artifact_addition="read", artifact_label="create delete",
    scan="create read stop", scanner="create read",
)  # fmt: skip


@dataclass(frozen=True)
class Scope:
    """A part of a robot's permissions: the system ("/"), all projects ("*") or one project by its name."""

    where: str
    grants: Grants


@dataclass(frozen=True)
class Caller:
    """Who is calling. `kind`: anonymous, local, robot or v2token."""

    kind: str = "anonymous"
    name: str = ""
    user_id: int = 0  # of a local user
    robot_id: int = 0
    is_admin: bool = False
    is_system_robot: bool = False
    scopes: tuple[Scope, ...] = ()
    # What a registry token says, by repository.
    access: dict[str, frozenset[str]] = field(default_factory=dict, hash=False)

    @property
    def authenticated(self) -> bool:
        """Whether anybody is known."""
        return self.kind != "anonymous"

    def may_system(self, resource: str, action: str) -> bool:
        """Whether it may do that to the system."""
        return self.is_admin or any(
            scope.where == SYSTEM and (resource, action) in scope.grants for scope in self.scopes
        )

    @property
    def covers_all(self) -> bool:
        """Whether a robot's permissions hold in all projects."""
        return any(scope.where == EVERYWHERE for scope in self.scopes)


ANONYMOUS = Caller()


def scopes(permissions: str, level: str) -> tuple[Scope, ...]:
    """The scopes of a robot's permissions as they are stored; that of one project pulls what it pushes."""
    found = []
    for one in json.loads(permissions):
        grants = {(access["resource"], access["action"]) for access in one["access"]}
        if level == "project" and ("repository", "push") in grants:
            grants.add(("repository", "pull"))
        found.append(Scope(SYSTEM if one["kind"] == "system" else one["namespace"], frozenset(grants)))
    return tuple(found)


def granted(caller: Caller, project: Any, role: int) -> Grants | None:
    """What the caller may do in a project, by its role there (0: none). None: everything."""
    if caller.is_admin:
        return None
    found: set[Permission] = set()
    if project is not None:
        found |= BY_ROLE.get(role, frozenset())
        if project["public"]:
            found |= PUBLIC
        for scope in caller.scopes:
            if scope.where in (EVERYWHERE, project["name"]):
                found |= scope.grants
    return frozenset(found)
