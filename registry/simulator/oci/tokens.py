"""/service/token: what a client may do, signed, so that the registry need not ask again."""

import secrets
import time
from datetime import UTC, datetime
from typing import Any

import jwt

from ..auth import ISSUER, SERVICE
from ..errors import bad_request, unauthorized
from ..harbor import Harbor
from ..permissions import Caller
from ..wire import Answer, Request, json_answer

LIFETIME = 30 * 60
ACTIONS = ("pull", "push", "delete")


def token(harbor: Harbor, caller: Caller, request: Request) -> Answer:
    """GET /service/token: of each scope what the caller's role gives, whatever it asked for."""
    if request.one("service") != SERVICE:
        raise bad_request(f"Unable to handle service: {request.one('service')}")
    scopes = [scope for text in request.query.get("scope", []) for scope in text.split(" ") if scope]
    if not caller.authenticated and not scopes:
        raise unauthorized()
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": caller.name,
        "aud": SERVICE,
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "jti": secrets.token_hex(8),
        "access": [_access(harbor, caller, scope) for scope in scopes],
    }
    signed = jwt.encode(claims, harbor.token_key, algorithm="HS256")
    issued = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json_answer({"token": signed, "access_token": "", "expires_in": LIFETIME, "issued_at": issued})


def _access(harbor: Harbor, caller: Caller, scope: str) -> dict[str, Any]:
    kind, _, rest = scope.partition(":")
    name = rest.rpartition(":")[0] if ":" in rest else rest
    actions: list[str] = []
    if kind == "repository" and "/" in name:
        project = harbor.project(name.split("/")[0])
        if project is not None:
            actions = [one for one in ACTIONS if harbor.may(caller, project, "repository", one)]
    elif kind == "registry" and name == "catalog" and caller.is_admin:
        actions = ["*"]
    return {"type": kind, "name": name, "actions": actions}
