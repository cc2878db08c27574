"""The calls of Harbor's API v2.0 that we need. Source of what they take and answer: its swagger.yaml.

Lists come in pages of at most 100; the longest walks fetch their pages side by side.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

import orjson
import requests
from django.conf import settings

from otestack.errors import Unavailable
from otestack.sentences import say
from registry.harbor import wire
from registry.harbor.shapes import Artifact, HarborUser, Page, Project, Repository, list_of
from registry.harbor.trouble import (
    BROKEN,
    NOT_CONFIGURED,
    NOT_OURS,
    NOT_REACHED,
    TOO_SLOW,
    Blocked,
    Missing,
    NotAllowed,
    NotLoggedIn,
    refusal,
)

log = logging.getLogger(__name__)
T = TypeVar("T")

PAGE = 100
# Harbor counts projects in four bytes, and asked about a larger number it fails.
_LARGEST_ID = 2**31 - 1
# Bytes of one answer. A page of 100 artifacts with long tag lists is far below it.
MOST_BYTES = 8 * 2**20
# Rows of one list that we walk. More than that is no answer that anybody reads.
MOST_ROWS = 20_000
# Pauses before a read is tried again, in seconds.
_PAUSES = (0.1, 0.4)


@dataclass(frozen=True)
class Login:
    """Who makes a call."""

    user: str
    password: str = field(repr=False)

    @property
    def basic(self) -> tuple[bytes, bytes]:
        """As requests wants it: it would encode text as Latin-1."""
        return self.user.encode(), self.password.encode()


def connect() -> Harbor:
    """Return the configured Harbor, with the time that one request of ours may spend on it.

    Raises Unavailable when none is configured. Makes no call.
    """
    if not settings.OTE_REGISTRY_URL:
        raise Unavailable(NOT_CONFIGURED)
    return Harbor(
        settings.OTE_REGISTRY_URL,
        Login(settings.OTE_REGISTRY_USER, settings.OTE_REGISTRY_PASSWORD),
        seconds=settings.OTE_REGISTRY_SECONDS,
        ca_file=settings.OTE_REGISTRY_CA_FILE,
    )


class Harbor:
    """One Harbor, for one request of ours: all calls together end within `seconds`.

    Calls are made by our own account unless a login is given. Methods raise a kind of Refused (trouble.py) for what
    Harbor refuses, and Unavailable where it does not answer, answers nonsense, or does not accept our own account.
    """

    def __init__(self, url: str, own: Login, *, seconds: float, ca_file: str = "") -> None:
        self.base = f"{url.rstrip('/')}/api/v2.0"
        self.own, self.verify = own, ca_file or True
        self.deadline = wire.Deadline(seconds)

    def side_by_side(self, calls: Iterable[Callable[[], T]]) -> list[T | Exception]:
        """Make calls at the same time; return results or what was raised, in order."""
        return wire.side_by_side(list(calls), self.deadline)

    def together(self, *calls: Callable[[], Any]) -> list[Any]:
        """Make calls at the same time; return their results, or raise the first one's error."""
        results = self.side_by_side(calls)
        for result in results:
            if isinstance(result, Exception):
                raise result
        return results

    # Users

    def create_user(self, name: str, password: str, email: str) -> int:
        """Create a user and return its id. Raises Taken for name or e-mail, Unacceptable for Harbor's rules."""
        body = {"username": name, "realname": name, "email": email, "password": password}
        place = self._call("POST", "/users", body=body).headers.get("Location", "")
        found = re.search(r"/users/(\d+)$", place)
        if found is None:
            raise Unavailable(BROKEN)
        return int(found[1])

    def user_by_email(self, email: str) -> HarborUser | None:
        """Return the user of that address."""
        rows = self._page("/users", HarborUser.read, q=f"email={quote(email, safe='')}", page_size=10).rows
        return next((user for user in rows if user.email == email), None)

    def set_password(self, user_id: int, password: str) -> None:
        """Give a user a password. Raises Unacceptable when it is weak or the one that the user has, Missing."""
        self._call("PUT", f"/users/{user_id}/password", body={"new_password": password})

    def delete_user(self, user_id: int) -> None:
        """Delete a user; one that is gone is no error."""
        try:
            self._call("DELETE", f"/users/{user_id}")
        except Missing:
            log.info("The registry's user %s was gone already", user_id)

    def accepts(self, login: Login) -> bool:
        """Tell whether Harbor lets this user in."""
        try:
            self._call("GET", "/users/current", login=login)
        except NotLoggedIn:
            return False
        return True

    def require_login(self) -> None:
        """Raise Unavailable unless our own account is let in.

        A wrong password is no error to Harbor: the call goes on as nobody, and lists then show only what is public.
        """
        try:
            self._call("GET", "/users/current")
        except Blocked:  # what robots are told
            return

    # Projects

    def create_project(self, name: str, *, public: bool, login: Login) -> None:
        """Create a project that belongs to the login's user. Raises Taken, Unacceptable."""
        body = {"project_name": name, "metadata": {"public": "true" if public else "false"}}
        self._call("POST", "/projects", body=body, login=login)

    def project(self, name: str) -> Project:
        """Return the project of that name. Raises Missing."""
        try:
            return self._one(f"/projects/{name}", Project.read, named=True, refusable=True)
        except NotAllowed:  # what robots are told for one that they may not see and for none at all
            self._call("HEAD", "/projects", query={"project_name": name})
            log.error("The registry does not let our account see the project %s", name)
            raise Unavailable(NOT_OURS) from None

    def projects(
        self, page: int, size: int, *, owner_id: int | None, part: str = "", public: bool | None = None
    ) -> Page[Project]:
        """Return a page of projects, by id. owner_id None: of everybody. part: of their names. size 0: all.

        Raises Unavailable when Harbor shows one of another owner: it knows no such filter, then.
        """
        filters: dict[str, Any] = {"sort": "project_id", "with_detail": "true"}
        if part:
            filters["name"] = part
        if public is not None:
            filters["public"] = "true" if public else "false"
        if owner_id is not None:
            filters["q"] = f"owner_id={owner_id}"
        found = self._slice("/projects", Project.read, page, size, **filters)
        if owner_id is not None and any(project.owner_id != owner_id for project in found.rows):
            log.error("The registry does not filter projects by owner_id")
            raise Unavailable(BROKEN)
        return found

    def projects_by_id(self, ids: Sequence[int]) -> dict[int, Project]:
        """Return those that there are."""
        ids = [number for number in ids if number <= _LARGEST_ID]
        parts = [ids[start : start + PAGE] for start in range(0, len(ids), PAGE)]
        calls = [
            partial(
                self._page,
                "/projects",
                Project.read,
                q=f"project_id={{{' '.join(map(str, part))}}}",
                page_size=PAGE,
                with_detail="true",
            )
            for part in parts
        ]
        found = {project.id: project for page in self.together(*calls) for project in page.rows}
        return {number: found[number] for number in ids if number in found}

    def delete_project(self, project_id: int, login: Login | None) -> None:
        """Delete a project. Raises Blocked while it holds images, Missing."""
        self._call("DELETE", f"/projects/{project_id}", login=login, refusable=True)

    # Images: repositories, artifacts, tags

    def repositories(
        self, project: str, page: int, size: int, *, part: str = "", newest: bool = True
    ) -> Page[Repository]:
        """Return a page of a project's repositories, by id. part: of 'project/repository'. size 0: all."""
        filters = {"sort": "-repository_id" if newest else "repository_id"}
        if part:
            filters["q"] = f"name=~{quote(part, safe='')}"
        return self._slice(f"/projects/{project}/repositories", Repository.read, page, size, named=True, **filters)

    def repository(self, project: str, repository: str) -> Repository:
        """Return a repository. Raises Missing."""
        return self._one(_repository(project, repository), Repository.read, named=True)

    def tagged_artifacts(self, project: str, repository: str) -> list[Artifact]:
        """Return all artifacts that have a tag; none, too, when there is no such repository."""
        path = f"{_repository(project, repository)}/artifacts"
        return self._slice(path, Artifact.read, 1, 0, named=True, q="tags=*", with_tag="true").rows

    def delete_repository(self, project: str, repository: str, login: Login | None) -> None:
        """Delete a repository with all it holds. Raises Blocked for an immutable tag, Missing."""
        self._call("DELETE", _repository(project, repository), login=login, named=True, refusable=True)

    def delete_tag(self, project: str, repository: str, tag: str, login: Login | None) -> None:
        """Take a tag off; the artifact stays. Raises Blocked for an immutable tag, Missing."""
        path = f"{_repository(project, repository)}/artifacts/{quote(tag, safe='')}/tags/{quote(tag, safe='')}"
        self._call("DELETE", path, login=login, named=True, refusable=True)

    # How calls are made

    def _slice(
        self,
        path: str,
        read: Callable[[Mapping[str, Any]], T],
        page: int,
        size: int,
        *,
        named: bool = False,
        **filters: Any,
    ) -> Page[T]:
        """Return our page of a list, from as many of Harbor's as it takes. size 0: all of it."""
        start, end = ((page - 1) * size, page * size) if size else (0 if page == 1 else MOST_ROWS, MOST_ROWS)
        if start >= MOST_ROWS:  # past the end, or as good as: only the total is of use
            return Page([], self._page(path, read, named=named, page=1, page_size=1, **filters).total)
        if 0 < size <= PAGE:
            return self._page(path, read, named=named, page=page, page_size=size, **filters)
        number = start // PAGE + 1
        first = self._page(path, read, named=named, page=number, page_size=PAGE, **filters)
        if first.total > MOST_ROWS and end >= MOST_ROWS:
            raise Unavailable(
                say(
                    "The image registry's list holds more than %(most_rows)s items; ask for pages of it.",
                    most_rows=MOST_ROWS,
                )
            )
        last = -(-min(end, first.total) // PAGE)
        more = [
            partial(self._page, path, read, named=named, page=further, page_size=PAGE, **filters)
            for further in range(number + 1, last + 1)
        ]
        rows = [row for part in [first, *self.together(*more)] for row in part.rows]
        offset = start - (number - 1) * PAGE
        return Page(rows[offset : offset + end - start], first.total)

    def _page(self, path: str, read: Callable[[Mapping[str, Any]], T], *, named: bool = False, **query: Any) -> Page[T]:
        answer = self._call("GET", path, query=query, named=named)
        try:
            items: list[Any] = list_of(answer.json())
            return Page([read(item) for item in items], int(answer.headers["X-Total-Count"]))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise _broken(path, error) from None

    def _one(
        self, path: str, read: Callable[[Mapping[str, Any]], T], *, named: bool = False, refusable: bool = False
    ) -> T:
        answer = self._call("GET", path, named=named, refusable=refusable)
        try:
            return read(answer.json())
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise _broken(path, error) from None

    def _call(
        self,
        method: str,
        path: str,
        *,
        login: Login | None = None,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        named: bool = False,
        refusable: bool = False,
    ) -> _Answer:
        """Make a call; reads are tried again. named: the project in the path is a name, also where it is digits.

        refusable: that our own account may not do this is no fault of the installation.
        """
        headers = {"Accept": "application/json"} | ({"X-Is-Resource-Name": "true"} if named else {})
        options: dict[str, Any] = {"headers": headers, "params": query, "json": body, "verify": self.verify}
        options["auth"] = (login or self.own).basic
        pauses = list(_PAUSES if method in {"GET", "HEAD"} else ())
        while True:
            try:
                return self._try(method, path, **options)
            except _Passing as error:
                if not pauses:
                    raise Unavailable(error.sentence) from None
                time.sleep(min(pauses.pop(0), self.deadline.left()))
            except (NotLoggedIn, NotAllowed) as error:
                if login is not None or (refusable and isinstance(error, NotAllowed)):
                    raise
                log.error("The registry does not accept our own account for %s %s (%s)", method, path, error.status)
                raise Unavailable(NOT_OURS) from None

    def _try(self, method: str, path: str, **options: Any) -> _Answer:
        try:
            response = wire.send(method, self.base + path, self.deadline, **options)
            content = wire.read(response, MOST_BYTES)
        except (requests.Timeout, TimeoutError):
            log.warning("The registry did not answer %s %s in time", method, path)
            raise Unavailable(TOO_SLOW) from None
        except (requests.RequestException, OSError) as error:
            if self.deadline.ends <= time.monotonic():  # how a body ends that was cut off by it
                raise Unavailable(TOO_SLOW) from None
            log.warning("The registry could not be asked %s %s: %s", method, path, type(error).__name__)
            raise _Passing(NOT_REACHED) from None
        if content is None:
            log.error("The registry answered %s %s with more than %s bytes", method, path, MOST_BYTES)
            raise Unavailable(BROKEN)
        answer = _Answer(response.status_code, response.headers, content)
        if 200 <= answer.status < 300:
            if method not in {"GET", "HEAD"} and content and answer.json_or_none() is None:
                log.error("The registry answered %s %s with a page; is something in between?", method, path)
                raise Unavailable(BROKEN)
            return answer
        reason = answer.reason()
        log.debug("The registry answered %s %s with %s %s", method, path, answer.status, reason)
        refused = refusal(answer.status, reason)
        raise _Passing(str(refused)) if answer.status in {502, 503, 504} else refused


class _Passing(Unavailable):
    """May be over in a moment."""


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return orjson.loads(self.content)

    def json_or_none(self) -> Any:
        try:
            return self.json()
        except ValueError:
            return None

    def reason(self) -> str:
        """Return Harbor's code of the refusal, "" if it names none."""
        try:
            code = str(self.json()["errors"][0]["code"])
        except (LookupError, TypeError, ValueError):
            return ""
        return code if re.fullmatch(r"[A-Z_]{1,64}", code) else ""


def _repository(project: str, repository: str) -> str:
    # Twice, since Harbor's router decodes once before it looks for slashes.
    return f"/projects/{project}/repositories/{quote(quote(repository, safe=''), safe='')}"


def _broken(path: str, error: Exception) -> Unavailable:
    log.error("The registry's answer about %s cannot be read: %s", path, type(error).__name__)
    return Unavailable(BROKEN)
