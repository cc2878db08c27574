"""/v2: which path is whose, and who may use it.

A repository's name may hold slashes, so paths are read from their end.
"""

import re

from ..auth import SERVICE
from ..content import TAG
from ..errors import ApiError, not_found
from ..harbor import Harbor
from ..permissions import Caller
from ..wire import Answer, Request, json_answer
from . import blobs, manifests, tags
from .call import Call, may

_NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)+"
_PATHS = [
    (re.compile(rf"/v2/(?P<name>{_NAME})/tags/list"), {"GET": tags.listing}),
    (
        re.compile(rf"/v2/(?P<name>{_NAME})/manifests/(?P<reference>[\w.:+-]+)", re.ASCII),
        {"GET": manifests.read, "HEAD": manifests.read, "PUT": manifests.put, "DELETE": manifests.delete},
    ),
    (re.compile(rf"/v2/(?P<name>{_NAME})/blobs/uploads/?"), {"POST": blobs.begin}),
    (
        re.compile(rf"/v2/(?P<name>{_NAME})/blobs/uploads/(?P<upload>[\w-]+)", re.ASCII),
        {"GET": blobs.status, "PATCH": blobs.append, "PUT": blobs.finish, "DELETE": blobs.cancel},
    ),
    (
        re.compile(rf"/v2/(?P<name>{_NAME})/blobs/(?P<digest>[\w.:+-]+)", re.ASCII),
        {"GET": blobs.read, "HEAD": blobs.read, "DELETE": blobs.delete},
    ),
]
_NEEDS = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}  # every other method pushes


def handle(harbor: Harbor, caller: Caller, request: Request) -> Answer:
    """Answer a request to the registry."""
    if request.path in ("/v2", "/v2/"):
        if not caller.authenticated:
            raise _challenge(request, "")
        return json_answer({}, headers={"Docker-Distribution-Api-Version": "registry/2.0"})
    if request.path == "/v2/_catalog":
        if not caller.may_system("catalog", "read"):
            raise _challenge(request, "registry:catalog:*", basic=True)
        return tags.catalog(harbor, request)
    for pattern, handlers in _PATHS:
        if matched := pattern.fullmatch(request.path):
            found = matched.groupdict()
            _check(harbor, caller, request, found["name"], _NEEDS.get(request.method, "push"))
            handler = handlers.get(request.method)
            if handler is None:
                raise ApiError(405, "UNSUPPORTED", "The operation is unsupported.")
            reference = found.get("reference", "")
            if reference and ":" not in reference and not TAG.fullmatch(reference):
                raise ApiError(404, "MANIFEST_UNKNOWN", "manifest unknown")
            answer = handler(Call(harbor, caller, request, found))
            answer.headers.setdefault("Docker-Distribution-Api-Version", "registry/2.0")
            return answer
    raise not_found(f"path {request.path} was not found")


def _check(harbor: Harbor, caller: Caller, request: Request, name: str, action: str) -> None:
    scope = f"repository:{name}:{ {'push': 'pull,push'}.get(action, action) }"
    # A read without credentials is refused even where it is public, so that the client fetches a token.
    anonymous_read = "Authorization" not in request.headers and request.method in ("GET", "HEAD")
    project = harbor.project(name.split("/")[0])
    if project is None and not anonymous_read:
        raise ApiError(401, "UNAUTHORIZED", f"project {name.split('/')[0]} not found", {"Www-Authenticate": ""})
    if anonymous_read or not may(harbor, caller, name, action):
        raise _challenge(request, scope)
    if project is not None and project["registry_id"] and action == "push":
        raise ApiError(405, "METHOD_NOT_ALLOWED", "the operation isn't supported for a proxy cache project")


def _challenge(request: Request, scope: str, *, basic: bool = False) -> ApiError:
    if basic or "Authorization" in request.headers:
        challenge = 'Basic realm="harbor"'
    else:
        realm = f"{'https' if request.secure else 'http'}://{request.headers.get('Host', '')}/service/token"
        challenge = f'Bearer realm="{realm}",service="{SERVICE}"' + (f',scope="{scope}"' if scope else "")
    return ApiError(401, "UNAUTHORIZED", "unauthorized to access repository", {"Www-Authenticate": challenge})
