"""What an action says of itself. The base viewset acts by it, and the document repeats it: neither can differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rest_framework.serializers import Serializer as AnySerializer

Serializer = type[AnySerializer[Any]]
Method = TypeVar("Method", bound=Callable[..., Any])


class Answer:
    """What a success carries beside `code` and `message`."""


@dataclass(frozen=True)
class Done(Answer):
    """Nothing else."""


@dataclass(frozen=True)
class One(Answer):
    """One object under `data`."""

    shape: Serializer


@dataclass(frozen=True)
class Page(Answer):
    """A page of a list with its `total`. under: the list's key; meta: the shape of a third key, `meta`."""

    shape: Serializer
    under: str = "data"
    meta: Serializer | None = None


@dataclass(frozen=True)
class Names(Answer):
    """A list of strings under `data`, without a total. what: a sentence about them."""

    what: str


@dataclass(frozen=True)
class Keys(Answer):
    """An object's fields, on the envelope itself."""

    shape: Serializer


@dataclass(frozen=True)
class Stream(Answer):
    """Server-sent events without an envelope. shape: the data of each, as JSON."""

    shape: Serializer


@dataclass(frozen=True)
class Refusal:
    """Why a call is refused, and the shape of the `data` that says more."""

    sentence: str
    data: Serializer


@dataclass(frozen=True)
class Endpoint:
    """One action. Its fields are the arguments of `endpoint`."""

    summary: str
    body: Any = None
    query: Any = None
    filters: Any = None
    answer: Answer = field(default_factory=Done)
    status: int = 200
    refuses: Mapping[int, str | Refusal] = field(default_factory=dict)
    sent: Mapping[str, Any] | None = None
    answered: Mapping[str, Any] | None = None


def endpoint(
    summary: str,
    *,
    body: Serializer | None = None,
    query: Serializer | None = None,
    filters: Any = None,
    answer: Answer | None = None,
    status: int = 200,
    refuses: Mapping[int, str | Refusal] | None = None,
    sent: Mapping[str, Any] | None = None,
    answered: Mapping[str, Any] | None = None,
) -> Callable[[Method], Method]:
    """Declare a viewset's action; its docstring is the description.

    summary: in the imperative; in snake case it is the operation id. body, query: what self.body() and
    self.parameters() validate. filters: the django-filter set of self.listed(). status: of a success.
    refuses: codes that only this action knows of; the others follow from policy, path and parameters.
    sent, answered: the seed's example of the body (or the query) and of the answer without code and message.
    """
    said = Endpoint(summary, body, query, filters, answer or Done(), status, refuses or {}, sent, answered)

    def mark(method: Method) -> Method:
        method.endpoint = said  # type: ignore[attr-defined]
        return method

    return mark
