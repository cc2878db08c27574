"""/projects/{p}/members."""

from typing import Any

from .. import queries
from ..database import Row
from ..errors import bad_request, conflict, not_found
from ..permissions import ROLES
from ..wire import Answer, json_answer
from .call import Call

_JOINED = "SELECT member.*, user.username FROM member JOIN user USING (user_id) WHERE project_id = ?"


def create(call: Call) -> Answer:
    """POST: by the number of a user, or by its name."""
    body = call.request.json()
    role, user = body.whole("role_id") or 0, body.object("member_user")
    number, name = user.whole("user_id") or 0, user.text("username")
    call.harbor.require(call.caller, call.project, "member", "create")
    if number <= 0 and not name:
        raise bad_request("at least one of member_user or member_group must be provided")
    project = _project(call)
    if number > 0:
        if not call.database.value("SELECT 1 FROM user WHERE user_id = ? AND NOT deleted", number):
            raise bad_request(f"User {number} not found")
    else:
        number = call.database.value("SELECT user_id FROM user WHERE username = ? AND NOT deleted", name) or 0
        if not number:
            raise not_found(f"{name} not found")
    if call.database.value("SELECT 1 FROM member WHERE project_id = ? AND user_id = ?", project, number):
        raise conflict("The project member already exists")
    _check_role(role)
    member = call.database.insert("member", project_id=project, user_id=number, role=role)
    return Answer(201, headers={"Location": f"/api/v2.0/projects/{call.project}/members/{member}"})


def listing(call: Call) -> Answer:
    """GET."""
    call.harbor.require(call.caller, call.project, "member", "list")
    project = _project(call)
    total = call.database.value("SELECT count(*) FROM member WHERE project_id = ?", project)
    number, size = call.request.whole("page", 1), call.request.whole("page_size", 10, most=100)
    rows = call.database.rows(
        f"{_JOINED} AND instr(user.username, ?) > 0 ORDER BY user.username LIMIT ? OFFSET ?",
        project, call.request.one("entityname"), size if size > 0 else -1, max(number - 1, 0) * max(size, 0),
    )  # fmt: skip
    return json_answer([_show(row) for row in rows], headers=queries.paging(call.request, total))


def read(call: Call) -> Answer:
    """GET …/{id}."""
    call.harbor.require(call.caller, call.project, "member", "read")
    return json_answer(_show(_member(call, _project(call))))


def update(call: Call) -> Answer:
    """PUT …/{id}: another role."""
    role = call.request.json().whole("role_id") or 0
    call.harbor.require(call.caller, call.project, "member", "update")
    member = _member(call, _project(call))
    _check_role(role)
    call.database.run("UPDATE member SET role = ? WHERE id = ?", role, member["id"])
    return Answer()


def delete(call: Call) -> Answer:
    """DELETE …/{id}."""
    call.harbor.require(call.caller, call.project, "member", "delete")
    call.database.run("DELETE FROM member WHERE id = ?", _member(call, _project(call))["id"])
    return Answer()


def _project(call: Call) -> int:
    row = call.harbor.project(call.project)
    if row is None:
        raise not_found(f"project {call.project} not found")
    return int(row["project_id"])


def _member(call: Call, project: int) -> Row:
    found = call.database.row(f"{_JOINED} AND member.id = ?", project, call.number("member"))
    if found is None:
        raise not_found("the project member is not found")
    return found


def _check_role(role: int) -> None:
    if role not in ROLES:
        raise bad_request("Failed to update project member, role is not in 1,2,3,4,5")


def _show(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "project_id": row["project_id"],
        "entity_name": row["username"],
        "role_name": ROLES[row["role"]],
        "role_id": row["role"],
        "entity_id": row["user_id"],
        "entity_type": "u",
    }
