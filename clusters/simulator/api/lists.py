"""Lists: selectors, pages that show one moment, tables."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ..cluster import Cluster
from ..kinds import Kind
from ..selectors import BadSelector, parse_fields, parse_labels
from ..store import Stored
from . import status

# A list that was not read to its end is remembered; the oldest are forgotten first.
SNAPSHOTS = 32

Entry = tuple[tuple[str, str], Stored]


@dataclass(slots=True)
class Page:
    """Part of a list and where it goes on."""

    entries: list[Entry]
    meta: dict[str, Any]


class Filter:
    """The label and field selectors of a query."""

    def __init__(self, kind: Kind, query: Mapping[str, str]) -> None:
        try:
            self._labels = parse_labels(query.get("labelSelector", ""))
            self._fields = parse_fields(query.get("fieldSelector", ""), kind.name)
        except BadSelector as error:
            raise status.bad_request(str(error)) from None

    def matches(self, stored: Stored) -> bool:
        """Whether the object passes both selectors."""
        if self._labels and not self._labels(stored.labels):
            return False
        return self._fields is None or self._fields(stored.read())

    @property
    def test(self) -> Callable[[Stored], bool] | None:
        """The filter as a function; None when everything passes."""
        return self.matches if self._labels or self._fields else None


def _number(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "")
    try:
        return int(text or 0)
    except ValueError:
        raise status.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def page(cluster: Cluster, kind: Kind, namespace: str, query: Mapping[str, str]) -> Page:
    """One page of the list."""
    limit, token = _number(query, "limit"), query.get("continue", "")
    # Two lists may stop at the same name in the same version.
    what = (kind.name, namespace, query.get("labelSelector", ""), query.get("fieldSelector", ""))
    if token:
        entries, version = _resume(cluster, what, token)
    else:
        _check_version(cluster, query.get("resourceVersion", ""))
        test = Filter(kind, query).test
        entries = cluster.store.entries(kind.name, namespace)
        if test:
            entries = [entry for entry in entries if test(entry[1])]
        version = cluster.store.version
    meta: dict[str, Any] = {"resourceVersion": str(version)}
    if limit and len(entries) > limit:
        meta["continue"] = _remember(cluster, what, entries[limit:], version)
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            meta["remainingItemCount"] = len(entries) - limit
        entries = entries[:limit]
    return Page(entries, meta)


def _check_version(cluster: Cluster, version: str) -> None:
    if version and not version.isdigit():
        raise status.bad_request(f"invalid resource version: {version}")
    if version and int(version) > cluster.store.version:
        details = {"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]}
        message = f"Timeout: Too large resource version: {version}, current: {cluster.store.version}"
        raise status.ApiError(504, "Timeout", message, details | {"retryAfterSeconds": 1}, retry_after=1)


def _remember(cluster: Cluster, what: tuple[str, ...], rest: list[Entry], version: int) -> str:
    namespace, name = rest[0][0]
    start = f"{namespace}/{name}\0".lstrip("/")
    serial = len(rest)
    raw = orjson.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": start, "left": serial})
    token = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    cluster.snapshots[*what, token] = rest
    while len(cluster.snapshots) > SNAPSHOTS:
        del cluster.snapshots[next(iter(cluster.snapshots))]
    return token


def _resume(cluster: Cluster, what: tuple[str, ...], token: str) -> tuple[list[Entry], int]:
    try:
        content = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        version = int(content["rv"])
    except (ValueError, KeyError, TypeError):
        raise status.bad_request("continue key is not valid: encoded continue key is not valid") from None
    rest = cluster.snapshots.get((*what, token))
    if rest is None:
        raise status.gone(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list "
            "without the continue parameter."
        )
    return rest, version
