"""The objects of one cluster: bytes by key, a resourceVersion, and what changed of late.

Objects are kept as the JSON that goes out in lists: without apiVersion and
kind, which every object of a kind shares. Whoever reads one gets a copy of
its own, and ten thousand idle clusters stay small.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from .kinds import Kind

Key = tuple[str, str, str]  # kind, namespace ("" for cluster-scoped), name
Object = dict[str, Any]


def pack(obj: Object) -> bytes:
    """The object as JSON. Copied, since orjson's own bytes keep the room they grew into."""
    return bytes(memoryview(orjson.dumps(obj)))


@dataclass(slots=True)
class Stored:
    """One object as it is kept, with what lists and controllers look for."""

    data: bytes
    version: int
    labels: dict[str, str]
    owners: tuple[str, ...]

    def read(self) -> Object:
        """A copy of the object."""
        return orjson.loads(self.data)


@dataclass(frozen=True, slots=True)
class Change:
    """One event of the history: what a watch replays."""

    version: int
    key: Key
    before: Stored | None
    after: Stored | None


Listener = Callable[[Change], None]


class Store:
    """All objects of a cluster; every write goes through put and remove."""

    def __init__(self, history: int) -> None:
        self.version = 1
        self.history: deque[Change] = deque(maxlen=history)
        self.listeners: list[Listener] = []
        self._kinds: dict[str, dict[tuple[str, str], Stored]] = {}
        self._owned: dict[str, set[Key]] = {}

    def find(self, kind: str, namespace: str, name: str) -> Stored | None:
        """The object as it is kept."""
        return self._kinds.get(kind, {}).get((namespace, name))

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """A copy of the object."""
        found = self.find(kind, namespace, name)
        return found.read() if found else None

    def entries(self, kind: str, namespace: str = "") -> list[tuple[tuple[str, str], Stored]]:
        """Entries of a kind in the order of lists; "" means all namespaces."""
        found = self._kinds.get(kind, {})
        if namespace:
            return sorted(pair for pair in found.items() if pair[0][0] == namespace)
        return sorted(found.items(), key=lambda pair: pair[0])

    def objects(self, kind: str, namespace: str = "") -> Iterator[Object]:
        """Copies of a kind's objects, in order."""
        return (stored.read() for _, stored in self.entries(kind, namespace))

    def owned_by(self, uid: str) -> list[Key]:
        """Keys of the objects that name this uid as an owner."""
        return sorted(self._owned.get(uid, ()))

    def keys(self) -> list[Key]:
        """Keys of all objects."""
        return [(kind, *key) for kind, found in self._kinds.items() for key in found]

    def put(self, kind: Kind, obj: Object) -> Object:
        """Write the object with the next resourceVersion; returns it."""
        self.version += 1
        meta = obj["metadata"]
        meta["resourceVersion"] = str(self.version)
        key = (kind.name, meta.get("namespace", ""), meta["name"])
        before = self.find(*key)
        self._insert(key, before, self._stored(obj, self.version))
        return obj

    def _stored(self, obj: Object, version: int) -> Stored:
        meta = obj["metadata"]
        owners = tuple(owner["uid"] for owner in meta.get("ownerReferences") or ())
        return Stored(pack(obj), version, meta.get("labels") or {}, owners)

    def _insert(self, key: Key, before: Stored | None, after: Stored) -> None:
        if before is None or before.owners != after.owners:
            self._unlink(key, before)
            for uid in after.owners:
                self._owned.setdefault(uid, set()).add(key)
        self._kinds.setdefault(key[0], {})[key[1:]] = after
        self._tell(Change(after.version, key, before, after))

    def remove(self, kind: Kind, namespace: str, name: str) -> None:
        """Delete the object; watchers see its last state with a new version."""
        key = (kind.name, namespace, name)
        before = self._kinds[kind.name].pop(key[1:])
        self._unlink(key, before)
        self.version += 1
        last = before.read()
        last["metadata"]["resourceVersion"] = str(self.version)
        gone = Stored(pack(last), self.version, before.labels, before.owners)
        self._tell(Change(self.version, key, gone, None))

    def load(self, key: Key, version: int, obj: Object | None) -> None:
        """Set or drop an object as it was saved, without an event."""
        self.version = max(self.version, version)
        before = self.find(*key)
        self._unlink(key, before)
        if obj is None:
            self._kinds.get(key[0], {}).pop(key[1:], None)
            return
        stored = self._stored(obj, version)
        self._kinds.setdefault(key[0], {})[key[1:]] = stored
        for uid in stored.owners:
            self._owned.setdefault(uid, set()).add(key)

    def _unlink(self, key: Key, stored: Stored | None) -> None:
        for uid in stored.owners if stored else ():
            found = self._owned.get(uid, set())
            found.discard(key)
            if not found:
                self._owned.pop(uid, None)

    def _tell(self, change: Change) -> None:
        self.history.append(change)
        for listener in self.listeners:
            listener(change)
