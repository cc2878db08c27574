"""Rows become plain values, so that the event loop never touches the ORM. A constant number of queries per batch."""

from __future__ import annotations

import logging
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson
from django.conf import settings
from django.db.models import TextField
from django.db.models.functions import Cast

from clusters.drivers.base import Ref
from clusters.engine.by_index import by_index
from clusters.engine.claim import Claim
from clusters.models import Bundle, Cluster, NodeLabel, Placement
from otestack.crypto import Undecryptable, decrypt
from otestack.statements import Statement, holes

log = logging.getLogger(__name__)

# Bundles whose objects a process keeps; a bundle of five objects takes some 10 KB.
CACHED_BUNDLES = 5000


# Bundle, its uid, generation and time of change: the last two tell apart what a restored database gives out again.
VersionKey = tuple[int, str, int, datetime]


@dataclass(frozen=True, slots=True)
class WantedObject:
    """One object as it goes out."""

    ref: Ref
    body: bytes


@dataclass(slots=True)
class WantedPlacement:
    """A placement and its bundle's objects of that generation."""

    id: int
    bundle_id: int
    bundle_uid: str
    bundle_changed_at: datetime
    title: str
    namespace: str
    node_label: str
    kinds: list[str]
    present: bool
    generation: int
    applied_generation: int
    applied_at: datetime | None
    ready_generation: int
    failed: bool
    deleted_once: bool
    running: int
    error: int
    total: int
    last_error: str
    attempts: int
    next_attempt_at: datetime | None
    marks: dict[str, list[str]]
    objects: tuple[WantedObject, ...] = ()
    # False: the bundle changed while we read, and these objects are not of this generation. Such a placement waits.
    known: bool = True

    @property
    def version(self) -> VersionKey:
        """What its objects are cached under."""
        return self.bundle_id, self.bundle_uid, self.generation, self.bundle_changed_at

    @property
    def pending(self) -> bool:
        """Something is to be done there, now or later."""
        return not self.present or self.applied_generation < self.generation

    @property
    def autoscaled(self) -> bool:
        """An autoscaler may own the replicas."""
        return any(item.ref.kind.endswith("/HorizontalPodAutoscaler") for item in self.objects)

    @property
    def namespaces(self) -> set[str]:
        """Namespaces that this bundle itself creates."""
        return {item.ref.name for item in self.objects if item.ref.kind == "v1/Namespace"}


@dataclass(frozen=True, slots=True)
class WantedLabel:
    """A node label that was asked for."""

    id: int
    node: str
    label: str
    present: bool
    seq: int
    evict: bool


@dataclass(slots=True)
class Work:
    """All that a pass over one cluster needs to know."""

    claim: Claim
    now: datetime
    removing: bool
    observe_due_at: datetime | None
    full: bool
    placements: list[WantedPlacement] = field(default_factory=list)
    labels: list[WantedLabel] = field(default_factory=list)

    @property
    def observe(self) -> bool:
        """An observation is due."""
        return self.observe_due_at is None or self.observe_due_at <= self.now

    @property
    def changes(self) -> bool:
        """Something is to be done there, and it answered the last time, so that somebody may be waiting."""
        wanted = self.removing or bool(self.labels) or any(placement.pending for placement in self.placements)
        return wanted and not self.claim.probe

    @property
    def unproven(self) -> int:
        """How many placements were not seen as they are wanted, so that their rows will change."""
        return sum(p.pending or p.ready_generation != p.generation for p in self.placements)

    @property
    def kinds(self) -> set[str]:
        """Kinds that the placements hold or held."""
        return {kind for placement in self.placements for kind in placement.kinds}


class _ObjectCache:
    """Objects by version of a bundle: immutable, shared by all clusters of a process."""

    def __init__(self) -> None:
        self._held: OrderedDict[VersionKey, tuple[WantedObject, ...]] = OrderedDict()

    def get(self, wanted: Iterable[VersionKey]) -> dict[VersionKey, tuple[WantedObject, ...]]:
        """Return the objects of these versions; what is not the bundle's current one is missing."""
        keys = set(wanted)
        missing = {key[0] for key in keys if key not in self._held}
        if missing:
            self._load(missing)
        found = {}
        for key in keys & self._held.keys():
            self._held.move_to_end(key)
            found[key] = self._held[key]
        while len(self._held) > max(CACHED_BUNDLES, len(keys)):
            self._held.popitem(last=False)
        return found

    def _load(self, bundles: set[int]) -> None:
        parts: dict[VersionKey, list[WantedObject]] = defaultdict(list)
        # One statement, so that generation and objects belong together; from the bundle, which may hold no object. One
        # that has ended lost its objects without a new generation.
        living = Bundle.objects.filter(pk__in=bundles, ended_at__isnull=True)
        rows = living.order_by("pk", "objects_wanted__position")
        sealed = Cast("objects_wanted__secret", TextField())  # opened below, one by one
        unreadable = set()
        for pk, uid, generation, changed_at, api_version, kind, namespace, name, body, secret in rows.values_list(
            "pk", "uid", "generation", "updated_at", *(f"objects_wanted__{name}" for name in _OBJECT_COLUMNS), sealed
        ):
            key = pk, str(uid), generation, changed_at
            objects = parts[key]
            if name is None:
                continue
            try:
                text = decrypt(secret) if secret else body
            except Undecryptable as error:
                log.error("Secret %s/%s waits, and all of its bundle: %s", namespace, name, error)
                unreadable.add(key)
            else:
                objects.append(WantedObject(Ref(f"{api_version}/{kind}", namespace, name), text.encode()))
        for key, objects in parts.items():
            if key not in unreadable:
                self._held[key] = tuple(objects)


_cache = _ObjectCache()

_OBJECT_COLUMNS = ("api_version", "kind", "namespace", "name", "body")

_BUNDLE_COLUMNS = ("uid", "updated_at", "title", "namespace", "node_label", "kinds")

_PLACEMENT_COLUMNS = (
    "cluster_id", "bundle_id", "id", "present", "generation", "applied_generation", "applied_at", "ready_generation",
    "failed", "deleted_once", "running", "error", "total", "last_error", "attempts", "next_attempt_at",
)  # fmt: skip


def _bundles(ids: set[int]) -> dict[int, tuple[Any, ...]]:
    """Return what placements need of their bundles: read once, and after the placements.

    One that changed in between is newer than its placement, so that its objects are not taken for that generation's.
    """
    rows = _statements().bundles.run(list(ids))
    return {pk: (str(uid), *rest) for pk, uid, *rest in rows}


@dataclass(frozen=True, slots=True)
class _Statements:
    """What is read of clusters, or of bundles, by their ids."""

    clusters: Statement
    placements: Statement
    bundles: Statement
    labels: Statement


@lru_cache(maxsize=1)
def _statements() -> _Statements:
    (ids,) = replaced = holes([])
    labels = NodeLabel.objects.filter(node__cluster_id__among=ids, wanted__isnull=False)
    # Marks as text: the ORM's way of reading JSON costs more than all else here.
    marks: Any = Cast("marks", TextField())
    clusters = Cluster.objects.filter(pk__among=ids).values_list("pk", "removing", "observe_due_at", "full_list_at")
    placements = Placement.objects.filter(cluster_id__among=ids).order_by("id")
    return _Statements(
        clusters=Statement(clusters, replaced),
        placements=Statement(placements.values_list(*_PLACEMENT_COLUMNS, marks), replaced),
        bundles=Statement(Bundle.objects.filter(pk__among=ids).values_list("pk", *_BUNDLE_COLUMNS), replaced),
        labels=Statement(
            labels.values_list("node__cluster_id", "id", "node__name", "label", "wanted", "wanted_seq", "evict"),
            replaced,
        ),
    )


@by_index()
def load(claims: Sequence[Claim], now: datetime) -> list[Work]:
    """Return the work of claimed clusters, in the order of the claims."""
    ids = [claim.cluster_id for claim in claims]
    oldest = now - timedelta(seconds=settings.OTE_FULL_LIST_SECONDS)
    works = {}
    claim_of = {claim.cluster_id: claim for claim in claims}
    for pk, removing, observe_due_at, full_list_at in _statements().clusters.run(ids):
        works[pk] = Work(
            claim=claim_of[pk],
            now=now,
            removing=removing,
            observe_due_at=observe_due_at,
            full=removing or full_list_at is None or full_list_at < oldest,
        )
    placed = _statements().placements.run(ids)
    bundles = _bundles({bundle_id for _, bundle_id, *_ in placed})
    for cluster_id, bundle_id, pk, *columns, marks in placed:
        if cluster_id in works and bundle_id in bundles:
            columns.append(orjson.loads(marks))
            works[cluster_id].placements.append(WantedPlacement(pk, bundle_id, *bundles[bundle_id], *columns))
    present = [p for work in works.values() for p in work.placements if p.present]
    objects = _cache.get(placement.version for placement in present)
    for placement in present:
        placement.objects = objects.get(placement.version, ())
        placement.known = placement.version in objects
    for cluster_id, *rest in _statements().labels.run(ids):
        if cluster_id in works:
            works[cluster_id].labels.append(WantedLabel(*rest))
    return [works[pk] for pk in ids if pk in works]
