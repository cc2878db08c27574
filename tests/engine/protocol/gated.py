"""A driver whose every request waits for a test's word, so that a pass can stand still anywhere."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from clusters.drivers.base import EdgeError, Foreign, Hopeless, Listing, Observed, ObservedPod, Ref, Unreachable
from clusters.engine.labels import BUNDLE
from tests.engine.protocol.edges import Edge, Thing
from tests.engine.things import DEPLOYMENT, node

CONFIGMAP = "v1/ConfigMap"
KINDS = frozenset({CONFIGMAP, DEPLOYMENT})
# What may become of a request.
FATES = ("done", "lost", "refused", "hopeless", "unreachable")
# Bundle and generation.
Version = tuple[str, int]
_uids = itertools.count(1)


class Gated:
    """Makes each request when it is let: as the Kubernetes driver does, request by request.

    resting: bundles whose next attempt is not due yet, for which nothing may be applied.
    """

    def __init__(self, edge: Edge, resting: set[str]) -> None:
        self.edge = edge
        self.resting = resting
        self.waiting: list[asyncio.Future[str]] = []
        self.late = False
        self.free = False
        # What this pass was told: whether anything; bodies that a list showed ready; bodies that are there.
        self.told = False
        self.proofs: dict[Version, set[bytes]] = {}
        self.held: dict[Version, set[bytes]] = {}
        self.listed: set[str] = set()
        self.list_began: datetime | None = None

    async def _ask(self) -> str:
        fate = "done"
        if not self.free:
            waits = asyncio.get_running_loop().create_future()
            self.waiting.append(waits)
            fate = await waits
        if not self.edge.answers or fate == "unreachable":
            raise Unreachable("no answer")
        if fate in {"refused", "hopeless"}:
            self.told = True
            raise (EdgeError if fate == "refused" else Hopeless)(fate)
        return fate

    def _answered(self, fate: str) -> None:
        if fate == "lost":
            raise Unreachable("the answer was lost")
        self.told = True

    async def probe(self) -> str:
        self._answered(await self._ask())
        return "v1.30.0"

    async def list(self, kinds: Iterable[str]) -> Listing:
        """One list per kind: not of one instant."""
        self.list_began = datetime.now(UTC)
        found: list[Observed] = []
        for kind in sorted(set(kinds) & KINDS):
            self._answered(await self._ask())
            for ref, thing in self.edge.ours().items():
                if ref.kind == kind:
                    found.append(self._seen(ref, thing))
        self._answered(await self._ask())
        return Listing(found, [node("n1", *sorted(self.edge.node_labels))])

    def _seen(self, ref: Ref, thing: Thing) -> Observed:
        seen = thing.observed(ref)
        self.listed.add(seen.bundle)
        if not thing.terminating:
            self.held.setdefault((seen.bundle, seen.generation), set()).add(thing.body)
            if thing.ready:
                self.proofs.setdefault((seen.bundle, seen.generation), set()).add(thing.body)
        return seen

    async def list_pods(self, namespace: str, selector: str, node: str = "") -> Sequence[ObservedPod]:
        self._answered(await self._ask())
        return []

    async def apply(self, ref: Ref, body: bytes, *, ours: bool, keep_replicas: bool = False) -> Observed:
        assert json.loads(body)["metadata"]["labels"][BUNDLE] not in self.resting, "tried before its time"
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
        seen = thing.observed(ref)
        self.held.setdefault((seen.bundle, seen.generation), set()).add(thing.body)
        return seen

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
        self.edge.labelled_late = self.late
        self._answered(fate)

    async def evict(self, namespace: str, pods: Iterable[ObservedPod]) -> None:
        self._answered(await self._ask())
