"""Edges in memory whose every request waits for a test's word, so that a pass can stand still anywhere."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from clusters.drivers.base import EdgeError, Foreign, Hopeless, Listing, Observed, ObservedPod, Ref, Unreachable
from clusters.engine.labels import BUNDLE, GENERATION
from clusters.engine.load import Work
from clusters.engine.outcome import PassOutcome
from clusters.engine.reconcile import Rules, reconcile
from tests.engine.things import DEPLOYMENT, node, workload

CONFIGMAP = "v1/ConfigMap"
KINDS = frozenset({CONFIGMAP, DEPLOYMENT})
# What may become of a request.
FATES = ("done", "lost", "refused", "hopeless", "unreachable")
# No pass ends by its own clock, and nothing is applied again without a reason: a test says when time passes.
RULES = Rules(
    pass_seconds=1e6, fresh_seconds=90, reapply_seconds=1e9, progress_deadline=600, all_kinds=KINDS, longest_seconds=1e6
)
_uids = itertools.count(1)


@dataclass(slots=True)
class Thing:
    """An object as the edge holds it. late: written under a lease that somebody else had taken over."""

    uid: str
    body: bytes
    mark: int = 1
    ready: bool = False
    terminating: bool = False
    foreign: bool = False
    late: bool = False

    @property
    def labels(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.body)["metadata"]["labels"]
        return found


@dataclass
class Edge:
    """One cluster's API. Pods start, and what was deleted goes, when a test says so."""

    name: str
    things: dict[Ref, Thing] = field(default_factory=dict)
    node_labels: set[str] = field(default_factory=set)
    answers: bool = True

    def start_pods(self) -> None:
        for thing in self.things.values():
            thing.ready = True

    def collect(self) -> None:
        for ref in [ref for ref, thing in self.things.items() if thing.terminating]:
            del self.things[ref]

    def spoil(self, how: str) -> None:
        """Somebody else does this to all that is ours."""
        for ref, thing in self.ours().items():
            if how == "deleted":
                del self.things[ref]
            elif how == "changed":
                thing.mark, thing.body = thing.mark + 1, thing.body + b" "
            elif ref.kind == DEPLOYMENT:
                thing.ready = False

    def ours(self) -> dict[Ref, Thing]:
        return {ref: thing for ref, thing in self.things.items() if not thing.foreign}


class Gated:
    """A driver that makes each request when it is let: as the Kubernetes driver does, request by request."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.waiting: list[asyncio.Future[str]] = []
        self.late = False
        # Bundle and generation, with the bodies that a list of this pass showed ready.
        self.proofs: dict[tuple[str, int], set[bytes]] = {}
        self.free = False

    async def _ask(self) -> str:
        fate = "done"
        if not self.free:
            waits = asyncio.get_running_loop().create_future()
            self.waiting.append(waits)
            fate = await waits
        if not self.edge.answers or fate == "unreachable":
            raise Unreachable("no answer")
        if fate in {"refused", "hopeless"}:
            raise (EdgeError if fate == "refused" else Hopeless)(fate)
        return fate

    @staticmethod
    def _answered(fate: str) -> None:
        if fate == "lost":
            raise Unreachable("the answer was lost")

    async def probe(self) -> str:
        self._answered(await self._ask())
        return "v1.30.0"

    async def list(self, kinds: Iterable[str]) -> Listing:
        """One list per kind: not of one instant."""
        found: list[Observed] = []
        for kind in sorted(set(kinds) & KINDS):
            self._answered(await self._ask())
            for ref, thing in self.edge.ours().items():
                if ref.kind == kind:
                    seen = _observed(ref, thing)
                    found.append(seen)
                    if thing.ready and not thing.terminating:
                        self.proofs.setdefault((seen.bundle, seen.generation), set()).add(thing.body)
        self._answered(await self._ask())
        return Listing(found, [node("n1", *sorted(self.edge.node_labels))])

    async def list_pods(self, namespace: str, selector: dict[str, str], node: str = "") -> Sequence[ObservedPod]:
        self._answered(await self._ask())
        return []

    async def apply(self, ref: Ref, body: bytes, *, ours: bool, keep_replicas: bool = False) -> Observed:
        if not ours:
            self._answered(await self._ask())
            there = self.edge.things.get(ref)
            if there is not None and there.foreign:
                raise Foreign("it is there already and is not ours")
            if there is not None and there.labels[BUNDLE] != json.loads(body)["metadata"]["labels"][BUNDLE]:
                raise EdgeError("it is there already for another bundle")
        fate = await self._ask()
        thing = self.edge.things.get(ref)
        if thing is None:
            thing = self.edge.things[ref] = Thing(f"u{next(_uids)}", body, ready=ref.kind != DEPLOYMENT)
        elif thing.body != body:
            thing.body, thing.mark, thing.foreign = body, thing.mark + 1, False
            thing.ready = ref.kind != DEPLOYMENT
        thing.late = self.late
        self._answered(fate)
        return _observed(ref, thing)

    async def delete(self, ref: Ref, uid: str) -> None:
        fate = await self._ask()
        thing = self.edge.things.get(ref)
        if thing is not None and thing.uid == uid:
            assert not thing.foreign, "what is not ours is never deleted"
            thing.terminating = True
        self._answered(fate)

    async def label(self, node: str, label: str, present: bool) -> None:
        fate = await self._ask()
        (self.edge.node_labels.add if present else self.edge.node_labels.discard)(label)
        self._answered(fate)

    async def evict(self, namespace: str, pods: Iterable[str]) -> None:
        self._answered(await self._ask())


def _observed(ref: Ref, thing: Thing) -> Observed:
    runs = workload(1, int(thing.ready), selector={"app": ref.name}) if ref.kind == DEPLOYMENT else None
    labels = thing.labels
    return Observed(
        ref, thing.uid, labels[BUNDLE], int(labels[GENERATION]), str(thing.mark), thing.terminating, workload=runs
    )


class Worker:
    """A worker with one claimed cluster, and the pass that it is at."""

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Work, edge: Edge) -> None:
        self._loop = loop
        self.work = work
        self.driver = Gated(edge)
        self._task = loop.create_task(reconcile(work, self.driver, RULES))
        self._spin()

    @property
    def outcome(self) -> PassOutcome | None:
        """What came of the pass; None while it is under way."""
        return self._task.result() if self._task.done() else None

    def step(self, fate: str = "done") -> None:
        """Let the request go that has waited longest."""
        self.driver.waiting.pop(0).set_result(fate)
        self._spin()

    def finish(self) -> PassOutcome:
        """Let everything go."""
        self.driver.free = True
        while self.driver.waiting:
            self.step()
        while not self._task.done():
            self._spin()
        return self._task.result()

    def die(self) -> None:
        """As the process does: nothing more is asked, and nothing recorded."""
        self._task.cancel()
        self._spin()

    def age(self, by: timedelta) -> None:
        """Time has passed by as much; what it knows of times lies that much further back."""
        work = self.work
        work.now -= by
        work.observe_due_at = _earlier(work.observe_due_at, by)
        work.claim = replace(work.claim, observed_at=_earlier(work.claim.observed_at, by))
        for placement in work.placements:
            placement.applied_at = _earlier(placement.applied_at, by)
            placement.next_attempt_at = _earlier(placement.next_attempt_at, by)

    def _spin(self) -> None:
        """Run until nothing moves without an answer."""
        for _ in range(12):
            self._loop.run_until_complete(asyncio.sleep(0))
        self.driver.waiting = [waits for waits in self.driver.waiting if not waits.done()]


def _earlier(at: Any, by: timedelta) -> Any:
    return at - by if at is not None else None
