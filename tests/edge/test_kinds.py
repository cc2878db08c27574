"""Kinds that charts bring: stateful sets with volume claims, ingresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clusters.engine.bundles import Wish, end, put
from clusters.models import Bundle, Cluster, Selector
from tests.edge.conftest import drive_until, look, proven
from tests.edge.kube import core

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/{}/ingresses/shop"


def _store(namespace: str, *, replicas: int = 2, image: str = "redis:7") -> Wish:
    labels = {"app": "store"}
    pod = {"containers": [{"name": "main", "image": image, "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]}
    size = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "backup", "namespace": namespace},
        "spec": size,
    }
    body = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "store", "namespace": namespace},
        "spec": {
            "serviceName": "store",
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": size}],
        },
    }
    return Wish(namespace, [claim, body], Selector.ALL, "deployment store")


def test_a_stateful_set_is_proven_and_rolled(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    bundle = put(None, _store(web().namespace))
    drive_until(lambda: proven(bundle))
    placement = bundle.placements.get()
    assert (placement.running, placement.error, placement.total) == (2, 0, 2)
    bundle = put(bundle, _store(bundle.namespace, replicas=3, image="redis:8"))
    drive_until(lambda: proven(bundle))
    pods = [pod for pod in edge.objects(cluster.name, "Pod", bundle.namespace) if "store-" in pod["metadata"]["name"]]
    assert sorted(pod["metadata"]["name"] for pod in pods) == ["store-0", "store-1", "store-2"]
    assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {"redis:8"}


def test_a_claim_of_ours_goes_with_its_bundle(edge: Any, kube: Callable[..., Any], join: Join, web: Web) -> None:
    cluster = join()
    bundle = put(None, _store(web().namespace))
    drive_until(lambda: proven(bundle))
    assert kube(cluster).get(core("persistentvolumeclaims", bundle.namespace, "backup"))["spec"]["accessModes"]
    end(bundle)
    drive_until(lambda: not bundle.placements.exists())
    left = [item["metadata"]["name"] for item in edge.objects(cluster.name, "PersistentVolumeClaim", bundle.namespace)]
    # What a StatefulSet claims for its pods outlives it, as in every Kubernetes: data is never deleted by the way.
    assert "backup" not in left
    assert edge.objects(cluster.name, "StatefulSet", bundle.namespace) == []


def test_an_ingress_that_somebody_changed_is_mended(kube: Callable[..., Any], join: Join, web: Web) -> None:
    cluster = join()
    namespace = web().namespace
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rule = {"host": "shop.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    body = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "shop", "namespace": namespace},
        "spec": {"rules": [rule]},
    }
    bundle = put(None, Wish(namespace, [body], Selector.ALL, "deployment shop"))
    drive_until(lambda: proven(bundle))
    path = INGRESSES.format(namespace)
    kube(cluster).merge(path, {"spec": {"rules": [rule | {"host": "other.example"}]}})
    look(cluster)
    drive_until(lambda: kube(cluster).get(path)["spec"]["rules"][0]["host"] == "shop.example" and proven(bundle))
