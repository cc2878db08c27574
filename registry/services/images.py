"""Images and their tags (seed: Repository Management 1 to 4)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings

from otestack import trail
from otestack.errors import DomainError, NotFound
from otestack.sentences import say
from registry.harbor import Harbor, Page, Project, Repository, connect
from registry.harbor.names import can_hold, is_project, is_tag, split_image
from registry.harbor.trouble import Missing
from registry.services.batches import Deletion, delete_all
from registry.services.whose import find_project, owners, scope_of

if TYPE_CHECKING:
    from accounts.models import User

T = TypeVar("T")

_IMMUTABLE = say("The registry keeps it: a tag of it is immutable.")


@dataclass(frozen=True)
class Image:
    """A repository of a project. name: 'project/repository'."""

    project: Project
    name: str
    created: int
    updated: int

    @property
    def address(self) -> str:
        """Where it is pulled from, without a tag."""
        return f"{settings.OTE_REGISTRY_DOMAIN}/{self.name}"


@dataclass(frozen=True)
class Tag:
    """A tag of an image. created: when its artifact was pushed, updated: when the tag was."""

    image: str
    name: str
    created: int
    updated: int

    @property
    def address(self) -> str:
        """Where the image is pulled from, without the tag."""
        return f"{settings.OTE_REGISTRY_DOMAIN}/{self.image}"


def images(by: User, *, project_name: str, part: str, newest: bool, page: int, size: int) -> Page[Image]:
    """Return a page of a project's images, by id. part: of 'project/repository'.

    Raises NotFound for a project that is another's or none. Source: seed, GET /v1/repository/image.
    """
    harbor = connect()
    scope = scope_of(by)
    if not can_hold(part):  # no image can match
        scope.require(find_project(harbor, project_name))
        return Page([], 0)
    rows = partial(harbor.repositories, project_name, page, size, part=part.lower(), newest=newest)
    project, found = _project_and(harbor, project_name, rows)
    scope.require(project)
    return Page([_image(project, repository) for repository in found.rows], found.total)


def tags(by: User, *, image: str, page: int, size: int) -> Page[Tag]:
    """Return a page of an image's tags, the newest first.

    Raises NotFound for an image that is another's or none. Source: seed, GET /v1/repository/image/tag.
    """
    harbor = connect()
    scope = scope_of(by)
    parts = split_image(image)
    if parts is None:
        raise NotFound
    project, artifacts = _project_and(harbor, parts[0], partial(harbor.tagged_artifacts, *parts))
    scope.require(project)
    found = [Tag(image, name, artifact.pushed, pushed) for artifact in artifacts for name, pushed in artifact.tags]
    if not found:  # Harbor says the same for an image without tags and for none at all
        try:
            harbor.repository(*parts)
        except Missing:
            raise NotFound from None
    found.sort(key=lambda tag: (-tag.updated, tag.name))
    start, end = ((page - 1) * size, page * size) if size else (0 if page == 1 else len(found), len(found))
    return Page(found[start:end], len(found))


def delete_images(by: User, names: Sequence[str]) -> Deletion[str]:
    """Delete images with all their tags, each by its project's owner. Source: seed, DELETE /v1/repository/image."""
    harbor = connect()
    parts = {name: split_image(name) for name in names}
    found = _reachable(by, harbor, {part[0] for part in parts.values() if part})
    owned = owners([project for project in found.values() if isinstance(project, Project)])

    def deletion(name: str) -> Callable[[], None] | DomainError:
        part = parts[name]
        project = found[part[0]] if part else NotFound()
        if part is None or not isinstance(project, Project):
            return project if isinstance(project, DomainError) else NotFound()
        return partial(harbor.delete_repository, *part, owned.login(project))

    outcome = delete_all(harbor, [(name, deletion(name)) for name in names], _IMMUTABLE)
    entries = []
    for name in outcome.deleted:
        part = parts[name]
        project = found[part[0]] if part else None
        business = owned.business(project) if isinstance(project, Project) else None
        entries.append(trail.of("image", "", name, "delete", business=business))
    trail.write(entries)  # the registry has done it by now: the trail can only follow
    return outcome


def delete_tags(by: User, image: str, names: Sequence[str]) -> Deletion[str]:
    """Take tags off an image, by its project's owner. Source: seed, DELETE /v1/repository/image/tag."""
    harbor = connect()
    part = split_image(image)
    found = _reachable(by, harbor, {part[0]} if part else set())
    project = found[part[0]] if part else NotFound()
    owned = owners([project] if isinstance(project, Project) else [])
    login = owned.login(project) if isinstance(project, Project) else None
    business = owned.business(project) if isinstance(project, Project) else None

    def deletion(name: str) -> Callable[[], None] | DomainError:
        if isinstance(project, DomainError):
            return project
        return partial(harbor.delete_tag, *part, name, login) if part and is_tag(name) else NotFound()

    outcome = delete_all(harbor, [(name, deletion(name)) for name in names], _IMMUTABLE)
    trail.write([trail.of("image", "", f"{image}:{name}", "delete tag", business=business) for name in outcome.deleted])
    return outcome


def _project_and(harbor: Harbor, name: str, call: Callable[[], T]) -> tuple[Project, T]:
    """Return a project, and what a call about it returns, made at the same time. Raises NotFound."""
    if not is_project(name):
        raise NotFound
    try:
        project, result = harbor.together(partial(harbor.project, name), call)
    except Missing:
        raise NotFound from None
    return project, result


def _reachable(by: User, harbor: Harbor, names: Collection[str]) -> dict[str, Project | DomainError]:
    """Return projects by name, or why they cannot be had. Raises Conflict for a caller without an account."""
    scope = scope_of(by)
    scope.require_writer()
    results = harbor.side_by_side([partial(find_project, harbor, name) for name in names])
    found: dict[str, Project | DomainError] = {}
    for name, result in zip(names, results, strict=True):
        if isinstance(result, Project):
            found[name] = result if scope.reaches(result) else NotFound()
        elif isinstance(result, DomainError):
            found[name] = result
        else:
            raise result
    return found


def _image(project: Project, repository: Repository) -> Image:
    return Image(project, repository.name, repository.created, repository.updated)
