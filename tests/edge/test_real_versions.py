"""A control plane that does not serve an API that our objects need. Collected with TEST_EDGE=kubernetes only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clusters import services
from clusters.models import Cluster
from tests.edge.test_deployments import green_but_for_one_without_autoscaling, shop  # noqa: F401


def test_an_edge_that_does_not_serve_autoscaling(edge: Any, join: Callable[..., Cluster], shop: Any) -> None:  # noqa: F811
    here = join("here")
    edge.add_cluster("old", without="autoscaling/v2")
    old = services.join("old", edge.kubeconfig("old"))
    green_but_for_one_without_autoscaling(shop, here, old)
