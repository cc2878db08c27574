"""harborapi, a client that others wrote, makes every call that our product makes, and knows every field it gets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from harborapi import HarborAsyncClient
from harborapi.client import CookieDiscarder
from harborapi.exceptions import Conflict, Forbidden, NotFound, PreconditionFailed, Unauthorized
from harborapi.models import (
    Access,
    ProjectMetadata,
    ProjectReq,
    RobotCreate,
    RobotPermission,
    UserCreationReq,
)
from pydantic import BaseModel

from registry.simulator import HarborSimulator
from tests.registry.simulator.callers import PASSWORD

Script = Callable[[HarborAsyncClient], Awaitable[Any]]


def known(found: Any) -> Any:
    """What was read, all of whose fields the client's models have."""
    if isinstance(found, list | tuple):
        for one in found:
            known(one)
    elif isinstance(found, dict):
        known(list(found.values()))
    elif isinstance(found, BaseModel):
        assert not found.model_extra, f"{type(found).__name__} does not know {sorted(found.model_extra)}"
        known([getattr(found, name) for name in type(found).model_fields])
    return found


def run(harbor: HarborSimulator, script: Script, user: str = "", password: str = PASSWORD) -> Any:
    """Run a script as this user, by default the administrator."""
    name, secret = (user, password) if user else harbor.admin

    async def work() -> Any:
        client = HarborAsyncClient(f"{harbor.url}/api/v2.0", username=name, secret=secret, retry=None)
        # Its own HTTP client in all but one thing: no proxy of this machine's environment.
        async with httpx.AsyncClient(cookies=CookieDiscarder(), trust_env=False) as client.client:
            return await script(client)

    return asyncio.run(work())


def number(location: str) -> int:
    return int(location.rpartition("/")[2])


async def new_user(client: HarborAsyncClient, name: str) -> int:
    body = UserCreationReq(username=name, email=f"{name}@example.com", realname=name, password=PASSWORD)
    return number(await client.create_user(body))


def project(name: str, public: str = "false") -> ProjectReq:
    return ProjectReq(project_name=name, metadata=ProjectMetadata(public=public))


def test_the_system(harbor: HarborSimulator) -> None:
    async def script(client: HarborAsyncClient) -> None:
        info = known(await client.get_system_info())
        assert (info.auth_mode, info.self_registration, info.read_only) == ("db_auth", False, False)
        assert info.project_creation_restriction == "everyone"
        assert known(await client.health_check()).status == "healthy"
        assert await client.ping() == "Pong"

    run(harbor, script)


def test_users(harbor: HarborSimulator) -> None:
    async def script(client: HarborAsyncClient) -> None:
        first, second = await new_user(client, "alice"), await new_user(client, "alice-b")
        assert [one.username for one in known(await client.get_users(sort="-username"))] == ["alice-b", "alice"]
        assert [one.user_id for one in known(await client.get_users(query="email=alice@example.com"))] == [first]
        assert [one.user_id for one in known(await client.search_users_by_username("ali"))] == [first, second]
        assert known(await client.get_current_user()).username == "admin"
        assert known(await client.get_user(first)).email == "alice@example.com"
        await client.set_user_password(first, "Other2026xy")
        await client.delete_user(second)
        with pytest.raises(NotFound):
            await client.get_user(second)
        with pytest.raises(Conflict):
            await new_user(client, "alice")

    run(harbor, script)

    async def own(client: HarborAsyncClient) -> None:
        assert known(await client.get_current_user()).username == "alice"
        with pytest.raises(Forbidden):
            await client.get_users()

    run(harbor, own, "alice", "Other2026xy")
    with pytest.raises(Unauthorized):
        run(harbor, own, "alice", PASSWORD)


def test_projects_and_members(harbor: HarborSimulator) -> None:
    async def prepare(client: HarborAsyncClient) -> None:
        await new_user(client, "alice")
        await new_user(client, "bob")

    async def script(client: HarborAsyncClient) -> int:
        assert await client.create_project(project("acme")) == "/api/v2.0/projects/acme"
        await client.create_project(project("shop", "true"))
        with pytest.raises(Conflict):
            await client.create_project(project("acme"))
        found = known(await client.get_projects(owner="alice", sort="-name"))
        assert [(one.name, one.metadata.public, one.owner_name) for one in found] == [
            ("shop", "true", "alice"),
            ("acme", "false", "alice"),
        ]
        assert [one.name for one in known(await client.get_projects(public=False))] == ["acme"]
        mine = known(await client.get_project("acme"))
        assert (mine.current_user_role_id, mine.current_user_role_ids, mine.repo_count) == (1, [1], 0)
        assert known(await client.get_project(mine.project_id)).name == "acme"
        assert await client.project_exists("library")
        assert not await client.project_exists("nowhere")
        member = number(await client.add_project_member_user("acme", "bob", 2))
        members = known(await client.get_project_members("acme"))
        assert [(one.entity_name, one.role_id) for one in members] == [("alice", 1), ("bob", 2)]
        await client.update_project_member_role("acme", member, 4)
        assert known(await client.get_project_member("acme", member)).role_name == "maintainer"
        await client.remove_project_member("acme", member)
        await client.delete_project("shop")
        with pytest.raises(Forbidden):
            await client.get_project("shop")
        return int(mine.project_id)

    run(harbor, prepare)
    acme = run(harbor, script, "alice")

    async def again(client: HarborAsyncClient) -> None:
        found = known(await client.get_projects(query=f"project_id={{{acme} 1}}", sort="project_id"))
        assert [one.name for one in found] == ["library", "acme"]
        with pytest.raises(NotFound):
            await client.get_project("shop")

    run(harbor, again)


def test_images(harbor: HarborSimulator) -> None:
    async def script(client: HarborAsyncClient) -> None:
        await client.create_project(project("acme"))
        harbor.push("acme/team/web", "v1", "v2", content_text="one", size=4321)
        harbor.push("acme/team/web", "v3", content_text="two")
        harbor.push("acme/other", content_text="three")
        found = known(await client.get_repositories("acme", sort="name"))
        assert [(one.name, one.artifact_count) for one in found] == [("acme/other", 1), ("acme/team/web", 2)]
        assert known(await client.get_repository("acme", "team/web")).name == "acme/team/web"
        tagged = known(await client.get_artifacts("acme", "team/web", query="tags=*"))
        assert [[tag.name for tag in one.tags] for one in tagged] == [["v3"], ["v2", "v1"]]
        assert tagged[1].size == 4321
        assert known(await client.get_artifact("acme", "team/web", "v1")).digest == tagged[1].digest
        tags = known(await client.get_artifact_tags("acme", "team/web", "v1", sort="name"))
        assert [tag.name for tag in tags] == ["v1", "v2"]
        harbor.make_immutable("acme", "team/*", "v3")
        with pytest.raises(PreconditionFailed):
            await client.delete_repository("acme", "team/web")
        await client.delete_artifact_tag("acme", "team/web", "v2", "v2")
        await client.delete_artifact("acme", "team/web", "v1")
        with pytest.raises(PreconditionFailed):
            await client.delete_project("acme")
        await client.delete_repository("acme", "other")
        assert [one.name for one in known(await client.get_repositories("acme"))] == ["acme/team/web"]

    run(harbor, script)


def test_a_list_over_pages(harbor: HarborSimulator) -> None:
    async def script(client: HarborAsyncClient) -> None:
        await client.create_project(project("acme"))
        harbor.push_many("acme/web", [f"v{count}" for count in range(25)])
        harbor.reset_calls()
        found = known(await client.get_artifacts("acme", "web", page_size=10))
        assert len({one.digest for one in found}) == len(found) == 25
        assert len(harbor.calls) == 3

    run(harbor, script)


def test_robots(harbor: HarborSimulator) -> None:
    permissions = [
        RobotPermission(
            kind="system",
            namespace="/",
            access=[Access(resource="user", action="create"), Access(resource="project", action="create")],
        ),
        RobotPermission(kind="project", namespace="*", access=[Access(resource="project", action="delete")]),
    ]

    async def script(client: HarborAsyncClient) -> Any:
        body = RobotCreate(name="otestack", level="system", duration=-1, permissions=permissions)
        made = known(await client.create_robot(body))
        assert made.name == "robot$otestack"
        assert [one.name for one in known(await client.get_robots())] == ["robot$otestack"]
        assert known(await client.get_robot(made.id)).permissions[1].namespace == "*"
        return made

    made = run(harbor, script)

    async def as_robot(client: HarborAsyncClient) -> None:
        await new_user(client, "alice")
        await client.create_project(project("acme"))
        with pytest.raises(PreconditionFailed):
            await client.get_current_user()
        with pytest.raises(Forbidden):
            await client.delete_user(3)
        await client.delete_project("acme")

    run(harbor, as_robot, made.name, made.secret)
    run(harbor, lambda client: client.delete_robot(made.id))
    with pytest.raises(Unauthorized):
        run(harbor, as_robot, made.name, made.secret)
