"""What a handler gets."""

from dataclasses import dataclass
from urllib.parse import unquote

from ..database import Database
from ..harbor import Harbor
from ..permissions import Caller
from ..wire import Request


@dataclass(frozen=True)
class Call:
    """One request, who sends it, and the path's variables."""

    harbor: Harbor
    caller: Caller
    request: Request
    params: dict[str, str]

    @property
    def database(self) -> Database:
        """The data; a handler runs in one transaction."""
        return self.harbor.database

    @property
    def project(self) -> str | int:
        """The project of the path: digits are a number, unless the caller says that it is a name."""
        text = self.params["project"]
        is_number = text.isascii() and text.isdigit() and not self.request.header_flag("X-Is-Resource-Name")
        return int(text) if is_number else text

    @property
    def project_name(self) -> str:
        """The project of a path that takes only names."""
        return self.params["project"]

    @property
    def repository_name(self) -> str:
        """The full name of the path's repository, whose slashes were encoded twice."""
        return f"{self.project_name}/{unquote(self.params['repository'])}"

    def number(self, name: str) -> int:
        """A number in the path. The routes let through only digits."""
        return int(self.params[name])
