"""What a bundle wants reaches the edge, is proven, changes and goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clusters.engine.bundles import end, put
from clusters.models import Bundle, Cluster, Selector
from tests.edge.conftest import drive_until, proven, web_wish


def test_a_bundle_is_pushed_and_proven(edge: Any, join: Callable[..., Cluster], web: Callable[..., Bundle]) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle), hurry=False)
    placement = bundle.placements.get()
    assert (placement.running, placement.error, placement.total) == (2, 0, 2)
    (deployment,) = edge.objects(cluster.name, "Deployment", bundle.namespace)
    assert deployment["metadata"]["labels"]["otestack.io/bundle"] == str(bundle.uid)
    assert "otestack.io/generation" not in deployment["spec"]["template"]["metadata"]["labels"]


def test_a_change_is_rolled_out(edge: Any, join: Callable[..., Cluster], web: Callable[..., Bundle]) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:2", replicas=3))
    drive_until(lambda: proven(bundle))
    (deployment,) = edge.objects(cluster.name, "Deployment", bundle.namespace)
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:2"
    assert bundle.placements.get().running == 3


def test_an_ended_bundle_leaves_nothing(edge: Any, join: Callable[..., Cluster], web: Callable[..., Bundle]) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    end(bundle)
    drive_until(lambda: not bundle.placements.exists(), hurry=False)
    assert edge.objects(cluster.name, "Deployment", bundle.namespace) == []
    assert edge.objects(cluster.name, "Service", bundle.namespace) == []


def test_what_a_newer_generation_dropped_is_pruned(
    edge: Any, join: Callable[..., Cluster], web: Callable[..., Bundle]
) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    wish = web_wish(bundle.namespace)
    del wish.objects[0]
    bundle = put(bundle, wish)
    drive_until(lambda: not edge.objects(cluster.name, "Service", bundle.namespace))
    assert edge.objects(cluster.name, "Deployment", bundle.namespace)


def test_a_label_brings_a_bundle_and_takes_it_away(
    edge: Any, join: Callable[..., Cluster], web: Callable[..., Bundle]
) -> None:
    from clusters import services

    cluster = join()
    join("other")
    bundle = web(selector=Selector.LABEL, selector_value="shops")
    assert not bundle.placements.exists()
    services.add_label([cluster.name], "shops")
    drive_until(lambda: proven(bundle))
    assert bundle.placements.get().cluster == cluster
    services.delete_label([cluster.name], "shops")
    drive_until(lambda: not bundle.placements.exists())
    assert edge.objects(cluster.name, "Deployment", bundle.namespace) == []


def test_an_image_that_never_comes_says_why(join: Callable[..., Cluster], web: Callable[..., Bundle]) -> None:
    join()
    bundle = web(image="nginx:never")
    drive_until(lambda: bundle.placements.get().error == 2)
    placement = bundle.placements.get()
    assert "ImagePullBackOff" in placement.last_error or "ErrImagePull" in placement.last_error
    assert placement.ready_generation == 0
