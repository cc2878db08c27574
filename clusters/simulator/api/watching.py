"""Watches: what happened since a version, and what happens from now on."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import orjson

from ..cluster import Cluster
from ..kinds import Kind
from ..store import Change, Stored
from . import status
from .lists import Filter

# Seconds between bookmarks.
BOOKMARK_SECONDS = 60.0
# Seconds that a watch lasts when the client names none.
DEFAULT_TIMEOUT = 1800.0

Event = tuple[str, Stored]


class Watch:
    """One client's watch of one resource."""

    def __init__(self, cluster: Cluster, kind: Kind, namespace: str, name: str, query: Mapping[str, str]) -> None:
        self._cluster, self._kind, self._namespace, self._name = cluster, kind, namespace, name
        self._filter = Filter(kind, query)
        self._bookmarks = query.get("allowWatchBookmarks") in ("true", "1")
        self._initial = query.get("sendInitialEvents") in ("true", "1")
        self._timeout = float(query.get("timeoutSeconds") or DEFAULT_TIMEOUT)
        self._queue: asyncio.Queue[Change] = asyncio.Queue()
        self._since = query.get("resourceVersion", "")
        if self._since and not self._since.isdigit():
            raise status.bad_request(f"invalid resource version: {self._since}")
        self.check_age()

    def check_age(self) -> None:
        """410 when the history no longer reaches back to the version."""
        history = self._cluster.store.history
        since = int(self._since or 0)
        if not since or since >= self._cluster.store.version:
            return
        oldest = history[0].version if history else self._cluster.store.version + 1
        if since < oldest - 1:
            raise status.gone(f"too old resource version: {since} ({oldest - 1})")

    async def events(self) -> AsyncIterator[Event | None]:
        """Events in order; None asks for a bookmark. Ends at the timeout."""
        store = self._cluster.store
        store.listeners.append(self._queue.put_nowait)
        try:
            for event in self._first():
                yield event
            if self._initial and self._bookmarks:
                yield None
            loop = asyncio.get_running_loop()
            end, bookmark = loop.time() + self._timeout, loop.time() + BOOKMARK_SECONDS
            while (now := loop.time()) < end:
                try:
                    change = await asyncio.wait_for(self._queue.get(), min(end, bookmark) - now)
                except TimeoutError:
                    if self._bookmarks and loop.time() >= bookmark:
                        yield None
                    bookmark = max(bookmark, loop.time()) + BOOKMARK_SECONDS
                    continue
                shown = self._event(change)
                if shown:
                    yield shown
        finally:
            store.listeners.remove(self._queue.put_nowait)

    def _first(self) -> list[Event]:
        """Everything there is, or what happened since the version."""
        store = self._cluster.store
        if self._since in ("", "0") or self._initial:
            entries = store.entries(self._kind.name, self._namespace)
            wanted = (stored for key, stored in entries if self._named(key[1]))
            return [("ADDED", stored) for stored in wanted if self._filter.matches(stored)]
        since = int(self._since)
        changes = [change for change in store.history if change.version > since]
        return [event for event in map(self._event, changes) if event]

    def _named(self, name: str) -> bool:
        return self._name in ("", name)

    def _event(self, change: Change) -> Event | None:
        kind, namespace, name = change.key
        if kind != self._kind.name or self._namespace not in ("", namespace) or not self._named(name):
            return None
        before = change.before is not None and self._filter.matches(change.before)
        after = change.after is not None and self._filter.matches(change.after)
        if after and change.after:
            return ("MODIFIED" if before else "ADDED"), change.after
        if not before or change.before is None:
            return None
        if change.after is None:
            return "DELETED", change.before
        return "DELETED", _at_version(change.before, change.version)

    def bookmark(self) -> bytes:
        """An event that only says how far the watch has come."""
        meta: dict[str, object] = {"resourceVersion": str(self._cluster.store.version)}
        if self._initial:
            meta["annotations"] = {"k8s.io/initial-events-end": "true"}
            self._initial = False
        return orjson.dumps(
            {
                "type": "BOOKMARK",
                "object": {"kind": self._kind.name, "apiVersion": self._kind.api_version, "metadata": meta},
            }
        )


def _at_version(stored: Stored, version: int) -> Stored:
    """An object that no longer matches, as of the change that made it so."""
    obj = stored.read()
    obj["metadata"]["resourceVersion"] = str(version)
    return Stored(orjson.dumps(obj), version, stored.labels, stored.owners)
