"""What is not ours is refused with a sentence and stays as it is, to the byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clusters.engine.bundles import Wish, end, put
from clusters.engine.drive import drive_due
from clusters.models import Bundle, Cluster, Selector
from tests.edge.conftest import drive_until, look, namespace_wish, proven, web_wish
from tests.edge.kube import Kube, core, deployments
from tests.edge.meddler import Meddler

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]
Else = Callable[[Cluster], Kube]
SOMEBODYS_SERVICE = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 99}]}}


def _somebodys_deployment(labels: dict[str, str] | None = None) -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "theirs:1"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": labels or {}},
        "spec": spec,
    }


def _without_status(item: dict[str, Any]) -> dict[str, Any]:
    """An object but for what its own controllers write."""
    meta = {key: item["metadata"][key] for key in ("uid", "labels") if key in item["metadata"]}
    writers = {entry["manager"] for entry in item["metadata"]["managedFields"]} - {"kube-controller-manager"}
    return {"metadata": meta, "spec": item.get("spec"), "data": item.get("data"), "writers": writers}


def _config_wish(namespace: str) -> Wish:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "web", "namespace": namespace},
        "data": {"x": "ours"},
    }
    return Wish(namespace=namespace, objects=[body], selector=Selector.ALL, title="deployment web")


@pytest.mark.parametrize(
    ("kind", "disguise"), [("Deployment", "managed-by"), ("Service", "another centre"), ("ConfigMap", "")]
)
def test_an_object_of_somebody_else_is_left_alone(
    edge: Any, join: Join, web: Web, kube: Else, kind: str, disguise: str
) -> None:
    cluster = join()
    bundle = web(name="other")
    drive_until(lambda: proven(bundle))
    labels = {"app.kubernetes.io/managed-by": "otestack"} if disguise else {}
    if disguise == "another centre":
        labels["otestack.io/centre"] = "00000000-0000-4000-8000-000000000000"
    theirs = {
        "Deployment": (deployments(bundle.namespace), _somebodys_deployment(labels)),
        "Service": (
            core("services", bundle.namespace),
            {"metadata": {"name": "web", "labels": labels}, "spec": {"ports": [{"port": 99}]}},
        ),
        "ConfigMap": (
            core("configmaps", bundle.namespace),
            {"metadata": {"name": "web", "labels": labels}, "data": {"y": "theirs"}},
        ),
    }
    path, body = theirs[kind]
    kube(cluster).create(path, {"apiVersion": "v1", "kind": kind} | body)
    before = _without_status(kube(cluster).get(f"{path}/web"))
    wish = _config_wish(bundle.namespace) if kind == "ConfigMap" else web_wish(bundle.namespace)
    refused = put(None, wish)
    drive_until(lambda: refused.placements.get().last_error)
    look(cluster)
    placement = refused.placements.get()
    assert placement.last_error == f"{kind} {bundle.namespace}/web is there already and is not ours; it is left alone"
    assert placement.failed
    assert placement.ready_generation == placement.applied_generation == 0
    assert _without_status(kube(cluster).get(f"{path}/web")) == before
    assert proven(bundle)

    kube(cluster).delete(f"{path}/web")
    drive_until(lambda: proven(refused))
    assert refused.placements.get().last_error == ""


def test_a_namespace_of_somebody_else_is_left_alone_and_stays_empty(
    edge: Any, join: Join, kube: Else, web: Web
) -> None:
    cluster = join()
    drive_until(lambda: Cluster.objects.filter(pk=cluster.pk, observed_at__isnull=False).exists())
    name = f"theirs-{cluster.pk}"
    kube(cluster).create("/api/v1/namespaces", {"metadata": {"name": name, "labels": {"team": "blue"}}})
    before = kube(cluster).get(f"/api/v1/namespaces/{name}")
    space = put(None, namespace_wish(name))
    inside = put(None, web_wish(name))
    drive_until(lambda: space.placements.get().last_error and inside.placements.get().last_error)
    look(cluster)
    sentence = f"Namespace {name} is there already and is not ours; it is left alone"
    assert space.placements.get().last_error == sentence
    assert inside.placements.get().last_error == sentence
    assert kube(cluster).get(f"/api/v1/namespaces/{name}") == before
    assert edge.objects(cluster.name, "Deployment", name) == edge.objects(cluster.name, "Service", name) == []

    kube(cluster).delete(f"/api/v1/namespaces/{name}")
    drive_until(lambda: proven(space) and proven(inside))


def test_an_ended_bundle_takes_nothing_of_others_with_it(edge: Any, join: Join, web: Web, kube: Else) -> None:
    from clusters.engine.bundles import end

    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    body = {"metadata": {"name": "theirs"}, "data": {"x": "y"}}
    kube(cluster).create(core("configmaps", bundle.namespace), body)
    end(bundle)
    drive_until(lambda: not bundle.placements.exists())
    assert [item["metadata"]["name"] for item in edge.objects(cluster.name, "ConfigMap", bundle.namespace)].count(
        "theirs"
    ) == 1


def test_what_took_the_place_of_ours_is_neither_changed_nor_deleted(
    edge: Any, join: Join, web: Web, kube: Else
) -> None:
    from clusters.engine.bundles import end

    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    kube(cluster).delete(deployments(bundle.namespace, "web"))
    kube(cluster).create(deployments(bundle.namespace), _somebodys_deployment())
    drive_until(lambda: "is not ours" in bundle.placements.get().last_error)
    assert bundle.placements.get().ready_generation == 0
    end(bundle)
    drive_until(lambda: not bundle.placements.exists())
    (left,) = edge.objects(cluster.name, "Deployment", bundle.namespace)
    assert left["spec"]["template"]["spec"]["containers"][0]["image"] == "theirs:1"


def test_what_took_the_place_of_ours_outlives_a_new_generation(join: Join, web: Web, kube: Else) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    path = core("services", bundle.namespace, "web")
    kube(cluster).delete(path)
    kube(cluster).create(core("services", bundle.namespace), SOMEBODYS_SERVICE)
    drive_until(lambda: "is not ours" in bundle.placements.get().last_error)
    before = _without_status(kube(cluster).get(path))
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:2"))
    drive_until(lambda: bundle.placements.get().attempts, hurry=False)
    look(cluster)
    placement = bundle.placements.get()
    assert "is not ours" in placement.last_error
    assert (placement.generation, placement.applied_generation) == (2, 1)
    assert _without_status(kube(cluster).get(path)) == before


def test_what_came_while_ours_had_to_wait_outlives_a_new_generation(join: Join, web: Web, kube: Else) -> None:
    """Of two objects, one is held by a finalizer, so that nothing is applied, and somebody takes the other's place."""
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    held, lost = deployments(bundle.namespace, "web"), core("services", bundle.namespace, "web")
    kube(cluster).merge(held, {"metadata": {"finalizers": ["example.com/hold"]}})
    kube(cluster).delete(held)
    kube(cluster).delete(lost)
    drive_until(lambda: "waits until" in bundle.placements.get().last_error)
    kube(cluster).create(core("services", bundle.namespace), SOMEBODYS_SERVICE)
    before = _without_status(kube(cluster).get(lost))
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:2"))
    drive_due()
    assert _without_status(kube(cluster).get(lost)) == before
    kube(cluster).merge(held, {"metadata": {"finalizers": None}})
    drive_until(lambda: "is not ours" in bundle.placements.get().last_error)
    assert _without_status(kube(cluster).get(lost)) == before


def test_what_somebody_put_in_its_place_since_the_list_stays(
    meddler: Meddler, join: Join, web: Web, kube: Else
) -> None:
    cluster = join(via=meddler)
    bundle = web()
    drive_until(lambda: proven(bundle))
    path = core("services", bundle.namespace, "web")
    spec = {"ports": [{"port": 81}]}
    replaced: list[Any] = []

    def replace_first(_: Any) -> bool:
        if not replaced:
            kube(cluster).delete(path)
            replaced.append(
                kube(cluster).create(core("services", bundle.namespace), {"metadata": {"name": "web"}, "spec": spec})
            )
        return False

    meddler.spoil("DELETE", "/services/web", replace_first)
    end(bundle)
    drive_until(lambda: not bundle.placements.exists())
    assert kube(cluster).get(path)["metadata"]["uid"] == replaced[0]["metadata"]["uid"]
