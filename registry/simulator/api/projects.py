"""/projects."""

import json
import re
import sqlite3
from typing import Any

from .. import queries
from ..clock import NEVER, stamp
from ..database import Row
from ..errors import bad_request, conflict, forbidden, not_found, precondition, unauthorized, unprocessable
from ..permissions import RANKS
from ..queries import Condition, Contains, Exactly, Table, Wanted, is_true
from ..wire import Answer, json_answer
from .call import Call

NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")


def _public(wanted: Wanted) -> Condition:
    return "project.public = ?", (is_true(wanted.text if isinstance(wanted, Exactly) else ""),)


def _owner(wanted: Wanted) -> Condition:
    if not isinstance(wanted, Exactly):
        return "1", ()
    # The deleted keep their projects, under their changed names.
    return "project.owner_id IN (SELECT user_id FROM user WHERE username = ?)", (wanted.text,)


TABLE = Table(
    "project",
    frozenset({"name", "creation_time", "update_time"}),
    frozenset({"project_id", "owner_id", "registry_id"}),
    "project.name",
    {"public": _public, "Public": _public, "owner": _owner, "Owner": _owner},
)


def create(call: Call) -> Answer:
    """POST /projects: the caller becomes the owner and the first member."""
    harbor, caller, body = call.harbor, call.caller, call.request.json()
    name, public = body.text("project_name", longest=255), body.flag("public")
    metadata = body.object("metadata").texts()
    storage, registry = body.whole("storage_limit"), body.whole("registry_id")
    if not caller.authenticated:
        raise unauthorized()
    if caller.kind == "robot" and not caller.is_system_robot:
        raise forbidden("Only system level robot can create project")
    may_all = caller.may_system("project", "create")
    if harbor.behaviour.project_creation_restriction == "adminonly" and not may_all:
        raise forbidden("Only system admin can create project")
    if registry is not None and not may_all:
        raise forbidden("Only system admin can create proxy cache project")
    if not storage or not may_all:
        storage = harbor.behaviour.storage_per_project
    metadata["public"] = metadata.get("public") or str(bool(public)).lower()
    if metadata["public"] not in ("true", "false"):
        raise bad_request(f"metadata.public should only be 'true' or 'false', but got: '{metadata['public']}'")
    if registry is not None and registry <= 0:
        raise bad_request(f"{registry} is invalid value of registry_id, it should be geater than 0")
    if storage < -1:
        raise bad_request(f"storage_limit {storage} is invalid, it should be -1 or positive")
    if not 1 <= len(name.encode()) <= 255:
        raise bad_request(f"Project name {name} is illegal in length")
    if not NAME.fullmatch(name):
        raise bad_request("project name is not in lower case or contains illegal characters")
    number = _insert(call, name, _owner_id(call), metadata, storage, registry or 0)
    shown = name if call.request.header_flag("X-Resource-Name-In-Location") else number
    return Answer(201, headers={"Location": f"{call.request.path.rstrip('/')}/{shown}"})


def _owner_id(call: Call) -> int:
    if call.caller.kind == "local":
        return call.caller.user_id
    return int(call.database.value("SELECT min(user_id) FROM user WHERE sysadmin_flag AND NOT deleted"))


def _insert(call: Call, name: str, owner: int, metadata: dict[str, str], storage: int, registry: int) -> int:
    now = stamp()
    try:
        number = call.database.insert(
            "project", name=name, owner_id=owner, registry_id=registry, public=metadata["public"] == "true",
            metadata=json.dumps(metadata), storage_limit=storage, creation_time=now, update_time=now,
        )  # fmt: skip
    except sqlite3.IntegrityError:
        raise conflict(f"The project named {name} already exists") from None
    call.database.insert("member", project_id=number, user_id=owner, role=1)
    return number


def listing(call: Call) -> Answer:
    """GET /projects: what the caller is a member of, and all that is public unless that is filtered out."""
    request, caller = call.request, call.caller
    public, with_detail = request.flag("public", None), request.flag("with_detail", True)
    where: list[Condition] = [("NOT project.deleted", ())]
    if name := request.one("name"):
        where += queries.conditions(TABLE, {"name": Contains(name)})
    if owner := request.one("owner"):
        where.append(_owner(Exactly(owner)))
    if public is not None:
        where.append(("project.public = ?", (public,)))
    if not caller.authenticated:
        if public is False:
            return json_answer([], headers={"X-Total-Count": "0"})
        where.append(("project.public", ()))
    elif not caller.may_system("project", "list"):
        where += _visible(call)
    page = queries.page(call.database, TABLE, request, where)
    headers = page.headers if page.total else {"X-Total-Count": "0"}
    return json_answer([show(call, row, detail=bool(with_detail)) for row in page.rows], headers=headers)


def _visible(call: Call) -> list[Condition]:
    caller = call.caller
    values: tuple[int | str, ...]
    if caller.kind == "local":
        mine, values = "project.project_id IN (SELECT project_id FROM member WHERE user_id = ?)", (caller.user_id,)
    elif caller.covers_all:
        return []
    else:
        values = tuple(scope.where for scope in caller.scopes)
        mine = f"project.name IN ({', '.join('?' * len(values))})"
    return [(f"({mine} OR project.public)", values)]


def exists(call: Call) -> Answer:
    """HEAD /projects: whether the name is taken, for anybody who is logged in."""
    if "project_name" not in call.request.query:
        raise unprocessable("project_name in query is required")
    if not call.caller.authenticated:
        raise unauthorized()
    name = call.request.one("project_name")
    if not name:
        raise bad_request("project name required")
    if call.harbor.project(name) is None:
        raise not_found(f"project {name} not found")
    return Answer()


def read(call: Call) -> Answer:
    """GET /projects/{name or id}."""
    row = call.harbor.require_project(call.caller, call.project, "project", "read")
    return json_answer(show(call, row))


def update(call: Call) -> Answer:
    """PUT /projects/{name or id}: the metadata."""
    metadata = call.request.json().object("metadata").texts()
    row = call.harbor.require_project(call.caller, call.project, "project", "update")
    if metadata.get("public", "true") not in ("true", "false"):
        raise bad_request("metadata.public should only be 'true' or 'false'")
    merged = json.loads(row["metadata"]) | metadata
    call.database.run(
        "UPDATE project SET metadata = ?, public = ? WHERE project_id = ?",
        json.dumps(merged), merged["public"] == "true", row["project_id"],
    )  # fmt: skip
    return Answer()


def delete(call: Call) -> Answer:
    """DELETE /projects/{name or id}: an empty repository is one, too. The row stays under another name."""
    row = call.harbor.require_project(call.caller, call.project, "project", "delete")
    number = row["project_id"]
    if repositories(call, number):
        raise precondition("the project contains repositories, can not be deleted")
    call.database.run(
        "UPDATE project SET deleted = 1, name = substr(name, 1, ?) || ? WHERE project_id = ?",
        255 - len(f"#{number}"), f"#{number}", number,
    )  # fmt: skip
    call.database.run("DELETE FROM robot WHERE project_id = ?", number)
    return Answer()


def repositories(call: Call, project: int) -> int:
    """How many repositories a project has."""
    return int(call.database.value("SELECT count(*) FROM repository WHERE project_id = ?", project))


def show(call: Call, row: Row, *, detail: bool = True) -> dict[str, Any]:
    """A project as the API tells of it; without detail there are neither metadata nor an owner's name."""
    number = row["project_id"]
    roles = [
        one["role"]
        for one in call.database.rows(
            "SELECT role FROM member WHERE project_id = ? AND user_id = ?", number, call.caller.user_id
        )
    ]
    found: dict[str, Any] = {
        "project_id": number,
        "owner_id": row["owner_id"],
        "name": row["name"],
        "repo_count": repositories(call, number),
        "creation_time": row["creation_time"],
        "update_time": row["update_time"],
        "current_user_role_ids": roles or None,
        "cve_allowlist": {"creation_time": NEVER, "update_time": NEVER, "items": None},
    }
    if roles:
        found["current_user_role_id"] = max(roles, key=RANKS.index)
    if row["registry_id"]:
        found["registry_id"] = row["registry_id"]
    if detail:
        found["metadata"] = json.loads(row["metadata"])
        found["cve_allowlist"] |= {"id": number, "project_id": number, "items": []}
        owner = call.database.value("SELECT username FROM user WHERE user_id = ? AND NOT deleted", row["owner_id"])
        if owner:
            found["owner_name"] = owner
    return found
