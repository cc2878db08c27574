"""One pass over one cluster: label nodes, list, delete, apply, judge. Network only; what to do is decided in plan."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from clusters.drivers.base import (
    Driver,
    EdgeError,
    Foreign,
    Hopeless,
    Listing,
    Observed,
    ObservedPod,
    OutOfTime,
    Ref,
    Unreachable,
    write_until,
)
from clusters.engine import plan as planning
from clusters.engine.health import health, is_ready
from clusters.engine.load import WantedLabel, WantedPlacement, Work
from clusters.engine.nodes import not_recorded
from clusters.engine.outcome import LabelOutcome, PassOutcome
from clusters.engine.plan import LOOK_AGAIN, Application, Plan
from otestack.sentences import say

# Placements of one cluster that are applied side by side; an edge's API server is small.
SIDE_BY_SIDE = 8
# Workloads of one cluster whose pods are listed in one pass.
MOST_POD_LISTS = 50


@dataclass(frozen=True, slots=True)
class Rules:
    """What a pass goes by. Seconds, of the time since its cluster was claimed. all_kinds: listed by a full pass."""

    pass_seconds: float
    fresh_seconds: float
    reapply_seconds: float
    progress_deadline: float
    all_kinds: frozenset[str]
    # No request begins after pass_seconds, and none is still under way after these, or it would outlive the lease.
    longest_seconds: float = 40.0


async def reconcile(work: Work, driver: Driver, rules: Rules) -> PassOutcome:
    """Bring one cluster nearer to what is wanted, and say what came of it. Never raises what an edge can cause."""
    run = _Pass(work, driver, rules)
    ends = work.claim.asked_at + rules.longest_seconds
    write_until.set(ends)
    try:
        run.check_time()
        async with asyncio.timeout(ends - time.monotonic()):
            await run.go()
    except Unreachable as error:
        run.outcome.error = say("%(name)s cannot be reached: %(error)s", name=work.claim.name, error=error)
        run.outcome.answered = run.outcome.complete  # what listed everything a moment ago is not a failed probe
    except TimeoutError:
        run.outcome.error = say(
            "%(name)s is too slow: no complete pass within %(longest_seconds)s s",
            name=work.claim.name,
            longest_seconds=f"{rules.longest_seconds:g}",
        )
    except EdgeError as error:
        run.outcome.error = say("%(cluster)s %(error)s", cluster=work.claim.name, error=error)
        run.outcome.answered = True
        run.outcome.retry_after = error.retry_after
    except OutOfTime:
        run.outcome.unfinished = True
    return run.outcome


class _Pass:
    """The phases of one pass, and what they share."""

    def __init__(self, work: Work, driver: Driver, rules: Rules) -> None:
        self.work = work
        self.driver = driver
        self.rules = rules
        self.outcome = PassOutcome()
        self.started = time.monotonic()
        self.listing = Listing()
        self.broken_namespaces: dict[str, str] = {}
        self.evicting: list[WantedLabel] = []

    async def go(self) -> None:
        """Run the phases in order."""
        fresh_after = self.work.now - timedelta(seconds=self.rules.fresh_seconds)
        if planning.may_skip_list(self.work, fresh_after):
            await self._apply(planning.plan_without_list(self.work))
            return
        if self.work.claim.away or self.work.full:
            self.outcome.version = await self.driver.probe()
            self.outcome.answered = True
        await self._label_nodes()
        await self._list()
        plan = planning.plan_with_list(
            self.work, self.listing, planning.reapply_due(self.work, self.rules.reapply_seconds)
        )
        self.outcome.unknown = plan.unknown
        self._note(plan)
        await self._delete(plan)
        await self._apply(plan)
        await self._evict()
        await self._explain(plan)

    async def _list(self) -> None:
        self.outcome.listed_after = time.monotonic() - self.started
        kinds = set(self.rules.all_kinds) if self.work.full else self.work.kinds
        self.listing = await self.driver.list(kinds)
        self.outcome.answered = True
        self.outcome.complete = True
        self.outcome.full = self.work.full
        self.outcome.nodes = self.listing.nodes
        self.outcome.error = self.outcome.error or not_recorded(self.work.claim.name, self.listing.nodes)

    async def _label_nodes(self) -> None:
        """Before the list, so that it already shows them. A node that is gone settles its labels by its absence."""
        for label in self.work.labels:
            self.check_time()
            try:
                await self.driver.label(label.node, label.label, label.present)
                done = True
            except Unreachable:
                raise
            except EdgeError as error:
                done = error.status == 404
                if not done:
                    self.outcome.error = say(
                        "%(name)s did not label node %(node)s: %(error)s",
                        name=self.work.claim.name,
                        node=label.node,
                        error=error,
                    )
            self.outcome.answered = True
            if done and label.evict:  # done when the pods were told to leave too
                self.evicting.append(label)
            else:
                self.outcome.labels.append(LabelOutcome(label.id, label.seq, label.present, done))

    async def _evict(self) -> None:
        for label in self.evicting:
            done = True
            for item in self.listing.objects:
                placement = self._placement_of(item)
                if item.workload is None or placement is None or placement.node_label != label.label:
                    continue
                self.check_time()
                try:
                    await self._send_away(item.ref, item.workload.selector, label.node)
                except Unreachable:
                    raise
                except EdgeError as error:
                    done = False
                    self.outcome.error = say(
                        "%(name)s did not let pods leave %(node)s: %(error)s",
                        name=self.work.claim.name,
                        node=label.node,
                        error=error,
                    )
            self.outcome.labels.append(LabelOutcome(label.id, label.seq, label.present, done))

    async def _send_away(self, workload: Ref, selector: str, node: str) -> None:
        """Delete a workload's pods on a node."""
        if not selector:  # which matches everything
            raise EdgeError(
                say(
                    "%(workload)s selects its pods in a way that is not known; none was deleted",
                    workload=workload.text,
                )
            )
        await self.driver.evict(workload.namespace, await self._pods_of(workload, selector, node))

    async def _pods_of(self, workload: Ref, selector: str, node: str = "") -> Sequence[ObservedPod]:
        """A workload's own pods: its selector may match those of others too."""
        pods = await self.driver.list_pods(workload.namespace, selector, node)
        return [pod for pod in pods if pod.owner == workload]

    def _placement_of(self, item: Observed) -> WantedPlacement | None:
        return next((p for p in self.work.placements if p.bundle_uid == item.bundle), None)

    def _note(self, plan: Plan) -> None:
        """What the list alone says of placements."""
        for placement_id, why in plan.waits.items():
            outcome = self.outcome.of(placement_id)
            outcome.again, outcome.deleted, outcome.ready = LOOK_AGAIN, True, False
            outcome.reason = why or None
        for placement_id, marks in plan.marks.items():
            self.outcome.of(placement_id).marks = marks
        for placement in plan.empty:
            outcome = self.outcome.of(placement.id)
            if placement.deleted_once:
                outcome.gone = True
            else:  # a write that was under way may still arrive: the next list decides
                outcome.deleted, outcome.again = True, LOOK_AGAIN
        for application in plan.applies:
            if application.placement.ready_generation == application.placement.generation:
                self.outcome.of(application.placement.id).ready = False
        # At once and from the list alone: whatever fails later in the pass, what was seen unready is not green.
        for placement, objects in plan.settled:
            self._judge(placement, objects, {})

    async def _delete(self, plan: Plan) -> None:
        async def one(placement: WantedPlacement, item: Observed) -> None:
            try:
                await self.driver.delete(item.ref, item.uid)
            except Unreachable:
                raise
            except EdgeError as error:
                outcome = self.outcome.of(placement.id)
                outcome.refused, outcome.reason = (
                    True,
                    say("%(ref)s was not deleted: %(error)s", ref=item.ref.text, error=error),
                )

        others = [pair for pair in plan.deletes if pair[1].ref.kind != "v1/Namespace"]
        namespaces = [pair for pair in plan.deletes if pair[1].ref.kind == "v1/Namespace"]
        for pairs in (others, namespaces):
            await self._side_by_side([lambda p=pair: one(*p) for pair in pairs])  # type: ignore[misc]

    async def _apply(self, plan: Plan) -> None:
        first = [application for application in plan.applies if application.placement.namespaces]
        rest = [application for application in plan.applies if not application.placement.namespaces]
        self._find_broken_namespaces(first)
        for applications in (first, rest):
            await self._side_by_side([lambda a=item: self._apply_one(plan, a) for item in applications])  # type: ignore[misc]

    def _find_broken_namespaces(self, being_applied: list[Application]) -> None:
        """Namespaces of ours that are not there as ours: nothing may be put into them."""
        trying = {application.placement.id for application in being_applied}
        for placement in self.work.placements:
            for namespace in placement.namespaces if placement.present else ():
                if placement.applied_generation == 0 and placement.id not in trying:
                    self.broken_namespaces[namespace] = placement.last_error or say(
                        "namespace %(namespace)s is not there yet", namespace=namespace
                    )

    async def _apply_one(self, plan: Plan, application: Application) -> None:
        placement = application.placement
        outcome = self.outcome.of(placement.id)
        broken = self.broken_namespaces.get(placement.namespace)
        if broken is not None and placement.namespace not in placement.namespaces:
            outcome.refused, outcome.reason = True, broken
            return
        after: list[Observed] = []
        remembered = plan.marks.get(placement.id, placement.marks)
        marks = {item.ref.key: remembered[item.ref.key] for item in placement.objects if item.ref.key in remembered}
        for item, ours, keep_replicas in application.objects:
            self.check_time()
            try:
                seen = await self.driver.apply(item.ref, item.body, ours=ours, keep_replicas=keep_replicas)
            except EdgeError as error:
                outcome.refused = True
                outcome.hopeless = isinstance(error, Hopeless)
                outcome.retry_after = error.retry_after
                outcome.reason = _sentence(item.ref.text, error)
                outcome.marks = marks
                for namespace in placement.namespaces:
                    self.broken_namespaces[namespace] = outcome.reason
                if isinstance(error, Unreachable):
                    # One object that is not answered, by a dead admission webhook say, must not stop all others.
                    await self.driver.probe()
                self.outcome.answered = True
                return
            self.outcome.answered = True
            marks[item.ref.key] = [seen.uid, seen.mark]
            after.append(seen)
        outcome.applied, outcome.marks, outcome.reason = True, marks, ""
        listed = {item.ref: item for item in self.listing.objects}
        if placement.applied_generation == placement.generation and all(
            (old := listed.get(seen.ref)) and (old.uid, old.mark) == (seen.uid, seen.mark) for seen in after
        ):
            # Nothing was to be mended, so what was listed still counts: an apply for safety's sake costs no green.
            as_listed = [listed[item.ref] for item in placement.objects if item.ref in listed]
            plan.settled.append((placement, as_listed))
            self._judge(placement, as_listed, {})

    async def _explain(self, plan: Plan) -> None:
        """Why workloads are not what they should be: their pods say."""
        pods = await self._pods(plan)
        for placement, objects in plan.settled:
            mine = {
                item.ref.key: pods[item.ref.namespace, item.ref.key]
                for item in objects
                if (item.ref.namespace, item.ref.key) in pods
            }
            if mine:
                self._judge(placement, objects, mine)

    def _judge(
        self, placement: WantedPlacement, objects: Sequence[Observed], pods: dict[str, Sequence[ObservedPod]]
    ) -> None:
        """Health of what is there as applied. pods: by workload, as far as they were listed."""
        state = health(objects, self.listing.nodes, placement.node_label, pods)
        outcome = self.outcome.of(placement.id)
        if placement.applied_generation < placement.generation:
            # Applied by a worker that could not record it.
            outcome.applied = True
            outcome.marks = {item.ref.key: [item.uid, item.mark] for item in objects}
        outcome.ready = state.ready
        outcome.running, outcome.total = state.running, state.total
        outcome.error = state.error if state.ready or pods else outcome.error
        if not outcome.refused:
            outcome.reason = state.reason if state.ready or state.reason or pods else outcome.reason
            outcome.hopeless = not state.ready and (state.stalled or self._overdue(placement))

    def _overdue(self, placement: WantedPlacement) -> bool:
        if placement.applied_at is None or placement.applied_generation != placement.generation:
            return False  # applied_at is that of an older generation
        return self.work.now - placement.applied_at > timedelta(seconds=self.rules.progress_deadline)

    async def _pods(self, plan: Plan) -> dict[tuple[str, str], Sequence[ObservedPod]]:
        unready = [
            item
            for _, objects in plan.settled
            for item in objects
            if item.workload is not None and item.workload.selector and not is_ready(item.workload)
        ][:MOST_POD_LISTS]
        found: dict[tuple[str, str], Sequence[ObservedPod]] = {}

        async def one(item: Observed) -> None:
            assert item.workload is not None
            try:
                pods = await self._pods_of(item.ref, item.workload.selector)
            except Unreachable:
                raise
            except EdgeError as error:
                self.outcome.error = say(
                    "%(name)s did not list pods: %(error)s", name=self.work.claim.name, error=error
                )
                return
            found[item.ref.namespace, item.ref.key] = pods

        await self._side_by_side([lambda i=item: one(i) for item in unready])  # type: ignore[misc]
        return found

    async def _side_by_side(self, calls: list[Callable[[], Coroutine[Any, Any, None]]]) -> None:
        """Run calls, a few at a time; the first failure stops the rest and is raised."""
        if len(calls) == 1:
            await calls[0]()
            return
        queue = list(reversed(calls))

        async def runner() -> None:
            while queue:
                self.check_time()
                await queue.pop()()

        runners = [asyncio.ensure_future(runner()) for _ in range(min(SIDE_BY_SIDE, len(calls)))]
        try:
            await asyncio.gather(*runners)
        except BaseException:
            queue.clear()
            for task in runners:
                task.cancel()
            await asyncio.gather(*runners, return_exceptions=True)
            raise

    def check_time(self) -> None:
        """No request begins that could outlive the lease."""
        if time.monotonic() - self.work.claim.asked_at > self.rules.pass_seconds:
            raise OutOfTime


def _sentence(what: str, error: EdgeError) -> str:
    if isinstance(error, Foreign):
        return say("%(what)s is there already and is not ours; it is left alone", what=what)
    return say("%(what)s was refused: %(error)s", what=what, error=error)
