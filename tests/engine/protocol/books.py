"""What was asked for and what was seen, kept apart from the tables that the engine writes."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from clusters import models
from tests.engine.protocol.edges import Edge
from tests.engine.protocol.gated import Version
from tests.engine.protocol.worker import Worker

LEASE = settings.OTE_LEASE_SECONDS
LABEL, NODE_LABEL = "east", "gpu"
WHICH = st.integers(0, 3)
CLUSTER_TIMES = ("change_due_at", "observe_due_at", "lease_until", "observed_at", "full_list_at", "away_since")
PLACEMENT_TIMES = ("applied_at", "next_attempt_at")
Row = dict[str, Any]
Rows = dict[int, Row]


class Books(RuleBasedStateMachine):
    """Wishes by name; edges, labels and what recorded passes told by cluster."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        self.workers: list[Worker] = []
        # Those that live, by keeper: nobody's (a process that does not say who it is), and how many ever were.
        self.processes: list[int | None] = [None, 1, 2]
        self.born = 2
        self.counter = 0
        self.before: tuple[Rows, Rows] = ({}, {})
        # What was asked for
        self.wishes: dict[str, tuple[models.Bundle, set[Any]]] = {}
        self.edges: dict[int, Edge] = {}
        self.labelled: set[int] = set()
        self.leaving: set[int] = set()
        self.node_wishes: dict[int, bool] = {}
        # What recorded passes told since the last step: bodies that the last one's list showed ready, and that any of
        # them found or put there.
        self.proofs: dict[int, dict[Version, set[bytes]]] = {}
        self.held: dict[int, dict[Version, set[bytes]]] = {}
        # When the last recorded complete list began; passes without any answer, and claims without a record, in a row.
        self.looked: dict[int, datetime] = {}
        self.silent: dict[int, int] = {}
        self.unrecorded: dict[int, int] = {}
        # By placement that wants nothing: the recorded complete lists.
        self.lists: dict[int, int] = {}

    def pass_time(self, by: timedelta) -> None:
        models.Cluster.objects.update(**{name: F(name) - by for name in CLUSTER_TIMES})
        models.Placement.objects.update(**{name: F(name) - by for name in PLACEMENT_TIMES})
        self.looked = {pk: at - by for pk, at in self.looked.items()}
        for worker in self.workers:
            worker.age(by)

    def next_process(self) -> int | None:
        """They take turns."""
        self.processes.append(self.processes.pop(0))
        return self.processes[-1]

    def rows(self) -> tuple[Rows, Rows]:
        clusters = {row["id"]: row for row in models.Cluster.objects.values()}
        return clusters, {row["id"]: row for row in models.Placement.objects.values()}

    def note_wanted(self) -> None:
        """Lists of before say nothing of what was withdrawn since."""
        if self.lists:
            unwanted = models.Placement.objects.filter(pk__in=self.lists, present=False).values_list("pk", flat=True)
            self.lists = {pk: self.lists[pk] for pk in unwanted}

    def here(self) -> list[int]:
        return sorted(self.edges.keys() - self.leaving)

    def with_nodes(self) -> list[int]:
        return sorted(set(models.Node.objects.values_list("cluster_id", flat=True)) & set(self.here()))

    def meant(self) -> list[tuple[int, models.Bundle, set[Any]]]:
        """(cluster, bundle, its objects): what belongs where."""
        return [
            (pk, bundle, refs)
            for pk in self.here()
            for bundle, refs in self.wishes.values()
            if bundle.selector == "all" or pk in self.labelled
        ]

    def live(self) -> set[str]:
        return {str(bundle.uid) for bundle, _ in self.wishes.values()}

    def forget(self, pk: int) -> None:
        for book in (self.edges, self.node_wishes, self.looked, self.silent, self.unrecorded):
            book.pop(pk, None)
        self.labelled.discard(pk)
        self.leaving.discard(pk)


def pick(items: Any, which: int) -> Any:
    keys = list(items)
    return keys[which % len(keys)]


def green(row: Row) -> bool:
    return bool(row["present"] and row["ready_generation"] == row["generation"])


def applied(row: Row) -> bool:
    return bool(row["present"] and row["applied_generation"] == row["generation"])


def bodies_of(bundle: models.Bundle) -> set[bytes]:
    return {item.body.encode() for item in bundle.objects_wanted.all()}
