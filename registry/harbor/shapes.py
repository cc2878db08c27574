"""What Harbor's answers are read into. A field that is missing or of another type is a broken answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a list, and how many there are in all."""

    rows: list[T]
    total: int


@dataclass(frozen=True)
class HarborUser:
    """A user."""

    id: int
    name: str
    email: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> HarborUser:
        """Return it from an item of /users."""
        return cls(_int(data["user_id"]), _text(data["username"]), _text(data.get("email", "")))


@dataclass(frozen=True)
class Project:
    """A project. Zero scalars are left out of Harbor's answers."""

    id: int
    name: str
    owner_id: int
    public: bool
    images: int
    created: int
    updated: int

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Project:
        """Return it from an answer with details."""
        public = (data.get("metadata") or {}).get("public") == "true"
        times = _time(data.get("creation_time")), _time(data.get("update_time"))
        owner = _int(data.get("owner_id", 0))
        images = _int(data.get("repo_count", 0))
        return cls(_int(data["project_id"]), _text(data["name"]), owner, public, images, *times)


@dataclass(frozen=True)
class Repository:
    """A repository: what we call an image. name: with its project's."""

    id: int
    name: str
    created: int
    updated: int

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Repository:
        """Return it from an item of a list."""
        times = _time(data.get("creation_time")), _time(data.get("update_time"))
        return cls(_int(data["id"]), _text(data["name"]), *times)


@dataclass(frozen=True)
class Artifact:
    """What one push left. tags: name and time of the push."""

    id: int
    pushed: int
    tags: list[tuple[str, int]]

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Artifact:
        """Return it from an item of a list with tags."""
        tags = [(_text(tag["name"]), _time(tag.get("push_time"))) for tag in data.get("tags") or []]
        return cls(_int(data["id"]), _time(data.get("push_time")), tags)


def list_of(value: Any) -> list[Any]:
    """Return a list as it is."""
    if not isinstance(value, list):
        raise TypeError(f"no list: {type(value)}")
    return value


def _int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"no number: {value!r}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"no text: {value!r}")
    return value


def _time(value: Any) -> int:
    """Return Unix seconds; 0 for never, which Harbor writes as the year 1."""
    if value is None:
        return 0
    return max(0, int(datetime.fromisoformat(_text(value)).timestamp()))
