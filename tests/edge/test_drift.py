"""What somebody changed or deleted at the edge is mended; an autoscaler's replicas are not fought over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clusters.engine.bundles import Wish, put
from clusters.models import Bundle, Cluster
from tests.edge.conftest import drive_until, look, proven, state, web_wish
from tests.edge.kube import Kube, core, deployments

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]
Else = Callable[[Cluster], Kube]


def _one(edge: Any, cluster: Cluster, kind: str, namespace: str) -> Any:
    found = edge.objects(cluster.name, kind, namespace)
    return found[0] if found else None


def test_a_deleted_object_comes_back(edge: Any, join: Join, web: Web, kube: Else) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    kube(cluster).delete(core("services", bundle.namespace, "web"))
    kube(cluster).delete(deployments(bundle.namespace, "web"))
    look(cluster)  # one observation is enough
    assert _one(edge, cluster, "Service", bundle.namespace)
    assert _one(edge, cluster, "Deployment", bundle.namespace)
    assert state(bundle, cluster) != "ready"
    drive_until(lambda: proven(bundle))


def test_a_changed_spec_is_put_right(edge: Any, join: Join, web: Web, kube: Else) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    container = {"name": "main", "image": "evil:1"}
    changes = {"replicas": 5, "template": {"spec": {"containers": [container]}}}
    kube(cluster).merge(deployments(bundle.namespace, "web"), {"spec": changes})
    kube(cluster).merge(core("services", bundle.namespace, "web"), {"spec": {"ports": [{"port": 81}]}})
    look(cluster)
    spec = _one(edge, cluster, "Deployment", bundle.namespace)["spec"]
    assert (spec["replicas"], spec["template"]["spec"]["containers"][0]["image"]) == (2, "nginx:1")
    ports = _one(edge, cluster, "Service", bundle.namespace)["spec"]["ports"]
    assert 80 in [port["port"] for port in ports]
    drive_until(lambda: proven(bundle))


def test_drift_is_mended_within_two_intervals_without_a_mark(edge: Any, join: Join, web: Web, kube: Else) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    kube(cluster).merge(deployments(bundle.namespace, "web"), {"spec": {"replicas": 0}})
    drive_until(
        lambda: _one(edge, cluster, "Deployment", bundle.namespace)["spec"]["replicas"] == 2, seconds=2.5, hurry=False
    )


def test_a_deleted_namespace_comes_back_with_what_was_in_it(edge: Any, join: Join, web: Web, kube: Else) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    kube(cluster).delete(f"/api/v1/namespaces/{bundle.namespace}")
    drive_until(lambda: not edge.objects(cluster.name, "Deployment", bundle.namespace))
    drive_until(lambda: _one(edge, cluster, "Deployment", bundle.namespace) and proven(bundle))
    assert bundle.placements.get().last_error == ""


def test_a_scaled_down_workload_is_not_called_ready_meanwhile(join: Join, web: Web, kube: Else, edge: Any) -> None:
    cluster = join(nodes=2)
    bundle = web()
    drive_until(lambda: proven(bundle))
    for node in edge.objects(cluster.name, "Node"):
        edge.set_node_ready(cluster.name, node["metadata"]["name"], False)
    for pod in edge.objects(cluster.name, "Pod", bundle.namespace):
        kube(cluster).delete(core("pods", bundle.namespace, pod["metadata"]["name"]) + "?gracePeriodSeconds=0")
    drive_until(lambda: bundle.placements.get().ready_generation == 0)
    placement = bundle.placements.get()
    assert placement.running < placement.total
    drive_until(lambda: "nodes are available" in bundle.placements.get().last_error)
    for node in edge.objects(cluster.name, "Node"):
        edge.set_node_ready(cluster.name, node["metadata"]["name"], True)
    drive_until(lambda: proven(bundle))
    assert bundle.placements.get().last_error == ""


def _autoscaled(namespace: str, *, image: str = "nginx:1", most: int = 6) -> Wish:
    wish = web_wish(namespace, image=image)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    aim = {"type": "Utilization", "averageUtilization": 50}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": aim}}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": most, "metrics": [metric]}
    meta = {"name": "web", "namespace": namespace}
    kind = "HorizontalPodAutoscaler"
    wish.objects.append({"apiVersion": "autoscaling/v2", "kind": kind, "metadata": meta, "spec": spec})
    return wish


def _replicas(edge: Any, cluster: Cluster, bundle: Bundle) -> int:
    return int(_one(edge, cluster, "Deployment", bundle.namespace)["spec"]["replicas"])


def test_what_an_autoscaler_set_is_kept_through_mending_and_upgrade(
    edge: Any, join: Join, web: Web, kube: Else
) -> None:
    cluster = join()
    bundle = web()
    bundle = put(bundle, _autoscaled(bundle.namespace))
    drive_until(lambda: proven(bundle))
    edge.autoscale(cluster.name, bundle.namespace, "web", 4)
    drive_until(lambda: bundle.placements.get().total == 4 and proven(bundle))
    before = _one(edge, cluster, "Deployment", bundle.namespace)["metadata"]["generation"]
    look(cluster)
    look(cluster)
    assert _replicas(edge, cluster, bundle) == 4
    assert _one(edge, cluster, "Deployment", bundle.namespace)["metadata"]["generation"] == before

    container = {"name": "main", "image": "evil:1"}
    kube(cluster).merge(
        deployments(bundle.namespace, "web"), {"spec": {"template": {"spec": {"containers": [container]}}}}
    )
    look(cluster)
    spec = _one(edge, cluster, "Deployment", bundle.namespace)["spec"]
    assert (spec["replicas"], spec["template"]["spec"]["containers"][0]["image"]) == (4, "nginx:1")

    bundle = put(bundle, _autoscaled(bundle.namespace, image="nginx:2"))
    drive_until(lambda: proven(bundle))
    spec = _one(edge, cluster, "Deployment", bundle.namespace)["spec"]
    assert (spec["replicas"], spec["template"]["spec"]["containers"][0]["image"]) == (4, "nginx:2")
    assert bundle.placements.get().running == 4


def test_a_green_workload_stays_green_while_it_is_scaled(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    bundle = web()
    bundle = put(bundle, _autoscaled(bundle.namespace))
    drive_until(lambda: proven(bundle))
    edge.autoscale(cluster.name, bundle.namespace, "web", 3)
    drive_until(lambda: bundle.placements.get().total == 3)
    drive_until(lambda: proven(bundle), seconds=3)


def test_a_changed_or_deleted_autoscaler_is_put_right(edge: Any, join: Join, web: Web, kube: Else) -> None:
    cluster = join()
    bundle = web()
    bundle = put(bundle, _autoscaled(bundle.namespace))
    drive_until(lambda: proven(bundle))
    path = f"/apis/autoscaling/v2/namespaces/{bundle.namespace}/horizontalpodautoscalers/web"
    kube(cluster).merge(path, {"spec": {"maxReplicas": 60}})
    look(cluster)
    assert _one(edge, cluster, "HorizontalPodAutoscaler", bundle.namespace)["spec"]["maxReplicas"] == 6
    kube(cluster).delete(path)
    look(cluster)
    assert _one(edge, cluster, "HorizontalPodAutoscaler", bundle.namespace)
    drive_until(lambda: proven(bundle))


def test_without_an_autoscaler_the_replicas_are_ours(edge: Any, join: Join, web: Web, kube: Else) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    scale = deployments(bundle.namespace, "web") + "/scale"
    kube(cluster).merge(scale, {"spec": {"replicas": 7}})
    look(cluster)
    assert _replicas(edge, cluster, bundle) == 2


def test_an_upgrade_that_drops_the_autoscaler_takes_the_replicas_back(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    bundle = web()
    bundle = put(bundle, _autoscaled(bundle.namespace))
    drive_until(lambda: proven(bundle))
    edge.autoscale(cluster.name, bundle.namespace, "web", 5)
    bundle = put(bundle, web_wish(bundle.namespace, replicas=1))
    drive_until(lambda: proven(bundle) and not edge.objects(cluster.name, "HorizontalPodAutoscaler", bundle.namespace))
    drive_until(lambda: _replicas(edge, cluster, bundle) == 1 and proven(bundle))


def test_what_a_list_cannot_show_is_mended_by_the_slow_reapply(
    settings: Any, edge: Any, join: Join, web: Web, kube: Else
) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    # Labels of ours that are not the engine's are in no list's digest and do not move metadata.generation.
    path = deployments(bundle.namespace, "web")
    kube(cluster).merge(path, {"metadata": {"labels": {"otestack.io/generation": "1"}, "annotations": {"a": "b"}}})
    settings.OTE_REAPPLY_SECONDS = 1
    settings.OTE_OBSERVE_INTERVAL = 0.3
    edge.reset_requests(cluster.name)
    drive_until(lambda: edge.requests(cluster.name)["PATCH", "Deployment"] >= 1)
    drive_until(lambda: proven(bundle))
    assert _one(edge, cluster, "Deployment", bundle.namespace)["metadata"]["annotations"]["a"] == "b"
