"""Jobs run to their end; one that changed is deleted and created, since its pods cannot be changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clusters.engine.bundles import Wish, put
from clusters.models import Bundle, Cluster, Selector
from tests.edge.conftest import drive_until, proven

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]


def _job(namespace: str, image: str = "migrate:1", **spec: Any) -> Wish:
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": image}]}
    body = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate", "namespace": namespace},
        "spec": {"template": {"spec": pod}} | spec,
    }
    return Wish(namespace, [body], Selector.ALL, "deployment migrate")


def test_a_job_is_proven_when_its_pods_succeeded(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    bundle = put(None, _job(web().namespace, completions=2))
    drive_until(lambda: proven(bundle))
    placement = bundle.placements.get()
    assert (placement.running, placement.error, placement.total) == (2, 0, 2)
    (job,) = edge.objects(cluster.name, "Job", bundle.namespace)
    assert job["status"]["succeeded"] == 2


def test_a_job_that_changed_is_deleted_and_created(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    bundle = put(None, _job(web().namespace))
    drive_until(lambda: proven(bundle))
    (before,) = edge.objects(cluster.name, "Job", bundle.namespace)
    bundle = put(bundle, _job(bundle.namespace, image="migrate:2"))
    drive_until(lambda: proven(bundle))
    (after,) = edge.objects(cluster.name, "Job", bundle.namespace)
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["spec"]["template"]["spec"]["containers"][0]["image"] == "migrate:2"
    assert bundle.placements.get().last_error == ""


def test_a_job_that_did_not_change_does_not_run_again(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    bundle = put(None, _job(web().namespace))
    drive_until(lambda: proven(bundle))
    (before,) = edge.objects(cluster.name, "Job", bundle.namespace)
    bundle = put(bundle, _job(bundle.namespace))
    drive_until(lambda: proven(bundle))
    (after,) = edge.objects(cluster.name, "Job", bundle.namespace)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


def test_a_job_that_failed_says_so(join: Join, web: Web) -> None:
    join()
    bundle = put(None, _job(web().namespace, image="migrate:crash", backoffLimit=0))
    drive_until(lambda: bundle.placements.get().failed)
    placement = bundle.placements.get()
    assert placement.ready_generation == 0
    assert placement.last_error
