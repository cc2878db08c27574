"""/robots: accounts of programs, with permissions of their own."""

import json
import secrets
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from .. import queries
from ..clock import stamp
from ..database import Row
from ..errors import bad_request, conflict, denied, forbidden, not_found, unauthorized
from ..passwords import scramble
from ..permissions import ROBOT_PROJECT, ROBOT_SYSTEM, SYSTEM, Caller, scopes
from ..queries import Condition, Exactly, Table
from ..wire import Answer, Fields, json_answer
from .call import Call
from .users import check_secret

TABLE = Table(
    "robot",
    frozenset({"name", "description", "creation_time", "update_time"}),
    frozenset({"id", "project_id", "duration", "expires_at", "disabled"}),
    "robot.name",
)


def create(call: Call) -> Answer:
    """POST: the secret is told once."""
    body = call.request.json()
    name, level, duration = body.text("name"), body.text("level"), body.whole("duration") or 0
    permissions = _permissions(body, level)
    if not name or not all((part.isalnum() and part.islower()) or part in "._-" or part.isdigit() for part in name):
        raise bad_request("robot name is not in lower case or contains illegal characters")
    if duration != -1 and duration <= 0:
        raise bad_request("duration must be either -1(Never) or a positive integer")
    namespace = permissions[0]["namespace"]
    _require(call, level, namespace, "create")
    if call.caller.kind == "robot" and not _within(call.caller, permissions):
        raise denied("permission scope is invalid. It must be equal to or more restrictive than the creator's")
    project = 0
    if level == "project":
        row = call.harbor.project(namespace)
        if row is None:
            raise not_found(f"project {namespace} not found")
        project, name = row["project_id"], f"{row['name']}+{name}"
    secret = f"{secrets.token_hex(12)}Aa1"
    scrambled, salt = scramble(secret)
    now = datetime.now(UTC)
    expires = -1 if duration == -1 else int((now + timedelta(days=duration)).timestamp())
    try:
        number = call.database.insert(
            "robot", name=name, project_id=project, level=level, description=body.text("description"),
            secret=scrambled, salt=salt, duration=duration, expires_at=expires, disabled=bool(body.flag("disable")),
            permissions=json.dumps(permissions), creator_type=call.caller.kind,
            creator_ref=call.caller.user_id or call.caller.robot_id, creation_time=stamp(now), update_time=stamp(now),
        )  # fmt: skip
    except sqlite3.IntegrityError:
        raise conflict(f"robot account {name} already exists") from None
    full = call.harbor.behaviour.robot_prefix + name
    found = {"id": number, "name": full, "secret": secret, "creation_time": stamp(now), "expires_at": expires}
    return json_answer(found, 201, {"Location": f"{call.request.path.rstrip('/')}/{number}"})


def listing(call: Call) -> Answer:
    """GET: of the system, unless the q says Level=project and ProjectID."""
    if not call.caller.authenticated:
        raise unauthorized()
    wanted = queries.parse(call.request.one("q"))
    project, level = 0, wanted.get("Level", Exactly("system"))
    if level == Exactly("project"):
        number = wanted.get("ProjectID")
        if not (isinstance(number, Exactly) and number.text.isdigit() and int(number.text)):
            raise bad_request("must with project ID when to query project robots")
        project = int(number.text)
        call.harbor.require(call.caller, project, "robot", "list")
    elif level == Exactly("system"):
        call.harbor.require_system(call.caller, "robot", "list")
    else:
        raise bad_request("bad request error level input")
    where: list[Condition] = [("robot.project_id = ?", (project,))]
    page = queries.page(call.database, TABLE, call.request, where)
    return json_answer([_show(call, row) for row in page.rows], headers=page.headers)


def read(call: Call) -> Answer:
    """GET …/{id}."""
    return json_answer(_show(call, _found(call, "read")))


def refresh(call: Call) -> Answer:
    """PATCH …/{id}: another secret, given or made."""
    given = call.request.json().text("secret")
    row = _found(call, "update")
    if given:
        check_secret(given)
    secret = given or f"{secrets.token_hex(12)}Aa1"
    scrambled, salt = scramble(secret)
    call.database.run(
        "UPDATE robot SET secret = ?, salt = ?, update_time = ? WHERE id = ?", scrambled, salt, stamp(), row["id"]
    )
    return json_answer({} if given else {"secret": secret})


def delete(call: Call) -> Answer:
    """DELETE …/{id}."""
    call.database.run("DELETE FROM robot WHERE id = ?", _found(call, "delete")["id"])
    return Answer()


def _permissions(body: Fields, level: str) -> list[dict[str, Any]]:
    if level not in ("system", "project"):
        raise bad_request(f"bad request error level input: {level}")
    found = []
    for one in body.items("permissions"):
        kind, namespace = one.text("kind"), one.text("namespace")
        known = {"system": ROBOT_SYSTEM, "project": ROBOT_PROJECT}.get(kind)
        access = [(item.text("resource"), item.text("action")) for item in one.items("access")]
        if known is None:
            raise bad_request(f"bad request permission level: {kind}")
        if not access:
            raise bad_request("bad request empty access")
        for resource, action in access:
            if (resource, action) not in known:
                raise bad_request(f"bad request permission: {resource}:{action}")
        namespace = SYSTEM if kind == "system" else namespace
        pairs = [{"resource": resource, "action": action} for resource, action in access]
        found.append({"kind": kind, "namespace": namespace, "access": pairs})
    if not found:
        raise bad_request("bad request empty permission")
    if level == "project" and len(found) > 1:
        raise bad_request("bad request permission")
    return found


def _within(creator: Caller, permissions: list[dict[str, Any]]) -> bool:
    def covered(where: str, grant: tuple[str, str]) -> bool:
        return any(grant in scope.grants for scope in creator.scopes if scope.where in (where, "*"))

    wanted = scopes(json.dumps(permissions), "system")
    return all(covered(scope.where, grant) for scope in wanted for grant in scope.grants)


def _require(call: Call, level: str, project: str | int, action: str) -> None:
    if level == "system":
        call.harbor.require_system(call.caller, "robot", action)
    elif level == "project":
        call.harbor.require(call.caller, project, "robot", action)
    else:
        raise forbidden()


def _found(call: Call, action: str) -> Row:
    if not call.caller.authenticated:
        raise unauthorized()
    row = call.database.row("SELECT * FROM robot WHERE id = ?", call.number("robot"))
    if row is None:
        raise not_found(f"robot account {call.params['robot']} not found")
    _require(call, row["level"], row["project_id"], action)
    return row


def _show(call: Call, row: Row) -> dict[str, Any]:
    expired = row["expires_at"] != -1 and row["expires_at"] <= time.time()
    found = {
        "id": row["id"],
        "name": call.harbor.behaviour.robot_prefix + row["name"],
        "level": row["level"],
        "duration": row["duration"],
        "editable": True,
        "disable": bool(row["disabled"]) or expired,
        "expires_at": row["expires_at"],
        "permissions": json.loads(row["permissions"]),
        "creator_type": row["creator_type"],
        "creator_ref": row["creator_ref"],
        "creation_time": row["creation_time"],
        "update_time": row["update_time"],
    }
    return found | ({"description": row["description"]} if row["description"] else {})
