"""Repositories: …/repositories of a project, and /repositories over all."""

from typing import Any

from .. import content, queries
from ..database import Row
from ..errors import not_found
from ..queries import Condition, Table
from ..wire import Answer, json_answer
from .call import Call

TABLE = Table(
    "repository",
    frozenset({"name", "description", "creation_time", "update_time"}),
    frozenset({"repository_id", "project_id", "pull_count"}),
    "repository.creation_time DESC, repository.repository_id DESC",
)


def listing(call: Call) -> Answer:
    """GET /projects/{name}/repositories: a filter on the name sees the project's part, too."""
    project = call.harbor.require_project(call.caller, call.project_name, "repository", "list")
    return _page(call, [("repository.project_id = ?", (project["project_id"],))])


def everywhere(call: Call) -> Answer:
    """GET /repositories: of all projects that the caller sees."""
    caller = call.caller
    where: list[Condition] = []
    if not (caller.is_admin or caller.covers_all):
        visible, values = "public", tuple(scope.where for scope in caller.scopes)
        if caller.kind == "local":
            visible = "public OR project_id IN (SELECT project_id FROM member WHERE user_id = ?)"
            values = (str(caller.user_id),)
        elif values:
            visible = f"public OR name IN ({', '.join('?' * len(values))})"
        where.append((f"project_id IN (SELECT project_id FROM project WHERE NOT deleted AND ({visible}))", values))
    return _page(call, where)


def _page(call: Call, where: list[Condition]) -> Answer:
    page = queries.page(call.database, TABLE, call.request, where)
    return json_answer([_show(call, row) for row in page.rows], headers=page.headers)


def read(call: Call) -> Answer:
    """GET …/{repository}."""
    call.harbor.require(call.caller, call.project_name, "repository", "read")
    return json_answer(_show(call, _found(call)))


def update(call: Call) -> Answer:
    """PUT …/{repository}: the description."""
    text = call.request.json().text("description")
    call.harbor.require(call.caller, call.project_name, "repository", "update")
    number = _found(call)["repository_id"]
    call.database.run("UPDATE repository SET description = ? WHERE repository_id = ?", text, number)
    return Answer()


def delete(call: Call) -> Answer:
    """DELETE …/{repository}: all of it, or, where a tag is immutable, nothing."""
    call.harbor.require(call.caller, call.project_name, "repository", "delete")
    content.delete_repository(call.harbor, _found(call))
    return Answer()


def _found(call: Call) -> Row:
    found = content.repository(call.harbor, call.repository_name)
    if found is None:
        raise not_found(f"repository {call.repository_name} not found")
    return found


def _show(call: Call, row: Row) -> dict[str, Any]:
    number = row["repository_id"]
    found = {
        "id": number,
        "project_id": row["project_id"],
        "name": row["name"],
        "artifact_count": call.database.value(
            "SELECT count(*) FROM artifact WHERE repository_id = ? AND " + content.STANDS_ALONE, number
        ),
        "pull_count": row["pull_count"],
        "creation_time": row["creation_time"],
        "update_time": row["update_time"],
    }
    return found | ({"description": row["description"]} if row["description"] else {})
