"""Ends: of a bundle, of a namespace that takes its time, of a cluster's membership."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clusters import services
from clusters.engine.bundles import end, put
from clusters.models import Bundle, Cluster, NodeLabel
from otestack.errors import Conflict
from tests.edge.conftest import drive_until, look, namespace_wish, proven, web_wish
from tests.edge.kube import Kube, core
from tests.edge.meddler import Meddler, failure

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]
Else = Callable[[Cluster], Kube]


def _gone(cluster: Cluster) -> bool:
    return not Cluster.objects.filter(pk=cluster.pk).exists()


def _namespace(edge: Any, cluster: Cluster, name: str) -> Any:
    return next((item for item in edge.objects(cluster.name, "Namespace") if item["metadata"]["name"] == name), None)


def test_a_namespace_goes_with_its_bundle(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    bundle = web()
    space = Bundle.objects.get(title=f"namespace {bundle.namespace}")
    drive_until(lambda: proven(bundle))
    end(bundle)
    end(space)
    drive_until(lambda: not bundle.placements.exists() and not space.placements.exists())
    assert _namespace(edge, cluster, bundle.namespace) is None


def test_a_name_is_used_again_while_its_old_namespace_is_still_going(
    edge: Any, join: Join, web: Web, kube: Else
) -> None:
    cluster = join()
    bundle = web()
    space = Bundle.objects.get(title=f"namespace {bundle.namespace}")
    drive_until(lambda: proven(bundle))
    held = {"metadata": {"name": "slow", "finalizers": ["example.com/wait"]}}
    kube(cluster).create(core("configmaps", bundle.namespace), held)
    uid = _namespace(edge, cluster, bundle.namespace)["metadata"]["uid"]
    end(bundle)
    end(space)
    drive_until(lambda: _namespace(edge, cluster, bundle.namespace)["metadata"].get("deletionTimestamp"))
    new_space = put(None, namespace_wish(bundle.namespace))
    new = put(None, web_wish(bundle.namespace))
    drive_until(lambda: new_space.placements.get().last_error and new.placements.get().last_error)
    look(cluster)
    assert new_space.placements.get().last_error == f"waits until the old Namespace {bundle.namespace} is gone"
    assert new_space.placements.get().failed is False
    assert space.placements.filter(present=False).exists()  # not let go of before it is gone
    released = {"metadata": {"finalizers": None}}
    kube(cluster).merge(core("configmaps", bundle.namespace, "slow"), released)
    drive_until(lambda: proven(new_space) and proven(new) and not space.placements.exists())
    assert _namespace(edge, cluster, bundle.namespace)["metadata"]["uid"] != uid


def test_the_same_name_is_used_again_at_once(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    old = web()
    drive_until(lambda: proven(old))
    end(old)
    new = put(None, web_wish(old.namespace, image="nginx:2"))
    drive_until(lambda: proven(new) and not old.placements.exists())
    (now,) = edge.objects(cluster.name, "Deployment", old.namespace)
    assert now["metadata"]["labels"]["otestack.io/bundle"] == str(new.uid)


def test_what_ends_before_it_was_ever_pushed_leaves_nothing(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    bundle = web()
    end(bundle)
    drive_until(lambda: not bundle.placements.exists())
    assert edge.objects(cluster.name, "Deployment", bundle.namespace) == []
    assert bundle.ended_at is not None


def test_a_cluster_is_cleaned_before_it_leaves(edge: Any, join: Join, web: Web, kube: Else) -> None:
    cluster, stays = join("leaves"), join("stays")
    bundle = web()
    drive_until(lambda: proven(bundle))
    node = cluster.nodes.earliest("pk").name
    services.add_node_label(cluster.name, [node], "gpu")
    kube(cluster).merge(f"/api/v1/nodes/{cluster.nodes.latest('pk').name}", {"metadata": {"labels": {"zone": "a"}}})
    drive_until(lambda: NodeLabel.objects.filter(node__cluster=cluster, observed=True, wanted=None).exists())
    services.remove(cluster)
    cluster.refresh_from_db()
    assert cluster.removing
    drive_until(lambda: _gone(cluster))
    assert _namespace(edge, cluster, bundle.namespace) is None
    assert edge.objects(cluster.name, "Deployment", bundle.namespace) == []
    labels = [label for item in edge.objects(cluster.name, "Node") for label in item["metadata"]["labels"]]
    assert "zone" in labels
    assert not [label for label in labels if label.startswith("node.otestack.io/")]
    assert edge.objects(stays.name, "Deployment", bundle.namespace)
    assert proven(bundle)
    # It may come back, and gets everything again.
    again = services.join(cluster.name, edge.kubeconfig(cluster.name))
    drive_until(lambda: proven(bundle))
    assert bundle.placements.filter(cluster=again).exists()


def test_a_node_label_that_cannot_be_taken_off_holds_the_removal_and_says_so(
    meddler: Meddler, join: Join, web: Web
) -> None:
    cluster = join(via=meddler)
    bundle = web()
    drive_until(lambda: proven(bundle))
    services.add_node_label(cluster.name, [cluster.nodes.earliest("pk").name], "gpu")
    drive_until(lambda: NodeLabel.objects.filter(node__cluster=cluster, wanted=None).exists())
    meddler.spoil("PATCH", "/api/v1/nodes/", failure(403, "no"))
    services.remove(cluster)
    drive_until(lambda: not bundle.placements.exists())
    drive_until(lambda: "did not label node" in Cluster.objects.get(pk=cluster.pk).last_error)
    look(cluster)
    assert not _gone(cluster)
    services.remove(cluster, force=True)
    assert _gone(cluster)


def test_an_away_cluster_leaves_by_force_only_and_is_not_asked(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    edge.set_away(cluster.name, "refuse")

    def away() -> bool:
        cluster.refresh_from_db()
        return cluster.away_since is not None

    drive_until(away)
    with pytest.raises(Conflict, match="away since"):
        services.remove(cluster)
    edge.set_away(cluster.name, False)
    edge.reset_requests(cluster.name)
    services.remove(cluster, force=True)
    assert _gone(cluster)
    assert not bundle.placements.exists()
    assert sum(edge.requests(cluster.name).values()) == 0
    assert edge.objects(cluster.name, "Deployment", bundle.namespace)  # left behind, as was said


def test_a_cluster_that_goes_away_while_it_is_removed_is_cleaned_when_it_is_back(
    edge: Any, join: Join, web: Web
) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    edge.set_away(cluster.name, "refuse")
    services.remove(cluster)
    drive_until(lambda: Cluster.objects.filter(pk=cluster.pk, away_since__isnull=False).exists())
    edge.set_away(cluster.name, False)
    drive_until(lambda: _gone(cluster))
    assert edge.objects(cluster.name, "Deployment", bundle.namespace) == []
