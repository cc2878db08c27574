"""Recording nodes and their labels: in bulk, and no more of them than a cluster can have."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clusters.drivers.base import ObservedNode
from clusters.engine import nodes as recording
from clusters.engine.claim import Quota, claim
from clusters.engine.load import Work, load
from clusters.engine.outcome import LabelOutcome, PassOutcome
from clusters.engine.reconcile import reconcile
from clusters.engine.record import Finished, record
from clusters.models import Cluster, Node, NodeLabel
from tests.engine.things import NOW, RULES, MemoryEdge, claim_of, cluster, due, node, work

pytestmark = pytest.mark.django_db


def begin(one: Cluster) -> Work:
    due(one)
    claims, now = claim(Quota(100, 100))
    (found,) = load(claims, now)
    return found


def finish(work: Work, *nodes: ObservedNode, labels: list[LabelOutcome] | None = None) -> None:
    outcome = PassOutcome(answered=True, complete=True, nodes=list(nodes), labels=labels or [])
    record([Finished(work, outcome)])


def carried(one: Cluster) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {item.name: set() for item in Node.objects.filter(cluster=one)}
    for label in NodeLabel.objects.carried().filter(node__cluster=one).select_related("node"):
        found[label.node.name].add(label.label)
    return found


def wish_labels(one: Cluster, label: str, *, wanted: bool) -> None:
    NodeLabel.objects.filter(node__cluster=one, label=label).update(wanted=wanted, wanted_seq=1)
    there = NodeLabel.objects.filter(label=label).values("node")
    NodeLabel.objects.bulk_create(
        NodeLabel(node=item, label=label, wanted=wanted, wanted_seq=1)
        for item in Node.objects.filter(cluster=one).exclude(pk__in=there)
    )


def _changes(number: int) -> tuple[list[ObservedNode], list[ObservedNode], list[ObservedNode]]:
    """Lists of as many nodes, one after the other, between which every node and every label changes."""
    names = [f"n{n}" for n in range(number)]
    return (
        [node(name, "goes", "kept", "off") for name in names],
        [node(name, "kept", "new", "on", "theirs", ready=False) for name in names],
        [node(f"other-{name}", "kept") for name in names],
    )


def _statements_of_changes(number: int) -> list[int]:
    one = cluster()
    before, after, others = _changes(number)
    finish(begin(one), *before)
    wish_labels(one, "on", wanted=True)
    wish_labels(one, "off", wanted=False)
    wish_labels(one, "theirs", wanted=False)  # somebody put on what is to come off, and is not answered yet
    due_work = begin(one)
    answered = [LabelOutcome(label.id, label.seq, label.present, label.label != "theirs") for label in due_work.labels]
    taken = []
    with CaptureQueriesContext(connection) as statements:
        finish(due_work, *after, labels=answered)
    taken.append(len(statements))
    assert carried(one) == {item.name: {"kept", "new", "on"} for item in after}
    assert not Node.objects.filter(cluster=one, ready=True).exists()
    assert NodeLabel.objects.filter(label="theirs", observed=True, wanted=False).count() == number
    assert NodeLabel.objects.filter(node__cluster=one).count() == 4 * number
    last_work = begin(one)
    with CaptureQueriesContext(connection) as statements:
        finish(last_work, *others)
    taken.append(len(statements))
    assert carried(one) == {item.name: {"kept"} for item in others}
    Cluster.objects.all().delete()
    return taken


def test_statements_do_not_grow_with_the_nodes_and_labels_that_changed() -> None:
    assert _statements_of_changes(3) == _statements_of_changes(60)


def test_more_than_one_statement_takes_is_written_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "PER_STATEMENT", 2)
    monkeypatch.setattr("clusters.engine.bulk.PER_STATEMENT", 2)
    _statements_of_changes(5)


def test_a_node_that_changed_says_when_and_one_that_did_not_keeps_its_time() -> None:
    one = cluster()
    finish(begin(one), node("n1"), node("n2"))
    before = dict(Node.objects.values_list("name", "updated_at"))
    finish(begin(one), node("n1", ready=False), node("n2"))
    after = dict(Node.objects.values_list("name", "updated_at"))
    assert after["n1"] > before["n1"]
    assert after["n2"] == before["n2"]


def test_more_nodes_than_a_cluster_can_have_leave_it_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_NODES", 2)
    one = cluster()
    finish(begin(one), node("n1", "a"), node("n2"))
    finish(begin(one), node("n1", "b"), node("n2"), node("n3"))
    assert carried(one) == {"n1": {"a"}, "n2": set()}
    one.refresh_from_db()
    assert one.node_count == 2
    finish(begin(one), node("n1", "b"), node("n3"))
    assert carried(one) == {"n1": {"b"}, "n3": set()}, "as soon as there are fewer"


def test_more_labels_than_a_node_may_have_leave_those_of_this_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_LABELS", 2)
    one = cluster()
    finish(begin(one), node("n1", "a"), node("n2"))
    finish(begin(one), node("n1", "x", "y", "z", ready=False), node("n2", "b"))
    assert carried(one) == {"n1": {"a"}, "n2": {"b"}}
    assert not Node.objects.get(name="n1").ready, "what else it says counts"
    finish(begin(one), node("n1", "x", "y"), node("n2", "b"))
    assert carried(one) == {"n1": {"x", "y"}, "n2": {"b"}}


def test_more_labels_than_a_cluster_may_have_leave_all_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_LABELS_IN_ALL", 2)
    one = cluster()
    finish(begin(one), node("n1", "a"))
    finish(begin(one), node("n1", "x", "y", ready=False), node("n2", "b"))
    assert carried(one) == {"n1": {"a"}, "n2": set()}
    assert not Node.objects.get(name="n1").ready, "what else it says counts"
    finish(begin(one), node("n1", "x"), node("n2", "b"))
    assert carried(one) == {"n1": {"x"}, "n2": {"b"}}


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        (
            [node(f"n{n}") for n in range(4)],
            "beijing lists 4 nodes, and no more than 3 are recorded: its nodes are shown as they were before",
        ),
        (
            [node("n1", "a", "b", "c"), node("n2")],
            "beijing lists nodes with more than 2 labels of ours, which are shown as they were before: 'n1'",
        ),
        (
            [node("n1", "a", "b"), node("n2", "a", "b"), node("n3", "a", "b")],
            "beijing lists nodes with 6 labels of ours, and no more than 5 are recorded: "
            "they are shown as they were before",
        ),
        ([node("n1", "a", "b"), node("n2"), node("n3")], ""),
    ],
)
def test_what_is_not_recorded_is_told_and_the_pass_goes_on(
    monkeypatch: pytest.MonkeyPatch, listed: list[ObservedNode], said: str
) -> None:
    monkeypatch.setattr(recording, "MOST_NODES", 3)
    monkeypatch.setattr(recording, "MOST_LABELS", 2)
    monkeypatch.setattr(recording, "MOST_LABELS_IN_ALL", 5)
    due_work: Any = work(claim=claim_of(), observe_due_at=NOW)
    outcome = asyncio.run(reconcile(due_work, MemoryEdge(nodes=listed), RULES))
    assert outcome.error == said
    assert outcome.complete and outcome.nodes == listed
