"""Charts in the style of public ones, from their upload to their end, and what moves in them on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from clusters.models import Cluster
from tests.apps.charts.packing import Files, chart, upload
from tests.edge.charts import AGENT, STORE, WEB
from tests.edge.conftest import drive_until
from tests.edge.kube import core, deployments
from tests.edge.test_charts import Shop, shop  # noqa: F401

Join = Callable[..., Cluster]
APPS = "/apis/apps/v1/namespaces"


def deploy(there: Shop, name: str, files: Files, **values: Any) -> dict[str, Any]:
    """Upload a chart and deploy it everywhere, until it has succeeded; its next version is there as well."""
    about = f"apiVersion: v2\nname: {name}\nversion: 1.0.0\nappVersion: '1'\n"
    for _ in range(2):
        answer = upload(there.client, chart(files, about=about, root=name), appName=name)
        assert answer.json() == {"code": 200, "message": "success"}
    body = {"deployName": name, "appName": name, "version": "1.0.1", "cluster": "", "nodeLabel": "", "comment": ""}
    there.ask("post", "/v1/deploy", body | ({"values": values} if values else {}))
    return there.until(5)


def counted(shown: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = json.loads(shown["errorMessage"])
    return found


def test_web_with_an_autoscaler(shop: Shop, join: Join, kube: Any, edge: Any) -> None:  # noqa: F811
    cluster = join()
    deploy(shop, "web", WEB)
    # The chart says no replicas: one pod runs until the autoscaler sees that it wants two.
    drive_until(lambda: counted(shop.shown()) == {"running": 2, "error": 0, "total": 2})
    edge.autoscale(cluster.name, shop.namespace, "web", 4)
    drive_until(lambda: counted(shop.shown())["running"] == 4 and shop.shown()["status"] == 5)
    container = kube(cluster).get(deployments(shop.namespace, "web"))["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"] == {
        "requests": {"cpu": "100m", "memory": "1Gi"},
        "limits": {"cpu": "1", "memory": "2Gi"},
    }
    # What somebody scaled by hand is the autoscaler's business; an image is ours.
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "evil:1"}]}}}}
    kube(cluster)(
        "PATCH", deployments(shop.namespace, "web"), patch, content_type="application/strategic-merge-patch+json"
    )

    def mended() -> bool:
        spec = kube(cluster).get(deployments(shop.namespace, "web"))["spec"]
        return (spec["replicas"], spec["template"]["spec"]["containers"][0]["image"]) == (4, "nginx:1")

    drive_until(mended)
    shop.ask("delete", "/v1/deploy/web")
    shop.until(9)
    assert kube(cluster).get(deployments(shop.namespace))["items"] == []


def test_a_store_with_claims_for_its_pods(shop: Shop, join: Join, kube: Any) -> None:  # noqa: F811
    cluster = join()
    shown = deploy(shop, "store", STORE)
    assert counted(shown) == {"running": 2, "error": 0, "total": 2}
    there = kube(cluster)
    claims = there.get(core("persistentvolumeclaims", shop.namespace))["items"]
    assert sorted(item["metadata"]["name"] for item in claims) == ["data-store-0", "data-store-1"]
    assert {item["status"]["phase"] for item in claims} == {"Bound"}
    assert {item["spec"]["resources"]["requests"]["storage"] for item in claims} == {"1Gi"}
    before = {pod["metadata"]["uid"] for pod in there.get(core("pods", shop.namespace))["items"]}
    # A new password: the checksum rolls the pods, one after the other, onto the same claims.
    shop.change("post", version="1.0.2", values={"password": "another"})
    after = there.get(core("pods", shop.namespace))["items"]
    assert sorted(pod["metadata"]["name"] for pod in after) == ["store-0", "store-1"]
    assert not before & {pod["metadata"]["uid"] for pod in after}
    assert len(there.get(core("persistentvolumeclaims", shop.namespace))["items"]) == 2
    shop.ask("delete", "/v1/deploy/store")
    shop.until(9)
    assert there.get(f"{APPS}/{shop.namespace}/statefulsets")["items"] == []
    assert len(there.get(core("persistentvolumeclaims", shop.namespace))["items"]) == 2, "data is never deleted"


def test_an_agent_on_every_node_with_its_configuration(shop: Shop, join: Join, kube: Any) -> None:  # noqa: F811
    nodes = 3
    cluster = join(nodes=nodes)
    shown = deploy(shop, "agent", AGENT)
    assert counted(shown) == {"running": nodes, "error": 0, "total": nodes}
    there = kube(cluster)
    data = there.get(core("configmaps", shop.namespace, "agent"))["data"]
    assert data == {"agent.yaml": "interval: 10s\ntargets: [a, b]"}
    there.delete(core("configmaps", shop.namespace, "agent"))

    def is_back() -> bool:
        return "agent" in {item["metadata"]["name"] for item in there.get(core("configmaps", shop.namespace))["items"]}

    drive_until(is_back)
    shop.change("post", version="1.0.2", values={"config": "interval: 20s"})
    pods = there.get(core("pods", shop.namespace))["items"]
    assert len({pod["spec"]["nodeName"] for pod in pods}) == nodes
    sums = {pod["metadata"]["annotations"]["checksum/config"] for pod in pods}
    assert len(sums) == 1
    shop.ask("delete", "/v1/deploy/agent")
    shop.until(9)
    assert there.get(f"{APPS}/{shop.namespace}/daemonsets")["items"] == []
