"""Who claims, asks, records or dies, while time passes and edges have a life of their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from clusters import models
from clusters.engine.claim import DEADLY_CLAIMS, Quota, claim
from clusters.engine.load import load
from tests.engine.protocol.books import LEASE, WHICH, pick
from tests.engine.protocol.edges import Thing
from tests.engine.protocol.gated import CONFIGMAP, FATES
from tests.engine.protocol.records import Records
from tests.engine.protocol.worker import Worker
from tests.engine.things import ref


class Workers(Records):
    """A claim is one transaction, as is a record; between them requests go one by one."""

    def claimed(self, quota: Quota) -> list[Worker]:
        before = _leases()
        claims, now = claim(quota)
        after = _leases()
        for pk, (until, epoch) in after.items():
            if until != before[pk][0] and epoch == before[pk][1]:
                self.unrecorded[pk] = DEADLY_CLAIMS - 1  # set aside: it gets one try each time
        for item in claims:
            until, epoch = before[item.cluster_id]
            assert until is None or until < now, "one worker at a time"
            assert item.epoch > epoch
            assert after[item.cluster_id][0] >= now + timedelta(seconds=LEASE), "long enough for a pass"
            self.unrecorded[item.cluster_id] = self.unrecorded.get(item.cluster_id, 0) + 1
            assert self.unrecorded[item.cluster_id] <= DEADLY_CLAIMS, "no more workers for what kills them"
            for other in self.workers:
                other.driver.late |= other.cluster == item.cluster_id
        return [Worker(self.loop, work, self.edges[work.claim.cluster_id]) for work in load(claims, now)]

    @precondition(lambda self: self.busy())
    @rule(which=WHICH, requests=st.integers(1, 4), fate=st.sampled_from(("done",) * 3 + FATES))
    def answer(self, which: int, requests: int, fate: str) -> None:
        pick(self.busy(), which).let(requests, fate)

    @precondition(lambda self: self.workers)
    @rule(which=WHICH, recorded=st.sampled_from(["alone", "alone", "together", "never"]))
    def end_a_pass(self, which: int, recorded: str) -> None:
        """The rest is answered; what came of it is recorded, unless the worker dies before."""
        worker = pick(self.workers, which)
        worker.finish()
        if recorded == "never":
            self.workers.remove(worker)
        else:
            self.recorded([worker] if recorded == "alone" else self.done())

    @rule(seconds=st.sampled_from([1, LEASE + 1, 400]))
    def time_passes(self, seconds: float) -> None:
        self.pass_time(timedelta(seconds=seconds))

    @rule(seconds=st.sampled_from([0, 31, LEASE + 1, LEASE + 1]), pods_start=st.booleans())
    def others_do_a_days_work(self, seconds: float, pods_start: bool = True, fate: str = "done") -> None:
        """While some stand still, other workers do all that is due by then."""
        self.time_passes(seconds)
        self.collected()
        if pods_start:
            for edge in self.edges.values():
                edge.start_pods()
        workers = self.claimed(Quota(9, 9))
        for worker in workers:
            while fate != "done" and worker.driver.waiting:
                worker.step(fate)
            worker.finish()
        self.recorded(workers)

    def others_die(self) -> None:
        """They claim what is due once all leases are over, and are never heard of again."""
        self.time_passes(LEASE + 1)
        for worker in self.claimed(Quota(9, 9)):
            worker.die()

    def collected(self) -> None:
        for edge in self.edges.values():
            edge.collect()

    def all_edges_answer(self, answer: bool) -> None:
        for edge in self.edges.values():
            edge.answers = answer

    @precondition(lambda self: self.edges)
    @rule(which=WHICH, how=st.sampled_from(["away or back", "deleted", "changed", "unready", "foreign"]))
    def something_happens_to_an_edge(self, which: int, how: str) -> None:
        edge = self.edges[pick(self.edges, which)]
        if how == "away or back":
            edge.answers = not edge.answers
        elif how == "foreign":
            edge.things.setdefault(ref("b", CONFIGMAP), Thing("foreign", b"", foreign=True))
        else:
            edge.spoil(how)

    def busy(self) -> Sequence[Worker]:
        return [worker for worker in self.workers if worker.outcome is None]

    def done(self) -> Sequence[Worker]:
        return [worker for worker in self.workers if worker.outcome is not None]


def _leases() -> dict[int, tuple[datetime, int]]:
    """By cluster, until when and which."""
    rows = models.Cluster.objects.values_list("pk", "lease_until", "lease_epoch")
    return {pk: (until, epoch) for pk, until, epoch in rows}
