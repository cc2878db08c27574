"""What the API says and what the clusters hold, noted during the whole of a fault, for invariants to judge."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.faults.diary import Diary
from tests.faults.edge import Edge
from tests.faults.records import Away, Records

# Seconds between two questions, and so many more for each cluster.
EVERY, MORE = 0.3, 0.004


class Green(NamedTuple):
    """The API said that a deployment has status 5, at some instant between these two."""

    asked: float
    answered: float
    deployment: int


class Read(NamedTuple):
    """All rows were read at some instant between the first two. interval: seconds between observations, as then set."""

    asked: float
    answered: float
    interval: float


class Wanted(NamedTuple):
    """What a placement's row said from then on: read at some instant between these two.

    generation: 0 when nothing was wanted. attempts: how many in a row had failed.
    """

    asked: float
    answered: float
    generation: int
    attempts: int


@dataclass(slots=True)
class Pair:
    """A bundle on a cluster: what was wanted there, and for which deployment."""

    deployment: int | None
    wanted: list[Wanted]


class Sampler:
    """Notes, in threads of its own, until the block ends."""

    def __init__(
        self, edge: Edge, records: Records, deployments: Callable[[], list[dict[str, Any]] | None], clusters: int
    ) -> None:
        """deployments: asks the API for the rows of its list; None when it does not answer."""
        self.diary, self._records, self._deployments = Diary(edge), records, deployments
        self._every = EVERY + MORE * clusters
        self._stopping = threading.Event()
        self._failed: list[Exception] = []
        self.greens: list[Green] = []
        self.pairs: dict[tuple[str, str], Pair] = {}
        # When lists of a cluster began that were recorded.
        self.observed: dict[str, list[float]] = defaultdict(list)
        # When the rows were read, all together, and which interval was in force.
        self.reads: list[Read] = []
        # How often the API has told the status of deployments.
        self.told = 0
        self.statuses: dict[int, list[tuple[float, int]]] = defaultdict(list)
        self._threads = [
            threading.Thread(target=self._repeat, args=(note,), name=note.__name__, daemon=True)
            for note in (self._note_statuses, self._note_rows)
        ]
        self.began = self.ended = 0.0

    def __enter__(self) -> Self:
        self.diary.__enter__()
        self._note_rows()
        self.began = time.time()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(30)
        self._note_rows()
        self.ended = time.time()
        if kind is None:
            self.diary.now()
        self.diary.__exit__(kind, error, trace)
        if kind is None and self._failed:
            raise self._failed[0]  # what was not noted cannot be judged

    def _repeat(self, note: Callable[[], None]) -> None:
        try:
            while not self._stopping.wait(self._every):
                note()
        except Exception as error:  # noqa: BLE001 - raised again where the block ends
            self._failed.append(error)

    def _note_statuses(self) -> None:
        asked = time.time()
        rows = self._deployments()
        answered = time.time()
        self.told += rows is not None
        for row in rows or ():
            seen = self.statuses[row["id"]]
            if not seen or seen[-1][1] != row["status"]:
                seen.append((asked, row["status"]))
            if row["status"] == 5:
                self.greens.append(Green(asked, answered, row["id"]))

    def _note_rows(self) -> None:
        asked = time.time()
        with contextlib.suppress(Away):
            answer = self._records.ask("placements")
            answered = time.time()
            self.reads.append(Read(asked, answered, answer["interval"]))
            for cluster, at in answer["observed"].items():
                if at is not None and self.observed[cluster][-1:] != [at]:
                    self.observed[cluster].append(at)
            left = set(self.pairs)
            for cluster, bundle, deployment, present, generation, attempts in answer["placements"]:
                pair = self.pairs.setdefault((cluster, bundle), Pair(deployment, []))
                self._want(pair, Wanted(asked, answered, generation if present else 0, attempts))
                left.discard((cluster, bundle))
            for key in left:
                self._want(self.pairs[key], Wanted(asked, answered, 0, 0))

    @staticmethod
    def _want(pair: Pair, wanted: Wanted) -> None:
        if not pair.wanted or pair.wanted[-1][2:] != wanted[2:]:
            pair.wanted.append(wanted)
