"""The driver protocol, in neutral verbs. Server-side apply is one driver's business, not the engine's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

# The monotonic time after which the pass under way must not write to its edge: its lease may be another worker's.
write_until: ContextVar[float] = ContextVar("write_until", default=math.inf)


class OutOfTime(Exception):
    """The pass has no time left; what it has not done is done by the next one."""


class EdgeError(Exception):
    """An edge refused or failed; str() is one line for people.

    status: the edge's HTTP status, 0 for none. retry_after: seconds the edge asked for.
    """

    def __init__(self, message: str, *, status: int = 0, retry_after: float = 0) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class Unreachable(EdgeError):
    """No answer: connection refused, reset, timed out, or TLS failed."""


class Hopeless(EdgeError):
    """Trying the same again cannot help: an invalid or immutable field, an object that is not ours."""


class Foreign(Hopeless):
    """An object of that name is there and is not ours."""


@dataclass(frozen=True, slots=True)
class Ref:
    """Which object. kind: 'apps/v1/Deployment'; namespace is '' for cluster-scoped ones."""

    kind: str
    namespace: str
    name: str

    @property
    def key(self) -> str:
        """Short, for placement marks: a bundle has one namespace and one API version of a kind."""
        return f"{self.kind.rsplit('/', 1)[-1]}/{self.name}"

    @property
    def text(self) -> str:
        """For sentences."""
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind.rsplit('/', 1)[-1]} {where}{self.name}"


@dataclass(slots=True)
class Workload:
    """What a workload says of itself. wanted, current (of this revision), available: pods.

    selector: of its pods, as text for list_pods; '' where there is none, or one of which we do not know what it means.
    """

    observed: bool
    wanted: int
    current: int
    available: int
    surplus: int = 0
    stalled: str = ""
    selector: str = ""
    scaled_by_others: bool = False


@dataclass(slots=True)
class Observed:
    """An object of ours as listed. mark: moves when somebody changes what we applied."""

    ref: Ref
    uid: str
    bundle: str
    generation: int
    mark: str
    terminating: bool = False
    workload: Workload | None = None


@dataclass(slots=True)
class ObservedNode:
    """A node; labels are ours only, without prefix. memory, disk, gpu in bytes, cpu in whole cores."""

    name: str
    operating_system: str
    kernel_version: str
    ip: str
    memory: int
    cpu: int
    disk: int
    gpu: int
    ready: bool
    labels: tuple[str, ...]


@dataclass(slots=True)
class ObservedPod:
    """A pod. trouble: what keeps it from running, in one line; '' when nothing does. owner: the workload it is of."""

    name: str
    uid: str
    node: str
    running: bool
    trouble: str
    owner: Ref | None = None


@dataclass(slots=True)
class Listing:
    """All objects of ours of the kinds that were asked for, and all nodes."""

    objects: list[Observed] = field(default_factory=list)
    nodes: list[ObservedNode] = field(default_factory=list)


class Driver(Protocol):
    """One edge cluster. Every call raises EdgeError or a subclass, and nothing else that an edge can cause."""

    async def probe(self) -> str:
        """Return the version; the cheapest answer that proves life."""
        ...

    async def list(self, kinds: Iterable[str]) -> Listing:
        """Return everything of this centre's of these kinds, and the nodes: complete, or an error."""
        ...

    async def list_pods(self, namespace: str, selector: str, node: str = "") -> Sequence[ObservedPod]:
        """Return the pods that a workload's selector matches, its own and maybe others."""
        ...

    async def apply(self, ref: Ref, body: bytes, *, ours: bool, keep_replicas: bool = False) -> Observed:
        """Bring one object to what `body` says. ours: seen there as ours before; else Foreign if something is there.

        keep_replicas: leave the number of replicas to whoever owns it now.
        """
        ...

    async def delete(self, ref: Ref, uid: str) -> None:
        """Delete that very object; gone or replaced already is success."""
        ...

    async def label(self, node: str, label: str, present: bool) -> None:
        """Put a label of ours on a node, or take it off."""
        ...

    async def evict(self, namespace: str, pods: Iterable[ObservedPod]) -> None:
        """Delete these very pods; their controllers put them where they belong now. Gone already is success."""
        ...
