"""Requests and responses of Repository Management."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from otestack.api.fields import Body, Flag, Listed, QueryFlag, Rule, Text, Whole
from otestack.sentences import say
from registry import rules
from registry.harbor import names
from registry.models import ExternalRepository

# Names or ids of one batch: what Harbor can delete within the time of a request.
MOST = 100
_BIGINT = 2**63 - 1


def _image_fault(name: str) -> str | None:
    return None if "/" in name else say("It must be project/repository.")


class ImageName(Text):
    """The name of an image."""

    def __init__(self, **options: Any) -> None:
        rule = Rule(_image_fault, pattern="^[^/]*/")
        options.setdefault("help_text", "The image's name: project/repository.")
        super().__init__(max_length=names.LENGTH, validators=[rule], **options)


class ImagesQuery(Body):
    """What GET /v1/repository/image takes besides order and page."""

    projectName = Text(max_length=names.LENGTH, help_text="The project's name.")
    imageName = Text(
        max_length=names.LENGTH,
        allow_blank=True,
        default="",
        help_text="A part of the image's name, without regard to case.",
    )


class TagsQuery(Body):
    """What GET /v1/repository/image/tag takes besides the page."""

    imageName = ImageName()


class ImagesRequest(Body):
    """DELETE /v1/repository/image."""

    imageName = Listed(
        child=ImageName(), allow_empty=False, max_length=MOST, help_text="The names of the images: project/repository."
    )


class TagsRequest(Body):
    """DELETE /v1/repository/image/tag."""

    imageName = ImageName()
    tag = Listed(
        child=Text(max_length=128, help_text="A tag."), allow_empty=False, max_length=MOST, help_text="The tags."
    )


class NewHarborPassword(Text):
    """A password to be set in Harbor."""

    def __init__(self) -> None:
        words = "8 to 128 bytes with at least one upper-case letter, one lower-case letter and one digit."
        rule = Rule(names.password_fault, minLength=3, maxLength=128, format="password")
        super().__init__(validators=[rule], help_text=words)


class AccountRequest(Body):
    """POST /v1/repository/user."""

    user = Text(
        validators=[Rule(names.user_name_fault, maxLength=names.LENGTH)],
        help_text="The account's user name in the registry; unique there.",
    )
    password = NewHarborPassword()


class AccountPasswordRequest(Body):
    """PUT /v1/repository/user."""

    password = NewHarborPassword()


class ProjectsQuery(Body):
    """What GET /v1/repository/project takes besides the page."""

    projectName = Text(
        max_length=names.LENGTH,
        allow_blank=True,
        default="",
        help_text="A part of the project's name, without regard to case.",
    )
    public = QueryFlag(required=False, default=None, help_text="true: only public ones; false: only private ones.")


class ProjectRequest(Body):
    """POST /v1/repository/project."""

    projectName = Text(
        validators=[Rule(names.project_name_fault, maxLength=names.LENGTH, pattern=names.PROJECT.pattern)],
        help_text="The project's name; unique in the registry.",
    )
    public = Flag(help_text="true: anybody may pull its images.")


class ProjectsRequest(Body):
    """DELETE /v1/repository/project."""

    projectId = Listed(
        child=Whole(min_value=1, max_value=_BIGINT, help_text="A project's id."),
        allow_empty=False,
        max_length=MOST,
        help_text="The ids of the projects.",
    )


class ImageRow(serializers.Serializer[Any]):
    """An image."""

    projectName = serializers.CharField(source="project.name", help_text="The name of its project.")
    public = serializers.BooleanField(source="project.public", help_text="Whether anybody may pull it.")
    imageName = serializers.CharField(source="name", help_text="The image's name: project/repository.")
    imageAddress = serializers.CharField(source="address", help_text="Where it is pulled from, without a tag.")
    createTime = serializers.IntegerField(source="created", help_text="When it was created.")
    updateTime = serializers.IntegerField(source="updated", help_text="When it was changed last.")


class TagRow(serializers.Serializer[Any]):
    """A tag of an image."""

    tag = serializers.CharField(source="name", help_text="The tag.")
    imageAddress = serializers.CharField(source="address", help_text="Where the image is pulled from, without the tag.")
    createTime = serializers.IntegerField(source="created", help_text="When what it names was pushed.")
    updateTime = serializers.IntegerField(source="updated", help_text="When the tag was pushed.")


class ProjectRow(serializers.Serializer[Any]):
    """A project of the registry."""

    projectId = serializers.IntegerField(source="id", help_text="The project's id.")
    projectName = serializers.CharField(source="name", help_text="The project's name.")
    createTime = serializers.IntegerField(source="created", help_text="When it was created.")
    updateTime = serializers.IntegerField(source="updated", help_text="When it was changed last.")
    imageCount = serializers.IntegerField(source="images", help_text="How many images it holds.")
    public = serializers.BooleanField(help_text="Whether anybody may pull its images.")


class NamesNotDeleted(serializers.Serializer[Any]):
    """What a batch came to that did not go through whole."""

    deleted = serializers.ListField(child=serializers.CharField(), help_text="The names of what was deleted.")
    failed = serializers.DictField(
        child=serializers.CharField(), help_text="A sentence for each name that could not be deleted."
    )


class IdsNotDeleted(NamesNotDeleted):
    """What a batch came to that did not go through whole."""

    deleted = serializers.ListField(child=serializers.IntegerField(), help_text="The ids of what was deleted.")


class ExternalRequest(Body):
    """POST /v1/repository/third."""

    repositoryId = Text(
        max_length=rules.ID_LENGTH,
        validators=[Rule(rules.repository_id_fault, pattern="^[^/]+$")],
        help_text="The name by which applications refer to it; unique in the business.",
    )
    address = Text(
        max_length=255,
        validators=[Rule(rules.address_fault, pattern=rules.ADDRESS.pattern)],
        help_text="The registry's address: a host, with a port if need be.",
    )
    user = Text(
        max_length=255,
        validators=[Rule(rules.user_fault, pattern="^[^:]+$")],
        help_text="The user name for pulling images.",
    )
    # A service account's key, which some registries take as the password, has a few thousand characters.
    password = Text(max_length=10_000, help_text="The password for pulling images; never returned.")


class ExternalNamesRequest(Body):
    """DELETE /v1/repository/third."""

    repositoryId = Listed(
        child=Text(max_length=rules.ID_LENGTH, help_text="The name of an external repository."),
        allow_empty=False,
        help_text="The names of the external repositories.",
    )


class ExternalDetail(serializers.Serializer[ExternalRepository]):
    """An external repository."""

    repositoryId = serializers.CharField(source="repository_id", help_text="The name that applications refer to it by.")
    address = serializers.CharField(help_text="The registry's address.")
    user = serializers.CharField(help_text="The user name for pulling images.")


class ExternalRow(ExternalDetail):
    """An external repository in the list."""

    id = serializers.IntegerField(help_text="Its number.")
