"""What holds once the world calms down: edges answer, one process lives, and nobody wishes anything new."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from clusters.engine.labels import BUNDLE
from tests.engine.protocol.books import NODE_LABEL, green
from tests.engine.protocol.stories import Stories

# Passes over every cluster after which all must be as wanted: away, set aside, listed twice.
ROUNDS = 14


class Calm(Stories):
    """Within a bounded number of passes everything is what was asked for."""

    def all_is_green_once(self) -> None:
        """A world to begin a story in: a cluster with a wish of its own and one by its label, both green."""
        self.all_edges_answer(True)
        if not self.here():
            self.join()
        if not self.labelled:
            self.label_or_unlabel(0)
        self.want("a", "all", True)
        self.want("b", "label", False)
        self.rounds(400)
        assert all(green(row) for row in self.before[1].values())

    def all_is_as_wanted_when_it_calms_down(self) -> None:
        for worker in self.workers:
            worker.finish()
        self.recorded(self.done())
        self.processes = self.processes[:1]
        self.all_edges_answer(True)
        for edge in self.edges.values():
            edge.things = {found: thing for found, thing in edge.things.items() if not thing.foreign}
        self.rounds(400)
        self.nothing_unwanted_is_left()
        self.rounds(1.2 * settings.OTE_FULL_LIST_SECONDS)  # with a list of all kinds, as once an hour
        self.all_is_as_wanted()

    def rounds(self, seconds: float) -> None:
        """Everything is done that is due after these seconds, and then all that follows from it."""
        for _ in range(ROUNDS):
            self.others_do_a_days_work(seconds)
            self.all_holds()
            seconds = 400
            clusters, placements = self.before
            if all(green(row) for row in placements.values()) and set(clusters) == set(self.edges):
                return

    def nothing_unwanted_is_left(self) -> None:
        """Also without that list, but for what was written late."""
        wanted = self.wanted()
        for pk, edge in self.edges.items():
            assert all(thing.late or thing.terminating or item in wanted[pk] for item, thing in edge.ours().items())

    def all_is_as_wanted(self) -> None:
        clusters, placements = self.before
        assert set(clusters) == set(self.edges), "what was to leave has left"
        assert all(row["present"] and green(row) for row in placements.values())
        wanted = self.wanted()
        for pk, edge in self.edges.items():
            assert {item: edge.things[item].body for item in wanted[pk]} == wanted[pk]
            extra = {item: thing for item, thing in edge.ours().items() if item not in wanted[pk]}
            # docs/engine.md: what a frozen worker wrote of a live bundle that is not meant for here any more.
            assert all(thing.late and thing.labels[BUNDLE] in self.live() for thing in extra.values())
            assert clusters[pk]["orphans"] == len(extra)
            assert clusters[pk]["away_since"] is None and clusters[pk]["lease_until"] is None
            assert edge.labelled_late or (NODE_LABEL in edge.node_labels) == self.node_wishes.get(pk, False)

    def wanted(self) -> dict[int, dict[Any, bytes]]:
        """By cluster, the objects that belong there."""
        found: dict[int, dict[Any, bytes]] = {pk: {} for pk in self.edges}
        for pk, bundle, refs in self.meant():
            bodies = {(item.kind, item.name): item.body.encode() for item in bundle.objects_wanted.all()}
            found[pk] |= {item: bodies[item.kind.rsplit("/", 1)[-1], item.name] for item in refs}
        return found
