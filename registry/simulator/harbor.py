"""What all handlers share: the data, the knobs, and the checks that come up everywhere."""

from pathlib import Path

from . import permissions
from .behaviour import Behaviour
from .blobs import Blobs
from .database import Database, Row, first_rows
from .errors import forbidden, not_found, unauthorized
from .permissions import Caller


class Harbor:
    """One registry in one directory."""

    def __init__(self, directory: Path, admin_password: str, behaviour: Behaviour) -> None:
        """admin_password: the administrator's from now on."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.behaviour = behaviour
        self.database = Database(directory / "registry.sqlite3")
        first_rows(self.database, admin_password)
        self.blobs = Blobs(directory)
        self.token_key = self.database.secret("token")
        self.session_key = self.database.secret("session")

    def project(self, name_or_id: str | int) -> Row | None:
        """A living project by its name or number."""
        column = "project_id" if isinstance(name_or_id, int) else "name"
        return self.database.row(f"SELECT * FROM project WHERE {column} = ? AND NOT deleted", name_or_id)

    def role(self, caller: Caller, project: Row) -> int:
        """The role of a local user in a project; 0 when it has none."""
        return self.database.value(
            "SELECT role FROM member WHERE project_id = ? AND user_id = ?", project["project_id"], caller.user_id
        ) or 0  # fmt: skip

    def may(self, caller: Caller, project: Row | None, resource: str, action: str) -> bool:
        """Tell whether the caller may do that in a project; an unknown project is like one without members."""
        role = self.role(caller, project) if project is not None else 0
        grants = permissions.granted(caller, project, role)
        return grants is None or (resource, action) in grants

    def require(self, caller: Caller, name_or_id: str | int, resource: str, action: str) -> Row | None:
        """Return the project, in which the caller may do that; an administrator learns that there is none.

        Raises a 401 for the anonymous and a 403 for others, also where the project does not exist.
        """
        project = self.project(name_or_id)
        if self.may(caller, project, resource, action):
            return project
        raise forbidden() if caller.authenticated else unauthorized()

    def require_project(self, caller: Caller, name_or_id: str | int, resource: str, action: str) -> Row:
        """Like require(), and a 404 where an administrator asks for what does not exist."""
        project = self.require(caller, name_or_id, resource, action)
        if project is None:
            raise not_found(f"project {name_or_id} not found")
        return project

    def require_system(self, caller: Caller, resource: str, action: str) -> None:
        """Raise unless the caller may do that to the system."""
        if not caller.authenticated:
            raise unauthorized()
        if not caller.may_system(resource, action):
            raise forbidden(caller.name)

    def close(self) -> None:
        """Close the files."""
        self.database.close()
