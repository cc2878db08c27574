"""What to do on a cluster: a pure function of what is wanted and what was listed.

Deletions come before applies. Only what this database knows to be ours and unwanted is deleted: objects of a placement
that wants nothing, and objects that a newer generation of their bundle dropped. An unknown bundle's objects are
counted, never touched: a restored database must not be able to wipe a fleet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from clusters.drivers.base import Listing, Observed, Ref
from clusters.engine.load import WantedObject, WantedPlacement, Work
from otestack.sentences import say

# Namespaces of Kubernetes itself, whatever labels somebody gave them.
NEVER_DELETED = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})
# Seconds until we look whether something that has to go first is gone.
LOOK_AGAIN = 1.0


@dataclass(slots=True)
class Application:
    """Objects of one placement to apply, in order."""

    placement: WantedPlacement
    objects: list[tuple[WantedObject, bool, bool]] = field(default_factory=list)  # object, ours, keep replicas


@dataclass(slots=True)
class Plan:
    """What a pass should do, and what it already knows."""

    deletes: list[tuple[WantedPlacement, Observed]] = field(default_factory=list)
    applies: list[Application] = field(default_factory=list)
    # Placements that wait for something to go first, and for what.
    waits: dict[int, str] = field(default_factory=dict)
    # Placements that want nothing, of which nothing was found.
    empty: list[WantedPlacement] = field(default_factory=list)
    # Placements with all objects there as applied: their health counts.
    settled: list[tuple[WantedPlacement, list[Observed]]] = field(default_factory=list)
    unknown: dict[str, int] = field(default_factory=dict)
    # By placement, where the list did not show all that it remembers: the marks of what it did show. What was not there
    # may be somebody else's the next time.
    marks: dict[int, dict[str, list[str]]] = field(default_factory=dict)


def may_skip_list(work: Work, fresh_after: datetime) -> bool:
    """Return whether the pending changes can be applied without listing first: the usual push to a healthy cluster.

    Not where something must be deleted, nodes are to be labelled, an autoscaler may have taken the replicas since the
    last list, or the last list is old.
    """
    if work.observe or work.full or work.removing or work.labels or work.claim.away or work.claim.failed_probes:
        return False
    if work.claim.observed_at is None or work.claim.observed_at < fresh_after:
        return False
    pending = [placement for placement in work.placements if placement.pending]
    return bool(pending) and all(
        placement.present
        and placement.known
        and placement.objects
        and placement.attempts == 0
        and _may_try(placement, work.now)
        and not (placement.autoscaled and placement.marks)
        for placement in pending
    )


def plan_without_list(work: Work) -> Plan:
    """Plan plain applies of what is pending (see may_skip_list)."""
    plan = Plan()
    for placement in work.placements:
        if placement.pending and placement.known and _may_try(placement, work.now):
            objects = [(item, item.ref.key in placement.marks, False) for item in placement.objects]
            plan.applies.append(Application(placement, objects))
    return _ordered(plan)


def plan_with_list(work: Work, listing: Listing, reapply: Callable[[WantedPlacement], bool]) -> Plan:
    """Plan from a complete list. reapply: whether a placement's periodic apply is due."""
    plan = Plan()
    by_ref = {item.ref: item for item in listing.objects}
    by_bundle: dict[str, list[Observed]] = defaultdict(list)
    for item in listing.objects:
        by_bundle[item.bundle].append(item)
    for placement in work.placements:
        mine = by_bundle.pop(placement.bundle_uid, [])
        if placement.present:
            _want(plan, placement, mine, by_ref, work.now, reapply)
        elif mine:
            plan.deletes += [(placement, item) for item in mine if _may_delete(placement, item)]
            plan.waits[placement.id] = ""
        else:
            plan.empty.append(placement)
    plan.unknown = {uid: len(items) for uid, items in by_bundle.items()}
    return _ordered(plan)


def _want(
    plan: Plan,
    placement: WantedPlacement,
    mine: list[Observed],
    by_ref: dict[Ref, Observed],
    now: datetime,
    reapply: Callable[[WantedPlacement], bool],
) -> None:
    if not placement.known:  # changed since it was claimed: the mark that came with the change brings us back
        return
    shown = {item.ref.key for item in mine}
    if not placement.marks.keys() <= shown:
        plan.marks[placement.id] = {key: mark for key, mark in placement.marks.items() if key in shown}
    wanted = {item.ref for item in placement.objects}
    plan.deletes += [
        (placement, item)
        for item in mine
        if item.ref not in wanted and item.generation <= placement.generation and _may_delete(placement, item)
    ]
    everything = reapply(placement)
    application = Application(placement)
    found = []
    for item in placement.objects:
        there = by_ref.get(item.ref)
        if there is not None and there.terminating:
            plan.waits[placement.id] = say("waits until the old %(ref)s is gone", ref=item.ref.text)
        elif there is not None and there.bundle != placement.bundle_uid:
            plan.waits[placement.id] = say("waits until %(ref)s of another bundle is gone", ref=item.ref.text)
        elif there is None or everything or not _as_applied(placement, there):
            keep = bool(there and there.workload and there.workload.scaled_by_others and placement.autoscaled)
            application.objects.append((item, there is not None, keep))
        else:
            found.append(there)
    if application.objects and placement.id not in plan.waits and _may_try(placement, now):
        plan.applies.append(application)
    elif not application.objects and placement.id not in plan.waits:
        plan.settled.append((placement, found))


def _as_applied(placement: WantedPlacement, there: Observed) -> bool:
    return there.generation == placement.generation and placement.marks.get(there.ref.key) == [there.uid, there.mark]


def _may_delete(placement: WantedPlacement, item: Observed) -> bool:
    """Not what goes already; of namespaces, which take everything with them, only the bundle's own."""
    if item.ref.kind == "v1/Namespace" and (item.ref.name != placement.namespace or item.ref.name in NEVER_DELETED):
        return False
    return not item.terminating


def _may_try(placement: WantedPlacement, now: datetime) -> bool:
    return placement.next_attempt_at is None or placement.next_attempt_at <= now


def _ordered(plan: Plan) -> Plan:
    """Namespaces last when deleting, first when applying."""
    plan.deletes.sort(key=lambda pair: pair[1].ref.kind == "v1/Namespace")
    plan.applies.sort(key=lambda application: not application.placement.namespaces)
    return plan


def reapply_due(work: Work, period: float) -> Callable[[WantedPlacement], bool]:
    """Return the rule of the slow, jittered period in which everything is applied again.

    Nothing is stored for it: it is due in the first pass after each whole period since the generation was taken.
    """

    def due(placement: WantedPlacement) -> bool:
        if placement.applied_at is None or work.claim.observed_at is None:
            return False
        own = period * (0.75 + 0.5 * (placement.id * 2654435761 % 1024) / 1024)
        before = (work.claim.observed_at - placement.applied_at).total_seconds() // own
        return (work.now - placement.applied_at).total_seconds() // own > max(0.0, before)

    return due
