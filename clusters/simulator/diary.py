"""What happens on all clusters, as it happens: one line of JSON for each change, whatever else is asked of the edge."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Iterator, Mapping

import orjson

from .api.answers import typed
from .cluster import Cluster
from .kinds import BY_NAME
from .store import Change, Key, Stored

# Seconds between lines that only say how far the diary has come.
BEAT_SECONDS = 0.2

Entry = tuple[float, str, Change]


class Diary:
    """Tells its followers of every change. Used in the event loop only."""

    def __init__(self, clusters: Mapping[str, Cluster], persist: bool) -> None:
        self._clusters, self._persist = clusters, persist
        self._followers: list[asyncio.Queue[Entry]] = []

    def note(self, cluster: str, change: Change) -> None:
        """Tell of a change."""
        for follower in self._followers:
            follower.put_nowait((time.time(), cluster, change))

    async def lines(self, label: str) -> AsyncGenerator[bytes, None]:
        """Objects that carry this label: first all that are there, then what changes.

        A line is {"at", "cluster", "kind", "namespace", "name", "object"}, and the object null once it is gone or has
        lost the label. A line with "at" alone says that all until then was told; the first one ends what is there.
        """
        follower: asyncio.Queue[Entry] = asyncio.Queue()
        self._followers.append(follower)
        try:
            for line in list(self._present(label)):  # at once, before any change of it is told
                yield line
            told = 0.0
            while True:
                if follower.empty() and time.monotonic() >= told + BEAT_SECONDS:
                    told = time.monotonic()
                    yield b'{"at":%.6f}\n' % time.time()
                with contextlib.suppress(TimeoutError):
                    at, cluster, change = await asyncio.wait_for(follower.get(), BEAT_SECONDS)
                    after = change.after if change.after and label in change.after.labels else None
                    if after or (change.before and label in change.before.labels):
                        yield _line(at, cluster, change.key, after)
        finally:
            self._followers.remove(follower)

    def _present(self, label: str) -> Iterator[bytes]:
        now = time.time()
        for name, cluster in self._clusters.items():
            if cluster.touched or self._persist:
                store = cluster.store
                keys = store.keys()
                found = ((key, store.find(*key)) for key in keys)
                yield from (_line(now, name, key, stored) for key, stored in found if stored and label in stored.labels)


def _line(at: float, cluster: str, key: Key, stored: Stored | None) -> bytes:
    head = orjson.dumps({"at": at, "cluster": cluster, "kind": key[0], "namespace": key[1], "name": key[2]})
    body = typed(BY_NAME[key[0]], stored.data) if stored else b"null"
    return b'%b,"object":%b}\n' % (head[:-1], body)
