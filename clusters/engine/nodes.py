"""Nodes and their labels as last observed: compared by digest first, so that a quiet cluster costs nothing."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields

import orjson

from clusters.drivers.base import ObservedNode
from clusters.engine.outcome import LabelOutcome
from clusters.models import Cluster, Node, NodeLabel

_FACTS = [field.name for field in fields(ObservedNode) if field.name not in {"name", "labels"}]


def record_labels(labels: Sequence[LabelOutcome]) -> None:
    """Settle written labels; one that was asked for anew meanwhile stays wanted."""
    settled = [label.id for label in labels if label.done]
    # Compare the next list row by row: an equal one may lack what was written and has gone again.
    Cluster.objects.filter(nodes__labels__in=settled).update(nodes_digest="")
    for label in labels:
        if label.done:
            NodeLabel.objects.filter(pk=label.id, wanted_seq=label.seq).update(
                observed=label.present, wanted=None, evict=False
            )
    if any(label.done and not label.present for label in labels):
        ids = [label.id for label in labels]
        NodeLabel.objects.filter(pk__in=ids, observed=False, wanted__isnull=True).delete()


def record_nodes(listed: Mapping[int, list[ObservedNode] | None]) -> None:
    """Make the nodes of these clusters what was listed."""
    digests = {cluster_id: _digest(nodes) for cluster_id, nodes in listed.items() if nodes is not None}
    stored = dict(Cluster.objects.filter(pk__in=list(digests)).values_list("pk", "nodes_digest"))
    for cluster_id, digest in digests.items():
        nodes = listed[cluster_id]
        if nodes is not None and cluster_id in stored and stored[cluster_id] != digest:
            _replace(cluster_id, nodes)
            Cluster.objects.filter(pk=cluster_id).update(nodes_digest=digest, node_count=len(nodes))


def _digest(nodes: Sequence[ObservedNode]) -> str:
    content = orjson.dumps(sorted(nodes, key=lambda node: node.name))
    return hashlib.blake2s(content, digest_size=16).hexdigest()


def _replace(cluster_id: int, nodes: Sequence[ObservedNode]) -> None:
    known = {node.name: node for node in Node.objects.filter(cluster_id=cluster_id)}
    listed = {node.name: node for node in nodes}
    Node.objects.filter(pk__in=[node.pk for name, node in known.items() if name not in listed]).delete()
    new = [Node(cluster_id=cluster_id, name=name, **_facts(seen)) for name, seen in listed.items() if name not in known]
    for name, seen in listed.items():
        node, facts = known.get(name), _facts(seen)
        if node is not None and any(getattr(node, fact) != value for fact, value in facts.items()):
            for fact, value in facts.items():
                setattr(node, fact, value)
            node.save()
    known |= {node.name: node for node in Node.objects.bulk_create(new)}
    _replace_labels([known[name] for name in listed], listed)


def _facts(seen: ObservedNode) -> dict[str, object]:
    return {fact: getattr(seen, fact) for fact in _FACTS}


def _replace_labels(nodes: Sequence[Node], listed: Mapping[str, ObservedNode]) -> None:
    have: dict[int, dict[str, NodeLabel]] = defaultdict(dict)
    for label in NodeLabel.objects.filter(node__in=nodes):
        have[label.node_id][label.label] = label
    for node in nodes:
        seen = set(listed[node.name].labels)
        mine = have[node.pk]
        new = [NodeLabel(node=node, label=label, observed=True) for label in sorted(seen - mine.keys())]
        NodeLabel.objects.bulk_create(new, ignore_conflicts=True)
        for name, label in mine.items():
            if label.observed == (name in seen):
                continue
            if name not in seen and label.wanted is None:
                NodeLabel.objects.filter(pk=label.pk, wanted__isnull=True).delete()
            else:
                NodeLabel.objects.filter(pk=label.pk).update(observed=name in seen)
