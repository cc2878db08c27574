"""Clusters' APIs in memory: pods start, and what was deleted goes, when a test says so."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from clusters.drivers.base import Observed, Ref
from clusters.engine.labels import BUNDLE, GENERATION
from tests.engine.things import DEPLOYMENT, workload


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

    def observed(self, ref: Ref) -> Observed:
        """It, as a list or an apply shows it."""
        runs = workload(1, int(self.ready), selector=f"app={ref.name}") if ref.kind == DEPLOYMENT else None
        labels = self.labels
        return Observed(
            ref, self.uid, labels[BUNDLE], int(labels[GENERATION]), str(self.mark), self.terminating, workload=runs
        )


@dataclass
class Edge:
    """One cluster's API. labelled_late: a worker that was overtaken had the last word on its node's labels."""

    name: str
    things: dict[Ref, Thing] = field(default_factory=dict)
    node_labels: set[str] = field(default_factory=set)
    labelled_late: bool = False
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
