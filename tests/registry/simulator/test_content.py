"""Repositories, artifacts and tags."""

from __future__ import annotations

from typing import Any

import pytest

from registry.simulator import HarborSimulator
from tests.registry.simulator.callers import Caller, made, project_body, refused

REPOSITORIES = "/projects/acme/repositories"
WEB = f"{REPOSITORIES}/web"


@pytest.fixture(autouse=True)
def acme(user: Caller) -> Caller:
    made(user.post("/projects", project_body("acme")))
    return user


def tags(row: dict[str, Any]) -> list[str] | None:
    return None if row["tags"] is None else [tag["name"] for tag in row["tags"]]


def test_a_name_with_slashes_is_encoded_twice(harbor: HarborSimulator, user: Caller) -> None:
    harbor.push("acme/team/web", "v1")
    assert user.read(f"{REPOSITORIES}/team%252Fweb")["name"] == "acme/team/web"
    assert user.get(f"{REPOSITORIES}/team%2Fweb").status_code == 404
    assert user.get(f"{REPOSITORIES}/team/web").status_code == 404
    assert user.delete(f"{REPOSITORIES}/team%252Fweb/artifacts/v1/tags/v1").status_code == 200


def test_the_list_is_newest_first_and_its_filter_sees_the_project(harbor: HarborSimulator, user: Caller) -> None:
    for name in ("one", "two", "three"):
        harbor.push(f"acme/{name}", "v1")
    assert [row["name"] for row in user.read(REPOSITORIES)] == ["acme/three", "acme/two", "acme/one"]
    assert [row["name"] for row in user.read(f"{REPOSITORIES}?q=name%3D~TW")] == ["acme/two"]
    assert len(user.read(f"{REPOSITORIES}?q=name%3D~acm")) == 3
    assert [row["id"] for row in user.read(f"{REPOSITORIES}?sort=repository_id")] == [1, 2, 3]
    assert user.read("/projects/acme")["repo_count"] == 3
    assert {*user.read(REPOSITORIES)[0]} == {
        "id", "project_id", "name", "artifact_count", "pull_count", "creation_time", "update_time"
    }  # fmt: skip


def test_artifacts_by_their_tags(harbor: HarborSimulator, user: Caller) -> None:
    old = harbor.push("acme/web", "v1", "v2", content_text="old")
    new = harbor.push("acme/web", "v3", content_text="new")
    bare = harbor.push("acme/web", content_text="bare")
    rows = user.read(f"{WEB}/artifacts")
    assert [(row["digest"], tags(row)) for row in rows] == [(bare, None), (new, ["v3"]), (old, ["v2", "v1"])]
    for q, found in [
        ("tags%3D*", [new, old]),
        ("tags=nil", [bare]),
        ("tags=v1", [old]),
        ("tags=~v", [new, old]),
        ("tags=~V", []),
        (f"digest={new}", [new]),
        ("unknown=1", [bare, new, old]),
    ]:
        answer = user.get(f"{WEB}/artifacts?q={q}")
        assert [row["digest"] for row in answer.json()] == found, q
        assert answer.headers["X-Total-Count"] == str(len(found))
    assert refused(user.get(f"{WEB}/artifacts?q=tags={{v1 v2}}")) == (400, "BAD_REQUEST")
    assert user.read(f"{WEB}/artifacts?with_tag=false")[1]["tags"] is None
    assert user.read(f"{WEB}")["artifact_count"] == 3
    assert [tag["name"] for tag in user.read(f"{WEB}/artifacts/v1/tags?sort=name")] == ["v1", "v2"]
    assert [tag["name"] for tag in user.read(f"{WEB}/artifacts/{old}/tags?q=name=v2")] == ["v2"]


def test_an_unknown_repository_has_no_artifacts(user: Caller) -> None:
    answer = user.get(f"{WEB}/artifacts")
    assert (answer.status_code, answer.json(), answer.headers["X-Total-Count"]) == (200, [], "0")
    assert refused(user.get(WEB)) == refused(user.delete(WEB)) == (404, "NOT_FOUND")
    assert refused(user.get(f"{WEB}/artifacts/v1/tags")) == (404, "NOT_FOUND")


def test_a_tag_that_goes_leaves_its_artifact(harbor: HarborSimulator, user: Caller) -> None:
    digest = harbor.push("acme/web", "v1", "v2")
    gone = user.delete(f"{WEB}/artifacts/v1/tags/v1")
    assert (gone.status_code, gone.content) == (200, b"")
    assert refused(user.delete(f"{WEB}/artifacts/v1/tags/v1")) == (404, "NOT_FOUND")
    assert user.delete(f"{WEB}/artifacts/{digest}/tags/v2").status_code == 200
    (row,) = user.read(f"{WEB}/artifacts")
    assert (row["digest"], row["tags"]) == (digest, None)


def test_an_artifact_takes_all_its_tags_along(harbor: HarborSimulator, user: Caller) -> None:
    harbor.push("acme/web", "v1", "v2")
    assert user.delete(f"{WEB}/artifacts/v1").status_code == 200
    assert refused(user.get(f"{WEB}/artifacts/v2")) == (404, "NOT_FOUND")
    assert user.read(WEB)["artifact_count"] == 0


def test_what_is_immutable_stays_and_so_does_all_beside_it(harbor: HarborSimulator, user: Caller) -> None:
    harbor.push("acme/web", "v1", content_text="one")
    harbor.push("acme/web", "keep", content_text="two")
    harbor.make_immutable("acme", "web", "ke*")
    before = user.read(f"{WEB}/artifacts")
    for path in (f"{WEB}/artifacts/keep/tags/keep", f"{WEB}/artifacts/keep", WEB):
        assert refused(user.delete(path)) == (412, "PRECONDITION")
    assert user.read(f"{WEB}/artifacts") == before
    shown = {tag["name"]: tag["immutable"] for row in before for tag in row["tags"]}
    assert shown == {"v1": False, "keep": False}  # nobody asked
    asked = user.read(f"{WEB}/artifacts?with_immutable_status=true")
    assert {tag["name"]: tag["immutable"] for row in asked for tag in row["tags"]} == {"v1": False, "keep": True}
    harbor.change(mutable=True)
    assert user.delete(WEB).status_code == 200


def test_a_tag_that_moves(harbor: HarborSimulator, user: Caller) -> None:
    old = harbor.push("acme/web", "v1", content_text="old")
    first = user.read(f"{WEB}/artifacts/v1")
    harbor.push("acme/web", content_text="new")
    new = harbor.push("acme/web", "v1", content_text="new")
    rows = {row["digest"]: row for row in user.read(f"{WEB}/artifacts")}
    assert rows[old]["tags"] is None
    assert rows[old]["push_time"] == first["push_time"]
    assert tags(rows[new]) == ["v1"]
    assert rows[new]["tags"][0]["push_time"] >= rows[new]["push_time"]


def test_tags_by_the_api(harbor: HarborSimulator, user: Caller) -> None:
    harbor.push("acme/web", "v1")
    path = f"{WEB}/artifacts/v1/tags"
    assert user.post(path, {"name": "v2"}).status_code == 201
    assert refused(user.post(path, {"name": "v2"})) == (409, "CONFLICT")
    assert refused(user.post(path, {"name": "-"})) == (400, "BAD_REQUEST")
    assert refused(user.post(f"{WEB}/artifacts/v9/tags", {"name": "v3"})) == (404, "NOT_FOUND")


@pytest.mark.parametrize("touches", [True, False])
def test_a_push_touches_its_repository(harbor: HarborSimulator, user: Caller, touches: bool) -> None:
    harbor.push("acme/web", "v1")
    harbor.harbor.database.run("UPDATE repository SET update_time = '2020-01-01T00:00:00.000Z'")
    harbor.set(touches_repositories=touches)
    harbor.push("acme/web", "v2", content_text="other")
    assert user.read(WEB)["update_time"].startswith("2020") is not touches


def test_all_repositories_that_one_sees(
    harbor: HarborSimulator, admin: Caller, user: Caller, other: Caller, nobody: Caller
) -> None:
    harbor.push("acme/web", "v1")
    harbor.push("library/base", "v1")
    seen = [[row["name"] for row in one.read("/repositories?sort=name")] for one in (admin, user, other, nobody)]
    assert seen == [["acme/web", "library/base"]] * 2 + [["library/base"]] * 2
