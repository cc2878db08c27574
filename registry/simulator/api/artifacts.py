"""Artifacts and tags below a repository."""

import json
import sqlite3
from typing import Any

from .. import content, queries
from ..database import Row
from ..errors import ApiError, bad_request, conflict, not_found
from ..queries import Condition, Contains, Exactly, Table, Wanted
from ..wire import Answer, json_answer
from .call import Call

_TAGGED = "artifact.id IN (SELECT artifact_id FROM tag{})"


def _tags(wanted: Wanted) -> Condition:
    match wanted:
        case Contains(text):
            return _TAGGED.format(" WHERE instr(tag.name, ?) > 0"), (text,)
        case Exactly("*"):
            return _TAGGED.format(""), ()
        case Exactly("nil"):
            return "NOT " + _TAGGED.format(""), ()
        case Exactly(text):
            return _TAGGED.format(" WHERE tag.name = ?"), (text,)
    raise bad_request('the value of "tags" query can only be fuzzy match value or exact match value')


def _base(wanted: Wanted) -> Condition:
    if wanted != Exactly("*"):
        raise bad_request('the value of "base" query can only be exact match value with "*"')
    return "1", ()


ARTIFACTS = Table(
    "artifact",
    frozenset(
        {"digest", "type", "media_type", "manifest_media_type", "artifact_type", "repository_name", "push_time",
         "pull_time"}
    ),
    frozenset({"id", "project_id", "repository_id", "size"}),
    "artifact.push_time DESC, artifact.id DESC",
    {"tags": _tags, "Tags": _tags, "base": _base},
)  # fmt: skip
TAGS = Table(
    "tag",
    frozenset({"name", "push_time", "pull_time"}),
    frozenset({"id", "repository_id", "artifact_id"}),
    "tag.push_time DESC, tag.id DESC",
)


def listing(call: Call) -> Answer:
    """GET …/artifacts: of an unknown repository an empty list."""
    call.harbor.require(call.caller, call.project_name, "artifact", "list")
    where: list[Condition] = [("artifact.repository_name = ?", (call.repository_name,))]
    if "base" not in queries.parse(call.request.one("q")):
        where.append((content.STANDS_ALONE, ()))
    page = queries.page(call.database, ARTIFACTS, call.request, where)
    return json_answer([_show(call, row) for row in page.rows], headers=page.headers)


def read(call: Call) -> Answer:
    """GET …/artifacts/{digest or tag}."""
    call.harbor.require(call.caller, call.project_name, "artifact", "read")
    return json_answer(_show(call, _found(call)))


def delete(call: Call) -> Answer:
    """DELETE …/artifacts/{digest or tag}: with all its tags; the repository stays."""
    call.harbor.require(call.caller, call.project_name, "artifact", "delete")
    found = _found(call)
    content.delete_artifact(call.harbor, _repository(call), found["id"])
    return Answer()


def tags(call: Call) -> Answer:
    """GET …/artifacts/{digest or tag}/tags: of this one artifact."""
    call.harbor.require(call.caller, call.project_name, "tag", "list")
    where: list[Condition] = [("tag.artifact_id = ?", (_found(call)["id"],))]
    page = queries.page(call.database, TAGS, call.request, where)
    status = bool(call.request.flag("with_immutable_status", False))
    return json_answer([_show_tag(call, row, status) for row in page.rows], headers=page.headers)


def create_tag(call: Call) -> Answer:
    """POST …/artifacts/{digest or tag}/tags."""
    name = call.request.json().text("name")
    call.harbor.require(call.caller, call.project_name, "tag", "create")
    project = call.harbor.project(call.project_name)
    if project is None:
        raise not_found(f"project {call.project_name} not found")
    if project["registry_id"]:
        raise ApiError(405, "METHOD_NOT_ALLOWED", "the operation isn't supported for a proxy cache project")
    found = _found(call)
    try:
        content.create_tag(call.harbor, found["repository_id"], found["id"], name)
    except sqlite3.IntegrityError:
        raise conflict(f"tag {name} already exists under the repository {found['repository_id']}") from None
    return Answer(201)


def delete_tag(call: Call) -> Answer:
    """DELETE …/artifacts/{digest or tag}/tags/{tag}: the artifact stays, without a tag if it was the last."""
    call.harbor.require(call.caller, call.project_name, "tag", "delete")
    number, name = _found(call)["id"], call.params["tag"]
    row = call.database.row("SELECT * FROM tag WHERE artifact_id = ? AND name = ?", number, name)
    if row is None:
        raise not_found(f"tag {name} attached to artifact {number} not found")
    content.delete_tag(call.harbor, _repository(call), row)
    return Answer()


def _found(call: Call) -> Row:
    return content.artifact(call.harbor, call.repository_name, call.params["reference"])


def _repository(call: Call) -> Row:
    found = content.repository(call.harbor, call.repository_name)
    assert found is not None  # it has an artifact
    return found


def _show(call: Call, row: Row) -> dict[str, Any]:
    request, database = call.request, call.database
    with_tags, status = request.flag("with_tag", True), bool(request.flag("with_immutable_status", False))
    rows = database.rows("SELECT * FROM tag WHERE artifact_id = ? ORDER BY push_time DESC, id DESC", row["id"])
    references = database.rows("SELECT * FROM reference WHERE parent_id = ? ORDER BY child_id", row["id"])
    found = {name: value for name, value in dict(row).items() if value}
    for name in ("annotations", "extra_attrs"):
        found[name] = json.loads(row[name]) or None
    return found | {
        "accessories": None,
        "addition_links": _additions(call, row),
        "labels": None,
        "references": [_show_reference(one) for one in references] or None,
        "tags": ([_show_tag(call, one, status) for one in rows] or None) if with_tags else None,
    }


def _additions(call: Call, row: Row) -> dict[str, Any]:
    repository = call.params["repository"].replace("%", "%25")
    base = f"/api/v2.0/projects/{call.project_name}/repositories/{repository}/artifacts/{row['digest']}/additions"
    kinds = ("build_history", "vulnerabilities") if row["type"] == "IMAGE" else ()
    return {kind: {"absolute": False, "href": f"{base}/{kind}"} for kind in kinds}


def _show_reference(row: Row) -> dict[str, Any]:
    return {
        "parent_id": row["parent_id"],
        "child_id": row["child_id"],
        "child_digest": row["child_digest"],
        "platform": json.loads(row["platform"]),
        "annotations": json.loads(row["annotations"]) or None,
        "urls": None,
    }


def _show_tag(call: Call, row: Row, status: bool) -> dict[str, Any]:
    """`immutable` is always there, and tells the truth only where it was asked for."""
    found = dict(row)
    found["immutable"] = status and content.is_immutable(call.harbor, _repository(call), row["name"])
    return found
