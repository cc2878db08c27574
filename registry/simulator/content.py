"""Repositories, artifacts and tags: the rows behind both APIs."""

import json
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .clock import NEVER, stamp
from .database import Row
from .errors import bad_request, not_found, precondition, referenced
from .harbor import Harbor

TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
# What lists and counts take for an artifact: not those that only an index names.
STANDS_ALONE = "(artifact.id IN (SELECT artifact_id FROM tag) OR artifact.id NOT IN (SELECT child_id FROM reference))"


@dataclass(frozen=True)
class Child:
    """What an index says of one of its manifests."""

    digest: str
    platform: dict[str, Any] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Described:
    """An artifact as its manifest and its configuration describe it."""

    digest: str
    type: str
    media_type: str
    manifest_media_type: str
    size: int
    artifact_type: str = ""
    annotations: dict[str, str] = field(default_factory=dict)
    extra_attrs: dict[str, Any] = field(default_factory=dict)
    children: tuple[Child, ...] = ()


def repository(harbor: Harbor, name: str) -> Row | None:
    """A repository by its full name."""
    return harbor.database.row("SELECT * FROM repository WHERE name = ?", name)


def ensure_repository(harbor: Harbor, name: str, project: Row) -> Row:
    """The repository, made if there is none."""
    now = stamp()
    harbor.database.run(
        "INSERT OR IGNORE INTO repository (name, project_id, creation_time, update_time) VALUES (?, ?, ?, ?)",
        name, project["project_id"], now, now,
    )  # fmt: skip
    found = repository(harbor, name)
    assert found is not None
    return found


def artifact(harbor: Harbor, repository_name: str, reference: str) -> Row:
    """An artifact by digest or tag. Raises a 404."""
    if ":" in reference:
        found = harbor.database.row(
            "SELECT * FROM artifact WHERE repository_name = ? AND digest = ?", repository_name, reference
        )
    else:
        found = harbor.database.row(
            "SELECT artifact.* FROM artifact JOIN tag ON tag.artifact_id = artifact.id"
            " WHERE repository_name = ? AND tag.name = ?",
            repository_name,
            reference,
        )
    if found is None:
        raise not_found(f"artifact {repository_name}{'@' if ':' in reference else ':'}{reference} not found")
    return found


def ensure_artifact(harbor: Harbor, repo: Row, described: Described) -> int:
    """Keep an artifact and return its id; one that is there stays as it is."""
    database = harbor.database
    known = database.value(
        "SELECT id FROM artifact WHERE repository_id = ? AND digest = ?", repo["repository_id"], described.digest
    )
    if known is not None:
        return int(known)
    number = database.insert(
        "artifact", project_id=repo["project_id"], repository_id=repo["repository_id"], repository_name=repo["name"],
        digest=described.digest, type=described.type, media_type=described.media_type,
        manifest_media_type=described.manifest_media_type, artifact_type=described.artifact_type, size=described.size,
        annotations=json.dumps(described.annotations), extra_attrs=json.dumps(described.extra_attrs),
        push_time=stamp(), pull_time=NEVER,
    )  # fmt: skip
    for child in described.children:
        child_id = artifact(harbor, repo["name"], child.digest)["id"]
        database.run(
            "INSERT OR IGNORE INTO reference VALUES (?, ?, ?, ?, ?)",
            number, child_id, child.digest, json.dumps(child.platform), json.dumps(child.annotations),
        )  # fmt: skip
    return number


def ensure_tag(harbor: Harbor, repo: Row, artifact_id: int, name: str) -> None:
    """Have a tag point to an artifact. Raises a 412 where that would move an immutable one."""
    known = tag(harbor, repo["repository_id"], name)
    if known is None:
        create_tag(harbor, repo["repository_id"], artifact_id, name)
    elif known["artifact_id"] != artifact_id:
        if is_immutable(harbor, repo, name):
            raise precondition(f"the tag {name} configured as immutable, cannot be updated")
        harbor.database.run(
            "UPDATE tag SET artifact_id = ?, push_time = ? WHERE id = ?", artifact_id, stamp(), known["id"]
        )
        touch(harbor, repo["repository_id"])


def create_tag(harbor: Harbor, repository_id: int, artifact_id: int, name: str) -> None:
    """Add a tag. Raises a 400 when it is none, sqlite3.IntegrityError when the repository has it."""
    if not TAG.fullmatch(name):
        raise bad_request(f"invalid tag name: {name}")
    harbor.database.insert(
        "tag", repository_id=repository_id, artifact_id=artifact_id, name=name, push_time=stamp(), pull_time=NEVER
    )
    touch(harbor, repository_id)


def tag(harbor: Harbor, repository_id: int, name: str) -> Row | None:
    """A tag of a repository."""
    return harbor.database.row("SELECT * FROM tag WHERE repository_id = ? AND name = ?", repository_id, name)


def touch(harbor: Harbor, repository_id: int) -> None:
    """Note that a repository's tags changed; releases before 2.15.2 do not."""
    if harbor.behaviour.touches_repositories:
        harbor.database.run("UPDATE repository SET update_time = ? WHERE repository_id = ?", stamp(), repository_id)


def is_immutable(harbor: Harbor, repo: Row, tag_name: str) -> bool:
    """Whether a rule of the project protects the tag. Patterns know `*` and `**`, which here are one."""
    project, _, name = repo["name"].partition("/")
    rules = harbor.database.rows("SELECT * FROM immutable WHERE project = ?", project)
    return any(fnmatchcase(name, rule["repository"]) and fnmatchcase(tag_name, rule["tag"]) for rule in rules)


def delete_tag(harbor: Harbor, repo: Row, row: Row) -> None:
    """Take a tag away; its artifact stays. Raises a 412 when it is immutable."""
    if is_immutable(harbor, repo, row["name"]):
        raise precondition(f"the tag {row['name']} configured as immutable, cannot be deleted")
    harbor.database.run("DELETE FROM tag WHERE id = ?", row["id"])
    touch(harbor, repo["repository_id"])


def delete_artifact(harbor: Harbor, repo: Row, artifact_id: int, *, root: bool = True) -> None:
    """Delete an artifact with its tags, and those below it that nothing else needs.

    Raises a 412 when a tag is immutable, or when an index holds the artifact.
    """
    database = harbor.database
    tags = database.rows("SELECT * FROM tag WHERE artifact_id = ?", artifact_id)
    if tags and not root:
        return
    if database.value("SELECT 1 FROM reference WHERE child_id = ?", artifact_id):
        if root:
            raise referenced("the deleting artifact is referenced by others")
        return
    children = database.rows("SELECT child_id FROM reference WHERE parent_id = ?", artifact_id)
    database.run("DELETE FROM reference WHERE parent_id = ?", artifact_id)
    for child in children:
        delete_artifact(harbor, repo, child["child_id"], root=False)
    for row in tags:
        delete_tag(harbor, repo, row)
    database.run("DELETE FROM artifact WHERE id = ?", artifact_id)


def delete_repository(harbor: Harbor, repo: Row) -> None:
    """Delete a repository with all that it holds. Raises a 412 when a tag is immutable."""
    database, number = harbor.database, repo["repository_id"]
    roots = "SELECT id FROM artifact WHERE repository_id = ? AND id NOT IN (SELECT child_id FROM reference)"
    while left := database.rows(roots, number):
        for row in left:
            delete_artifact(harbor, repo, row["id"])
    database.run("DELETE FROM repository WHERE repository_id = ?", number)
    database.run("DELETE FROM blob WHERE repository = ?", repo["name"])


def pulled(harbor: Harbor, row: Row, tag_name: str, now: float) -> None:
    """Note a pull; it is counted when its time has come."""
    harbor.database.insert(
        "pull", due=now + harbor.behaviour.pull_lag, artifact_id=row["id"], tag=tag_name, time=stamp()
    )


def count_pulls(harbor: Harbor, now: float) -> None:
    """Count the pulls whose time has come."""
    database = harbor.database
    if not database.value("SELECT 1 FROM pull WHERE due <= ?", now):
        return
    with database.transaction():
        for pull in database.rows("SELECT * FROM pull WHERE due <= ? ORDER BY due", now):
            found = database.row("SELECT * FROM artifact WHERE id = ?", pull["artifact_id"])
            if found is None:
                continue
            number = found["repository_id"]
            database.run("UPDATE repository SET pull_count = pull_count + 1 WHERE repository_id = ?", number)
            database.run("UPDATE artifact SET pull_time = ? WHERE id = ?", pull["time"], found["id"])
            database.run(
                "UPDATE tag SET pull_time = ? WHERE repository_id = ? AND name = ?", pull["time"], number, pull["tag"]
            )
        database.run("DELETE FROM pull WHERE due <= ?", now)
