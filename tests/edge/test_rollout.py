"""A rollout that cannot finish says so, and why, in time; one that recovers is green again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clusters import services
from clusters.engine.bundles import Wish, put
from clusters.models import Bundle, Cluster, Selector
from tests.edge.conftest import drive_until, look, proven, state, web_wish

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]


def _daemons(namespace: str, image: str = "nginx:1", node_label: str = "") -> Wish:
    labels = {"app.kubernetes.io/instance": "agent"}
    pod: dict[str, Any] = {"containers": [{"name": "main", "image": image}]}
    if node_label:
        pod["nodeSelector"] = {f"node.otestack.io/{node_label}": "true"}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    meta = {"name": "agent", "namespace": namespace}
    body = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": meta, "spec": spec}
    return Wish(namespace, [body], Selector.ALL, "deployment agent", node_label=node_label)


def test_past_the_deadline_it_is_failed_with_the_pods_reason(settings: Any, join: Join, web: Web) -> None:
    cluster = join()
    settings.OTE_PROGRESS_DEADLINE = 1
    bundle = web(image="nginx:never")
    drive_until(lambda: bundle.placements.get().last_error)
    drive_until(lambda: bundle.placements.get().failed)
    placement = bundle.placements.get()
    assert "ImagePull" in placement.last_error
    assert (placement.running, placement.error, placement.total) == (0, 2, 2)
    assert state(bundle, cluster) == "failed"
    bundle = put(bundle, web_wish(bundle.namespace))
    placement = bundle.placements.get()
    assert (placement.failed, placement.last_error) == (False, "")  # they belonged to the generation before
    drive_until(lambda: proven(bundle))
    placement = bundle.placements.get()
    assert (placement.failed, placement.last_error, placement.error) == (False, "", 0)


def test_what_kubernetes_gave_up_is_failed_before_our_deadline(join: Join, web: Web) -> None:
    join()
    bundle = web()
    wish = web_wish(bundle.namespace, image="nginx:never")
    wish.objects[1]["spec"]["progressDeadlineSeconds"] = 1
    wish.objects[1]["spec"]["minReadySeconds"] = 0
    bundle = put(bundle, wish)
    drive_until(lambda: bundle.placements.get().failed)
    assert "ImagePull" in bundle.placements.get().last_error


def test_an_upgrade_that_cannot_start_keeps_what_runs_and_is_not_green(join: Join, web: Web, edge: Any) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:never"))
    drive_until(lambda: "ImagePull" in bundle.placements.get().last_error)
    placement = bundle.placements.get()
    assert placement.running >= 1
    assert placement.ready_generation == 0
    assert state(bundle, cluster) == "progressing"
    bundle = put(bundle, web_wish(bundle.namespace))
    drive_until(lambda: proven(bundle))


def test_daemons_run_on_every_node_and_a_bad_version_of_them_fails(settings: Any, join: Join, web: Web) -> None:
    cluster = join(nodes=3)
    bundle = put(None, _daemons(web().namespace))
    drive_until(lambda: proven(bundle))
    placement = bundle.placements.get()
    assert (placement.running, placement.error, placement.total) == (3, 0, 3)
    settings.OTE_PROGRESS_DEADLINE = 1
    bundle = put(bundle, _daemons(bundle.namespace, "nginx:never"))
    drive_until(lambda: bundle.placements.get().failed)
    placement = bundle.placements.get()
    assert "ImagePull" in placement.last_error
    assert placement.running < 3
    assert state(bundle, cluster) == "failed"


def test_without_a_node_that_carries_the_label_nothing_is_proven(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    namespace = web(name="other").namespace
    some = put(None, web_wish(namespace, node_label="gpu"))
    every = put(None, _daemons(namespace, node_label="gpu"))
    drive_until(lambda: all(b.placements.get().last_error == "no node carries label gpu" for b in (some, every)))
    assert edge.objects(cluster.name, "Deployment", namespace)  # the objects are there
    assert not some.placements.get().ready_generation
    assert not every.placements.get().ready_generation
    services.add_node_label(cluster.name, [cluster.nodes.earliest("pk").name], "gpu")
    drive_until(lambda: proven(some) and proven(every))
    assert some.placements.get().last_error == every.placements.get().last_error == ""
    assert every.placements.get().total == 1


def test_pods_that_fit_nowhere_say_so(join: Join, web: Web) -> None:
    join()
    bundle = web()
    wish = web_wish(bundle.namespace)
    container = wish.objects[1]["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"requests": {"cpu": "4000"}}
    bundle = put(bundle, wish)
    drive_until(lambda: "Insufficient cpu" in bundle.placements.get().last_error)
    assert bundle.placements.get().ready_generation == 0


def test_a_slow_rollout_is_not_called_ready_before_its_end(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    bundle = web(replicas=4)
    drive_until(lambda: proven(bundle))
    bundle = put(bundle, web_wish(bundle.namespace, replicas=4, image="nginx:2"))
    drive_until(lambda: bundle.placements.get().applied_generation == 2)
    assert state(bundle, cluster) == "progressing"
    look(cluster)
    drive_until(lambda: proven(bundle))
    images = {
        pod["spec"]["containers"][0]["image"]
        for pod in edge.objects(cluster.name, "Pod", bundle.namespace)
        if "deletionTimestamp" not in pod["metadata"]
    }
    assert images == {"nginx:2"}
