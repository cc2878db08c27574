"""Who asks, records or dies, while time passes and edges have a life of their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from clusters.engine.claim import Quota
from tests.engine.protocol.books import LEASE, WHICH, pick
from tests.engine.protocol.claims import Claims
from tests.engine.protocol.edges import Thing
from tests.engine.protocol.gated import CONFIGMAP, FATES
from tests.engine.protocol.worker import Worker
from tests.engine.things import ref


class Workers(Claims):
    """A claim is one transaction, as is a record; between them requests go one by one."""

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
        self.work(self.next_process(), Quota(1, 1), fate)
        self.work(self.next_process(), Quota(9, 9), fate)

    def work(self, keeper: int | None, quota: Quota, fate: str = "done") -> int:
        """One claim, and its passes to their end; returns how many."""
        workers = self.claimed(quota, keeper)
        for worker in workers:
            while fate != "done" and worker.driver.waiting:
                worker.step(fate)
            worker.finish()
        self.recorded(workers)
        return len(workers)

    def others_die(self) -> None:
        """A process claims what is due once all leases are over, and is never heard of again."""
        self.time_passes(LEASE + 1)
        keeper = self.next_process()
        self.workers += self.claimed(Quota(9, 9), keeper)
        self.dies(keeper)

    def dies(self, keeper: int | None) -> None:
        """A process, with all that it was at; another one takes its place. Its clusters stay kept by it."""
        for worker in [worker for worker in self.workers if worker.keeper == keeper]:
            worker.die()
            self.workers.remove(worker)
        if keeper is not None:
            self.born += 1
            self.processes[self.processes.index(keeper)] = self.born

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
