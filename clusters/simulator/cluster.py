"""One simulated cluster: its objects, its faults and its controllers' work."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from .clock import Clock
from .faults import Fault
from .scheduling import Usage
from .seed import Origin, first_objects
from .store import Change, Key, Object, Store, Stored
from .timing import Timing

Away = Literal["", "hang", "refuse"]
Saved = Callable[[str], Iterable[tuple[Key, int, Object | None]]]


@dataclass(slots=True)
class Environment:
    """What all clusters of a simulator share."""

    timing: Timing
    clock: Clock
    saved: Saved  # the saved objects of a cluster
    changed: Callable[[str, Change], None]  # told of every write
    dispatch: Callable[["Cluster", Change], None]  # hands a change to the controllers
    resume: Callable[["Cluster"], None]  # has controllers pick up what a restart left
    history: int  # changes that a cluster remembers for watches
    events: bool  # whether controllers record Event objects


class Cluster:
    """A cluster's store is made when it is first asked for."""

    __slots__ = (
        "_store",
        "away",
        "away_changed",
        "environment",
        "faults",
        "node_ports",
        "origin",
        "requests",
        "snapshots",
        "steps",
        "token",
        "usage",
    )

    def __init__(self, origin: Origin, token: str, environment: Environment) -> None:
        self.origin = origin
        self.token = token
        self.environment = environment
        self.away: Away = ""
        self.away_changed: asyncio.Event | None = None
        self.faults: list[Fault] = []
        self.requests: Counter[tuple[str, str]] = Counter()
        self.snapshots: dict[tuple[str, ...], list[tuple[tuple[str, str], Stored]]] = {}
        self.usage: Usage | None = None
        self.steps: dict[str, float] = {}  # deployment uid: when its rollout may take the next step
        self.node_ports = 30000
        self._store: Store | None = None

    @property
    def name(self) -> str:
        """The cluster's name in paths."""
        return self.origin.name

    @property
    def timing(self) -> Timing:
        """How fast its controllers move."""
        return self.environment.timing

    @property
    def touched(self) -> bool:
        """Whether its store was made."""
        return self._store is not None

    @property
    def store(self) -> Store:
        """Its objects."""
        return self._store or self._load()

    def _load(self) -> Store:
        store = Store(self.environment.history)
        for key, version, obj in first_objects(self.origin):
            store.load(key, version, obj)
        saved = list(self.environment.saved(self.name))
        for key, version, kept in saved:
            store.load(key, version, kept)
        self.usage = Usage(store)
        store.listeners += [self.usage.note, self._dispatch, self._save]
        self._store = store
        if saved:
            self.environment.resume(self)
        return store

    def _save(self, change: Change) -> None:
        self.environment.changed(self.name, change)

    def _dispatch(self, change: Change) -> None:
        self.environment.dispatch(self, change)

    def later(self, seconds: float, *item: str) -> None:
        """Have a controller look at an item after so many seconds."""
        self.environment.clock.after(seconds, (self.name, *item))
