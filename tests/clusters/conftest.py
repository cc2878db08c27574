"""Clusters and nodes as rows: what a join and a pass of the engine leave behind."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from clusters.drivers.kubernetes.kubeconfig import Credentials
from clusters.engine.clock import db_now
from clusters.models import Bundle, Cluster, ClusterLabel, Node, NodeLabel, Placement, Selector


@pytest.fixture
def make_cluster(db: None) -> Callable[..., Cluster]:
    """make_cluster("beijing", "label1", seen=5): seen so many seconds ago; None: never."""
    count = itertools.count(1)

    def make(name: str | None = None, *labels: str, seen: float | None = 1, **fields: Any) -> Cluster:
        number = next(count)
        observed = None if seen is None else db_now() - timedelta(seconds=seen)
        server = f"https://edge{number}.example"
        defaults = {
            "name": name or f"cluster{number}",
            "server": server,
            "credentials": Credentials(server, token="t").to_json(),
            "uid": f"uid-{number}",
            "kubernetes_version": "v1.37.0",
            "observed_at": observed,
        }
        made = Cluster.objects.create(**(defaults | fields))
        ClusterLabel.objects.bulk_create(ClusterLabel(cluster=made, label=label) for label in labels)
        return made

    return make


@pytest.fixture
def make_node(db: None) -> Callable[..., Node]:
    """make_node(cluster, "n1", "label1"): labels that the node shows."""
    count = itertools.count(1)

    def make(cluster: Cluster, name: str | None = None, *labels: str, **fields: Any) -> Node:
        made = Node.objects.create(cluster=cluster, name=name or f"node{next(count)}", **({"ready": True} | fields))
        NodeLabel.objects.bulk_create(NodeLabel(node=made, label=label, observed=True) for label in labels)
        return made

    return make


@pytest.fixture
def make_bundle(db: None) -> Callable[..., Bundle]:
    """make_bundle("nginx", selector="label", selector_value="label1", on=[cluster])."""

    def make(title: str = "nginx", on: tuple[Cluster, ...] = (), **fields: Any) -> Bundle:
        made = Bundle.objects.create(**({"title": title, "namespace": "ns1", "selector": Selector.ALL} | fields))
        Placement.objects.bulk_create(Placement(cluster=cluster, bundle=made) for cluster in on)
        return made

    return make
