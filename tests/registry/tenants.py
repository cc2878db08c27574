"""Tenants of a registry, as tests call for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests

HARBOR_PASSWORD = "Harbor0Passw0rd"
IMAGE, TAG = "/v1/repository/image", "/v1/repository/image/tag"
USER, PROJECT, THIRD = "/v1/repository/user", "/v1/repository/project", "/v1/repository/third"
SUCCESS = {"code": 200, "message": "success"}


def configure(settings: Any, harbor: Any) -> None:
    """Make the stand-in the registry of this installation."""
    settings.OTE_REGISTRY_URL = harbor.url
    settings.OTE_REGISTRY_DOMAIN = harbor.address
    settings.OTE_REGISTRY_USER, settings.OTE_REGISTRY_PASSWORD = harbor.admin
    settings.OTE_REGISTRY_SECONDS = 5


@dataclass
class Tenant:
    """A business, and clients of the API: its administrator's and its general user's."""

    name: str
    business: Any
    admin: Any
    member: Any

    def project(self, name: str, *, public: bool = False) -> int:
        """Create a project and return its id."""
        answer = self.member.post(PROJECT, {"projectName": name, "public": public})
        assert (answer.status_code, answer.json()) == (201, SUCCESS), answer.json()
        return int(self.projects()[name]["projectId"])

    def projects(self, **query: Any) -> dict[str, dict[str, Any]]:
        """Return the projects that it sees, by name."""
        answer = self.member.get(PROJECT, **({"pageSize": 0} | query)).json()
        assert answer["code"] == 200, answer
        assert answer["total"] == len(answer["data"])
        return {row["projectName"]: row for row in answer["data"]}

    def images(self, project: str, **query: Any) -> list[str]:
        """Return the names of a project's images."""
        answer = self.member.get(IMAGE, **({"projectName": project, "pageSize": 0} | query)).json()
        assert answer["code"] == 200, answer
        return [row["imageName"] for row in answer["data"]]

    def tags(self, image: str) -> list[str]:
        """Return the tags of an image."""
        answer = self.member.get(TAG, imageName=image, pageSize=0).json()
        assert answer["code"] == 200, answer
        return [row["tag"] for row in answer["data"]]


def held(registry: Any) -> dict[str, Any]:
    """All that lies in the registry, as its administrator sees it."""
    state: dict[str, Any] = {}

    def ask(path: str) -> Any:
        return requests.get(f"{registry.url}/api/v2.0{path}", auth=registry.admin, timeout=5).json()

    for project in ask("/projects?page_size=100"):
        state[project["name"]] = {
            repository["name"]: sorted(
                tag["name"]
                for artifact in ask(
                    f"/projects/{project['name']}/repositories/"
                    f"{repository['name'].partition('/')[2].replace('/', '%252F')}/artifacts"
                )
                for tag in artifact["tags"] or []
            )
            for repository in ask(f"/projects/{project['name']}/repositories?page_size=100")
        }
    return state
