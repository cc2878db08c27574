"""Nodes and their labels as last observed: compared by digest first, so that a quiet cluster costs nothing.

What changed is written in bulk: an edge may change every node at every pass, and all of it is written under one lock.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

import orjson
from django.utils import timezone

from clusters.drivers.base import ObservedNode
from clusters.engine.bulk import PER_STATEMENT, update_rows
from clusters.engine.outcome import LabelOutcome
from clusters.models import Cluster, Node, NodeLabel
from clusters.names import listed as listed_names
from otestack.sentences import say

# Nodes of one cluster that Kubernetes supports. https://kubernetes.io/docs/setup/best-practices/cluster-large/
MOST_NODES = 5000
# Labels of ours on one node, and on all of one cluster. People put on a few.
MOST_LABELS = 100
MOST_LABELS_IN_ALL = 50_000

_FACTS = [field.name for field in fields(ObservedNode) if field.name not in {"name", "labels"}]


def not_recorded(cluster: str, nodes: Sequence[ObservedNode]) -> str:
    """Return, as a sentence, what of a list record_nodes leaves as it was; '' where it records all of it."""
    if len(nodes) > MOST_NODES:
        return say(
            "%(name)s lists %(number)s nodes, and no more than %(most)s are recorded: "
            "its nodes are shown as they were before",
            name=cluster,
            number=len(nodes),
            most=MOST_NODES,
        )
    in_all = sum(len(node.labels) for node in nodes)
    if in_all > MOST_LABELS_IN_ALL:
        return say(
            "%(name)s lists nodes with %(number)s labels of ours, and no more than %(most)s are recorded: "
            "they are shown as they were before",
            name=cluster,
            number=in_all,
            most=MOST_LABELS_IN_ALL,
        )
    crowded = [node.name for node in nodes if len(node.labels) > MOST_LABELS]
    if not crowded:
        return ""
    return say(
        "%(name)s lists nodes with more than %(most)s labels of ours, which are shown as they were before: %(nodes)s",
        name=cluster,
        most=MOST_LABELS,
        nodes=listed_names(crowded, most=1),
    )


def record_labels(labels: Sequence[LabelOutcome]) -> None:
    """Settle written labels; one that was asked for anew meanwhile stays wanted."""
    settled = sorted((label for label in labels if label.done), key=lambda label: label.id)
    # Compare the next list row by row: an equal one may lack what was written and has gone again.
    for ids in _parts([label.id for label in settled]):
        Cluster.objects.filter(nodes__labels__in=ids).update(nodes_digest="")
    update_rows(
        NodeLabel,
        [
            {"id": label.id, "wanted_seq": label.seq, "observed": label.present, "wanted": None, "evict": False}
            for label in settled
        ],
        match=("id", "wanted_seq"),
    )
    for ids in _parts([label.id for label in settled if not label.present]):
        NodeLabel.objects.filter(pk__in=ids, observed=False, wanted__isnull=True).delete()


def record_nodes(listed: Mapping[int, list[ObservedNode] | None]) -> None:
    """Make the nodes of these clusters what was listed, as far as not_recorded says nothing else."""
    usable = {key: nodes for key, nodes in listed.items() if nodes is not None and len(nodes) <= MOST_NODES}
    digests = {cluster_id: _digest(nodes) for cluster_id, nodes in usable.items()}
    stored = dict(Cluster.objects.filter(pk__in=list(digests)).values_list("pk", "nodes_digest"))
    for cluster_id, digest in digests.items():
        if cluster_id in stored and stored[cluster_id] != digest:
            _replace(cluster_id, usable[cluster_id])
            Cluster.objects.filter(pk=cluster_id).update(nodes_digest=digest, node_count=len(usable[cluster_id]))


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), PER_STATEMENT):
        yield ids[start : start + PER_STATEMENT]


def _digest(nodes: Sequence[ObservedNode]) -> str:
    content = orjson.dumps(sorted(nodes, key=lambda node: node.name))
    return hashlib.blake2s(content, digest_size=16).hexdigest()


def _replace(cluster_id: int, nodes: Sequence[ObservedNode]) -> None:
    known = {node.name: node for node in Node.objects.filter(cluster_id=cluster_id).order_by("pk")}
    listed = {node.name: node for node in nodes}
    for ids in _parts([node.pk for name, node in known.items() if name not in listed]):
        Node.objects.filter(pk__in=ids).delete()
    now = timezone.now()
    changed = [
        {"id": node.pk, **_facts(listed[name]), "updated_at": now}
        for name, node in known.items()
        if name in listed and any(getattr(node, fact) != value for fact, value in _facts(listed[name]).items())
    ]
    update_rows(Node, changed, match=("id",))
    new = [Node(cluster_id=cluster_id, name=name, **_facts(seen)) for name, seen in listed.items() if name not in known]
    known |= {node.name: node for node in Node.objects.bulk_create(new, batch_size=PER_STATEMENT)}
    _replace_labels(cluster_id, {known[name].pk: seen.labels for name, seen in listed.items()})


def _facts(seen: ObservedNode) -> dict[str, object]:
    return {fact: getattr(seen, fact) for fact in _FACTS}


def _replace_labels(cluster_id: int, listed: Mapping[int, Sequence[str]]) -> None:
    """listed: labels by node."""
    if sum(map(len, listed.values())) > MOST_LABELS_IN_ALL:
        return
    have: dict[int, dict[str, tuple[int, bool, bool | None]]] = defaultdict(dict)
    rows = NodeLabel.objects.filter(node__cluster_id=cluster_id).order_by("pk")
    for node_id, name, pk, observed, wanted in rows.values_list("node_id", "label", "pk", "observed", "wanted"):
        have[node_id][name] = pk, observed, wanted
    new, gone = [], []
    changed: dict[bool, list[int]] = {True: [], False: []}
    for node_id, labels in listed.items():
        if len(labels) > MOST_LABELS:
            continue
        seen, mine = set(labels), have[node_id]
        new += [NodeLabel(node_id=node_id, label=name, observed=True) for name in sorted(seen - mine.keys())]
        for name, (pk, observed, wanted) in mine.items():
            if observed == (name in seen):
                continue
            if name not in seen and wanted is None:
                gone.append(pk)
            else:
                changed[name in seen].append(pk)
    NodeLabel.objects.bulk_create(new, batch_size=PER_STATEMENT, ignore_conflicts=True)
    for ids in _parts(gone):
        NodeLabel.objects.filter(pk__in=ids, wanted__isnull=True).delete()
    for observed, pks in changed.items():
        for ids in _parts(pks):
            NodeLabel.objects.filter(pk__in=ids).update(observed=observed)
