"""Which path is whose."""

import re
from collections.abc import Callable

from ..errors import ApiError, not_found
from ..harbor import Harbor
from ..permissions import Caller
from ..wire import Answer, Request
from . import artifacts, members, projects, repositories, robots, system, users
from .call import Call

Handler = Callable[[Call], Answer]

PREFIX = "/api/v2.0"
_REPOSITORY = "/projects/{project}/repositories/{repository}"
_ARTIFACT = _REPOSITORY + "/artifacts/{reference}"
_ROUTES: dict[str, dict[str, Handler]] = {
    "/ping": {"GET": system.ping},
    "/health": {"GET": system.health},
    "/systeminfo": {"GET": system.info},
    "/users": {"GET": users.listing, "POST": users.create},
    "/users/search": {"GET": users.search},
    "/users/current": {"GET": users.current},
    "/users/{#user}": {"GET": users.read, "PUT": users.update, "DELETE": users.delete},
    "/users/{#user}/password": {"PUT": users.password},
    "/users/{#user}/sysadmin": {"PUT": users.make_admin},
    "/projects": {"GET": projects.listing, "POST": projects.create, "HEAD": projects.exists},
    "/projects/{project}": {"GET": projects.read, "PUT": projects.update, "DELETE": projects.delete},
    "/projects/{project}/members": {"GET": members.listing, "POST": members.create},
    "/projects/{project}/members/{#member}": {
        "GET": members.read, "PUT": members.update, "DELETE": members.delete,
    },
    "/projects/{project}/repositories": {"GET": repositories.listing},
    "/repositories": {"GET": repositories.everywhere},
    _REPOSITORY: {"GET": repositories.read, "PUT": repositories.update, "DELETE": repositories.delete},
    _REPOSITORY + "/artifacts": {"GET": artifacts.listing},
    _ARTIFACT: {"GET": artifacts.read, "DELETE": artifacts.delete},
    _ARTIFACT + "/tags": {"GET": artifacts.tags, "POST": artifacts.create_tag},
    _ARTIFACT + "/tags/{tag}": {"DELETE": artifacts.delete_tag},
    "/robots": {"GET": robots.listing, "POST": robots.create},
    "/robots/{#robot}": {"GET": robots.read, "PATCH": robots.refresh, "DELETE": robots.delete},
}  # fmt: skip


def _compiled(route: str) -> re.Pattern[str]:
    """A variable is one segment; {#name} takes only digits."""
    pattern = re.sub(r"\{#(\w+)\}", r"(?P<\1>\\d{1,18})", route)
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^\\0]+)", pattern))


# Segments are joined by NUL, since a decoded one may hold anything else.
_COMPILED = [(_compiled(route.replace("/", "\0")), handlers) for route, handlers in _ROUTES.items()]


def handle(harbor: Harbor, caller: Caller, request: Request) -> Answer:
    """Answer a request to the API."""
    parts = request.parts[2:]
    if parts and not parts[-1]:
        parts = parts[:-1]
    # A slash that was encoded once has become two segments in the proxies before a real Harbor.
    if not any("/" in part or "\0" in part for part in parts):
        for pattern, handlers in _COMPILED:
            if matched := pattern.fullmatch("".join(f"\0{part}" for part in parts)):
                handler = handlers.get(request.method)
                if handler is None:
                    raise ApiError(405, "METHOD_NOT_ALLOWED", f"method {request.method} is not allowed")
                with harbor.database.transaction():
                    return handler(Call(harbor, caller, request, matched.groupdict()))
    raise not_found(f"path {request.path} was not found")
