"""What a handler of the registry gets."""

from dataclasses import dataclass

from ..database import Row
from ..harbor import Harbor
from ..permissions import Caller
from ..wire import Request


def may(harbor: Harbor, caller: Caller, name: str, action: str) -> bool:
    """Tell whether the caller may pull, push or delete in a repository."""
    if caller.kind == "v2token":
        return action in caller.access.get(name, ())
    return harbor.may(caller, harbor.project(name.split("/")[0]), "repository", action)


@dataclass(frozen=True)
class Call:
    """One request that is allowed; no transaction is open, since bodies may be long."""

    harbor: Harbor
    caller: Caller
    request: Request
    params: dict[str, str]

    @property
    def name(self) -> str:
        """The repository's full name."""
        return self.params["name"]

    @property
    def project(self) -> Row:
        """Its project, which exists."""
        found = self.harbor.project(self.name.split("/")[0])
        assert found is not None
        return found

    def has_blob(self, digest: str, name: str = "") -> bool:
        """Whether a repository holds a blob."""
        known = self.harbor.database.value(
            "SELECT 1 FROM blob WHERE repository = ? AND digest = ?", name or self.name, digest
        )
        return bool(known) and self.harbor.blobs.has(digest)

    def link_blob(self, digest: str) -> None:
        """Have the repository hold a blob."""
        self.harbor.database.run("INSERT OR IGNORE INTO blob VALUES (?, ?)", self.name, digest)
