"""What happens before a claim and while the worker stands still in its pass: the orders that are dangerous."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from clusters.engine.claim import Quota
from tests.engine.protocol.books import LEASE
from tests.engine.protocol.gated import FATES
from tests.engine.protocol.keepers import Keepers

# Words before the claim: words during the pass.
STORIES = (
    "wish: wish",
    "drop: work",
    "label: label",
    "wish: end work work",
    "wish: end work work leave",
    "label work: label",
    "label work label label:",
    "node: node",
    "node: node work",
    "node work end end work work leave:",
    "end end work work leave:",
    "die die die die:",
    "hopeless: retry",
    "hopeless: wish",
    "unready:",
    "changed: refused",
    "deleted: work",
    "silent wish soon soon soon:",
)


class Stories(Keepers):
    """All words of a story are about the same cluster, and the same wish where there are several."""

    @rule(
        story=st.sampled_from(STORIES),
        requests=st.integers(0, 5),
        fate=st.sampled_from(("done",) * 5 + FATES),
        ends=st.booleans(),
    )
    def a_worker_stands_still(self, story: str, requests: int, fate: str, ends: bool) -> None:
        """It claims what is due, makes some requests, and goes on after something has happened, or later."""
        before, meanwhile = story.split(":")
        for word in before.split():
            self.happens(word, requests)
        self.time_passes(31)
        self.collected()
        workers = self.claimed(Quota(2, 2), self.next_process())
        self.workers += workers
        for worker in workers:
            worker.let(requests, fate)
        for word in meanwhile.split():
            self.happens(word, requests)
        if ends:
            for worker in workers:
                worker.finish()
            self.recorded(workers)

    def happens(self, word: str, which: int) -> None:
        match word:
            case "wish":
                self.want("a", "all", True)
            case "drop":
                self.want("a", "all", False)
            case "label" if self.here():
                self.label_or_unlabel(which)
            case "node":
                self.label_or_unlabel_the_node(which)
            case "end":
                self.end(which)
            case "retry":
                self.retry(which)
            case "leave":
                self.remove(which, force=False)
            case "work":
                self.others_do_a_days_work(LEASE + 1)
            case "soon":
                self.others_do_a_days_work(10)
            case "hopeless":
                self.others_do_a_days_work(LEASE + 1, fate="hopeless")
            case "refused":
                for worker in self.busy():
                    worker.let(len(worker.driver.waiting), "refused")
            case "die":
                self.others_die()
            case "silent":
                self.all_edges_answer(False)
            case "unready" | "changed" | "deleted":
                for edge in self.edges.values():
                    edge.spoil(word)
