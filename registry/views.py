"""Repository Management 1 to 13 of the seed."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

from business.services import own_business
from otestack.api.pagination import ordering, page_numbers
from otestack.api.renderers import Response
from otestack.api.schema import One, Page, Refusal, endpoint
from otestack.api.views import TenantViewSet
from otestack.errors import NotFound
from registry import schema, services
from registry.harbor import Page as Rows
from registry.models import ExternalRepository, RegistryAccount
from registry.serializers import (
    AccountPasswordRequest,
    AccountRequest,
    ExternalDetail,
    ExternalNamesRequest,
    ExternalRequest,
    ExternalRow,
    IdsNotDeleted,
    ImageRow,
    ImagesQuery,
    ImagesRequest,
    NamesNotDeleted,
    ProjectRequest,
    ProjectRow,
    ProjectsQuery,
    ProjectsRequest,
    TagRow,
    TagsQuery,
    TagsRequest,
)

_DOWN = "No registry is configured, it does not answer in time, or the database is not available."
_NOT_THERE = "It does not exist, or belongs to another business."
_NONE_THERE = Refusal("None of them exists in the caller's projects.", data=NamesNotDeleted)


def _some_left(why: str, data: Any = NamesNotDeleted) -> Refusal:
    return Refusal(f"Some could not be deleted, or the business has no registry account. {why}", data=data)


class RegistryViewSet(TenantViewSet):
    """Base of what the registry knows, not our database. Whose is whose: registry/services/whose.py."""

    queryset = RegistryAccount.objects.none()
    chapter = "Repository Management"
    parameter_error_code = 400

    def page_of(self, found: Rows[Any]) -> Response:
        """Return a page of the registry's in the declared shape."""
        return Response({"data": self.shaped(found.rows), "total": found.total})

    def numbers(self) -> dict[str, int]:
        """Return page and size."""
        page, size = page_numbers(self.request, self)
        return {"page": page, "size": size}


def _outcome(deletion: services.Deletion[Any]) -> Response:
    """Return what a batch came to."""
    if not deletion.failed:
        return Response()
    failed = {str(name): error.told for name, error in deletion.failed.items()}
    data = {"deleted": deletion.deleted, "failed": failed}
    return Response({"code": deletion.code, "message": deletion.message, "data": data}, status=deletion.code)


class ImageViewSet(RegistryViewSet):
    """Images: Harbor's repositories."""

    order_fields = {"id": "id"}
    default_order = "desc"

    @endpoint(
        "List images",
        query=ImagesQuery,
        answer=Page(ImageRow),
        refuses={404: _NOT_THERE, 503: _DOWN},
        sent=schema.IMAGES_QUERY,
        answered=schema.IMAGES,
    )
    def list(self, request: Request) -> Response:
        """List the images of a project."""
        query, numbers = self.parameters(), self.numbers()
        newest = ordering(request, self)[0].startswith("-")
        name, part = query["projectName"], query["imageName"]
        return self.page_of(services.images(self.caller, project_name=name, part=part, newest=newest, **numbers))

    @endpoint(
        "Delete images",
        body=ImagesRequest,
        refuses={404: _NONE_THERE, 409: _some_left("One with an immutable tag stays."), 503: _DOWN},
        sent=schema.IMAGE_NAMES,
    )
    def destroy(self, request: Request) -> Response:
        """Delete images with all their tags. Those that can be deleted are, whatever becomes of the others."""
        return _outcome(services.delete_images(self.caller, self.body()["imageName"]))


class TagViewSet(RegistryViewSet):
    """Tags of images."""

    @endpoint(
        "List tags",
        query=TagsQuery,
        answer=Page(TagRow),
        refuses={404: _NOT_THERE, 503: _DOWN},
        sent=schema.TAGS_QUERY,
        answered=schema.TAGS,
    )
    def list(self, request: Request) -> Response:
        """List the tags of an image, those that were pushed last first."""
        query, numbers = self.parameters(), self.numbers()
        return self.page_of(services.tags(self.caller, image=query["imageName"], **numbers))

    @endpoint(
        "Delete tags",
        body=TagsRequest,
        refuses={404: _NONE_THERE, 409: _some_left("An immutable tag stays."), 503: _DOWN},
        sent=schema.TAG_NAMES,
    )
    def destroy(self, request: Request) -> Response:
        """Take tags off an image. What they named stays in the registry, without these tags."""
        body = self.body()
        return _outcome(services.delete_tags(self.caller, body["imageName"], body["tag"]))


class AccountViewSet(RegistryViewSet):
    """The business's user in the registry."""

    @endpoint(
        "Create registry user",
        body=AccountRequest,
        refuses={409: "The business has an account already, or the name is taken in the registry.", 503: _DOWN},
        sent=schema.ACCOUNT,
    )
    def create(self, request: Request) -> Response:
        """Create the registry account of the caller's business: its one user there, who owns its projects.

        After a 503 the same call once more finds out whether the account came into being, and completes it.
        """
        services.create_account(self.caller, **self.body())
        return Response()

    @endpoint(
        "Change registry password",
        body=AccountPasswordRequest,
        refuses={409: "The business has no account, or it is being changed at this moment.", 503: _DOWN},
        sent=schema.PASSWORD,
    )
    def update(self, request: Request) -> Response:
        """Set the password of the business's registry account.

        Each deployment that pulls by the account gets the new password on all its clusters.
        """
        services.change_password(self.caller, password=self.body()["password"])
        return Response()


class ProjectViewSet(RegistryViewSet):
    """Projects of the registry."""

    @endpoint(
        "List projects",
        query=ProjectsQuery,
        answer=Page(ProjectRow),
        refuses={503: _DOWN},
        answered=schema.PROJECTS,
    )
    def list(self, request: Request) -> Response:
        """List the projects of the business's account, by id; none without an account."""
        query, numbers = self.parameters(), self.numbers()
        name, public = query["projectName"], query["public"]
        return self.page_of(services.projects(self.caller, part=name, public=public, **numbers))

    @endpoint(
        "Create project",
        body=ProjectRequest,
        status=201,
        refuses={409: "The name is taken in the registry, or the business has no registry account.", 503: _DOWN},
        sent=schema.PROJECT,
    )
    def create(self, request: Request) -> Response:
        """Create a project that belongs to the business's account."""
        body = self.body()
        services.create_project(self.caller, name=body["projectName"], public=body["public"])
        return Response(status=201)

    @endpoint(
        "Delete projects",
        body=ProjectsRequest,
        refuses={
            404: Refusal("None of them is the caller's.", data=IdsNotDeleted),
            409: _some_left("One that holds images stays.", IdsNotDeleted),
            503: _DOWN,
        },
        sent=schema.PROJECT_IDS,
    )
    def destroy(self, request: Request) -> Response:
        """Delete empty projects. Those that can be deleted are, whatever becomes of the others."""
        return _outcome(services.delete_projects(self.caller, self.body()["projectId"]))


class ExternalViewSet(TenantViewSet):
    """Accounts of registries that are not ours."""

    queryset = ExternalRepository.objects.defer("password")
    chapter = "Repository Management"
    path_words = {"name": "The repositoryId."}
    order_fields = {"id": "id"}

    @endpoint(
        "Create external repository",
        body=ExternalRequest,
        refuses={409: "The business has one of this repositoryId."},
        sent=schema.EXTERNAL,
    )
    def create(self, request: Request) -> Response:
        """Keep the account of an external registry. The password is stored encrypted and never returned."""
        body = self.body()
        services.create_external(
            self.caller,
            repository_id=body["repositoryId"],
            address=body["address"],
            user=body["user"],
            password=body["password"],
        )
        return Response()

    @endpoint(
        "Delete external repositories",
        body=ExternalNamesRequest,
        refuses={
            404: Refusal("The business has none of them.", data=NamesNotDeleted),
            409: Refusal("The business has only some of them; those are deleted.", data=NamesNotDeleted),
        },
        sent=schema.EXTERNAL_NAMES,
    )
    def destroy(self, request: Request) -> Response:
        """Delete external repositories. What is deployed can still pull, also on clusters that join later."""
        return _outcome(services.delete_external(self.caller, self.body()["repositoryId"]))

    @endpoint(
        "List external repositories",
        answer=Page(ExternalRow),
        sent=schema.EXTERNALS_QUERY,
        answered=schema.EXTERNALS,
    )
    def list(self, request: Request) -> Response:
        """List external repositories: the business's, or all for a system administrator."""
        return self.listed()

    @endpoint("Get external repository", answer=One(ExternalDetail), answered=schema.EXTERNAL_ANSWER)
    def retrieve(self, request: Request, name: str) -> Response:
        """Return an external repository of the caller's own business."""
        row = self.get_queryset().filter(business=own_business(self.caller), repository_id=name).first()
        if row is None:
            raise NotFound
        return self.answer(row)
