"""What the clusters themselves hold, told by the simulated edge as it happens; it tells whoever cannot reach them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self

import orjson
import requests

from clusters.engine.labels import BUNDLE, CENTRE, GENERATION
from tests.faults.edge import Edge
from tests.run.product import until


class Held(NamedTuple):
    """An object in a cluster, and whose it is."""

    cluster: str
    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Moment:
    """What an object was from then on. generation: 0 when it was not there; ready: as its status says."""

    at: float
    bundle: str
    generation: int
    ready: bool


class Diary:
    """Follows the edge in a thread, over a restart of it too."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="diary", daemon=True)
        # What there is now, and all that has been, by object.
        self.objects: dict[Held, dict[str, Any]] = {}
        self.moments: dict[Held, list[Moment]] = defaultdict(list)
        # Times between which nobody told us.
        self.gaps: list[tuple[float, float]] = []
        self.told_until = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self.told_until, "the edge has told what there is")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(10)

    def now(self) -> dict[Held, dict[str, Any]]:
        """Return what the clusters hold now, as soon as all that happened before this call is told."""
        asked = time.time()
        until(lambda: self.told_until >= asked, "the edge tells what there is", 30)
        return dict(self.objects)

    def _follow(self) -> None:
        while not self._stopping.is_set():
            before = self.told_until
            with contextlib.suppress(requests.RequestException):
                self._read()
            if not self._stopping.wait(0.2) and before:
                self.gaps.append((self.told_until, float("inf")))

    def _read(self) -> None:
        first: set[Held] | None = set()
        for line in self._edge.changes(CENTRE):
            entry = orjson.loads(line)
            if "cluster" in entry:
                held = Held(entry["cluster"], entry["kind"], entry["namespace"], entry["name"])
                self._note(held, entry["at"], entry["object"])
                if first is not None:
                    first.add(held)
                continue
            if first is not None:
                for held in set(self.objects) - first:
                    self._note(held, entry["at"], None)
                self.gaps = [(begun, min(ended, entry["at"])) for begun, ended in self.gaps]
                first = None
            self.told_until = entry["at"]
            if self._stopping.is_set():
                return

    def _note(self, held: Held, at: float, found: dict[str, Any] | None) -> None:
        moments = self.moments[held]
        if found is None:
            self.objects.pop(held, None)
            moments.append(Moment(at, moments[-1].bundle if moments else "", 0, False))
            return
        self.objects[held] = found
        labels = found["metadata"]["labels"]
        generation = int(labels[GENERATION]) if labels.get(GENERATION, "").isdigit() else 0
        moment = Moment(at, labels.get(BUNDLE, ""), generation, is_ready(found))
        if not moments or (moments[-1].bundle, moments[-1].generation, moments[-1].ready) != (
            moment.bundle, moment.generation, moment.ready,
        ):  # fmt: skip
            moments.append(moment)


def is_ready(found: dict[str, Any]) -> bool:
    """Return whether a Deployment runs what its spec says, and nothing else; all other kinds are ready at once."""
    if found["kind"] != "Deployment":
        return True
    status, wanted = found.get("status", {}), found["spec"].get("replicas", 1)
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    return status.get("observedGeneration", 0) >= found["metadata"]["generation"] and counts == [wanted] * 3


def spans(moments: list[Moment], ends: float) -> Iterator[tuple[float, float, Moment]]:
    """Return from when until when each moment lasted."""
    for moment, following in zip(moments, [*moments[1:], None], strict=True):
        yield moment.at, following.at if following else ends, moment
