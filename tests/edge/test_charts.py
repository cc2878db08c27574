"""A chart from its upload to its end, by way of the API, on clusters that answer over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from business.models import Business
from business.services import approve
from clusters.models import Cluster, Installation
from deployments.models import Deployment, Operation
from deployments.settle import settle
from tests.apps.charts.packing import Files, chart, require_helm, upload
from tests.edge.conftest import drive_until
from tests.edge.kube import core, deployments

ABOUT = "apiVersion: v2\nname: shop\nversion: 1.{}.0\n"
VALUES = "replicas: 2\nimage: nginx:1\ngreeting: hello\ncache: true\n"
LABELS = "{app.kubernetes.io/name: {{ .Chart.Name }}, app.kubernetes.io/instance: {{ .Release.Name }}, part: %s}"
POD = """      labels: %s
    spec:
      containers:
        - name: main
          image: {{ .Values.image }}
"""
SHOP: Files = {
    "values.yaml": VALUES,
    "templates/config.yaml": """apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-config
data:
  greeting: {{ .Values.greeting }}
  kubernetes: {{ .Capabilities.KubeVersion.Version | quote }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}-login
stringData:
  password: {{ .Values.password | default "none" | quote }}
""",
    "templates/web.yaml": """apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-web
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: LABELS}
  template:
    metadata:
PODS---
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}-web
spec:
  selector: LABELS
  ports: [{port: 80}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .Release.Name }}-web
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ .Release.Name }}-web}
  minReplicas: 2
  maxReplicas: 4
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
""".replace("PODS", POD % (LABELS % "web")).replace("LABELS", LABELS % "web"),
    "templates/cache.yaml": """{{ if .Values.cache }}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ .Release.Name }}-cache
spec:
  replicas: 1
  serviceName: {{ .Release.Name }}-web
  selector: {matchLabels: LABELS}
  template:
    metadata:
PODS  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
{{ end }}""".replace("PODS", POD % (LABELS % "cache")).replace("LABELS", LABELS % "cache"),
    "templates/once.yaml": """apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-once
spec:
  ttlSecondsAfterFinished: 1
  template:
    metadata:
PODS      restartPolicy: Never
""".replace("PODS", POD % (LABELS % "once")),
    "templates/tests/test.yaml": """apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-test
  annotations: {helm.sh/hook: test}
spec: {containers: [{name: test, image: busybox}]}
""",
}


class Shop:
    """An approved business's administrator at the API, and what its clusters hold."""

    def __init__(self, client: Any, namespace: str) -> None:
        self.client, self.namespace = client, namespace

    def upload(self, files: Files, minor: int = 1) -> None:
        answer = upload(self.client, chart(files, about=ABOUT.format(minor)))
        assert answer.json() == {"code": 200, "message": "success"}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client(method, path, body).json()
        assert answer["code"] == 200, answer
        return answer

    def shown(self) -> dict[str, Any]:
        settle()
        return self.ask("get", f"/v1/deploy/id/{Deployment.objects.latest('pk').pk}")["data"]

    def change(self, method: str, **body: Any) -> dict[str, Any]:
        """Upgrade (post) or roll back (put), until it has succeeded."""
        self.ask(method, f"/v1/deploy/id/{self.shown()['id']}", {"comment": ""} | body)
        return self.until(5)

    def until(self, status: int) -> dict[str, Any]:
        drive_until(lambda: self.shown()["status"] == status)
        return self.shown()


@pytest.fixture
def shop(api: Any, make_user: Any, make_business: Any, settle_quickly: None) -> Shop:
    from business.models import Status

    require_helm()
    Installation.objects.get_or_create(pk=1)
    owner = make_user(1)
    waiting = make_business("shop", status=Status.PENDING, applicant=owner)
    approve(waiting, by=make_user(4, Business.objects.get(is_system=True), "root"))
    owner.refresh_from_db()
    waiting.refresh_from_db()
    return Shop(api(owner), waiting.namespace)


def held(kube: Any, namespace: str) -> set[str]:
    """Return what is there of ours, as kind/name."""
    found = set()
    for path in (
        *(core(plural, namespace) for plural in ("configmaps", "secrets", "services", "persistentvolumeclaims")),
        *(f"/apis/apps/v1/namespaces/{namespace}/{plural}" for plural in ("deployments", "statefulsets")),
        f"/apis/batch/v1/namespaces/{namespace}/jobs",
        f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers",
    ):
        listing = kube.get(f"{path}?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dotestack")
        found |= {f"{listing['kind'].removesuffix('List')}/{item['metadata']['name']}" for item in listing["items"]}
    return found


ALL = {
    *("ConfigMap/shop1-config", "Secret/shop1-login", "Service/shop1-web", "Deployment/shop1-web"),
    *("HorizontalPodAutoscaler/shop1-web", "StatefulSet/shop1-cache", "Job/shop1-once"),
}
NEW = {"deployName": "shop1", "appName": "shop", "version": "1.0.1", "cluster": "", "nodeLabel": "", "comment": ""}


def test_a_chart_from_upload_to_its_end(shop: Shop, join: Callable[..., Cluster], kube: Any) -> None:
    there = kube(join())
    shop.upload(SHOP)
    later = {name: text for name, text in SHOP.items() if name != "templates/once.yaml"}
    shop.upload(later, 2)

    shop.ask("post", "/v1/deploy", NEW | {"values": {"greeting": "hi", "password": "s3cret"}})
    shown = shop.until(5)
    # Pods: two of the Deployment, one of the StatefulSet, one of the Job that has succeeded.
    assert json.loads(shown["errorMessage"]) == {"running": 4, "error": 0, "total": 4}
    assert held(there, shop.namespace) == ALL
    config = there.get(core("configmaps", shop.namespace, "shop1-config"))["data"]
    version = there.get("/version")["gitVersion"].partition("+")[0]
    assert config == {"greeting": "hi", "kubernetes": version}
    first = Operation.objects.get()
    assert "s3cret" not in json.dumps(first.manifests)

    # Upgrade: what runs keeps its values; what the chart no longer has goes.
    shop.change("post", version="1.0.2")
    assert held(there, shop.namespace) == ALL - {"Job/shop1-once"}
    assert there.get(core("configmaps", shop.namespace, "shop1-config"))["data"]["greeting"] == "hi"

    # Rollback, with other values: all of them anew.
    shop.change("put", version="1.0.1", values={"image": "nginx:2", "cache": False})
    assert held(there, shop.namespace) == ALL - {"StatefulSet/shop1-cache"}
    assert there.get(core("configmaps", shop.namespace, "shop1-config"))["data"]["greeting"] == "hello"
    pod = there.get(deployments(shop.namespace, "shop1-web"))["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "nginx:2"

    shop.ask("delete", "/v1/deploy/shop1")
    shop.until(9)
    assert held(there, shop.namespace) == set()


def test_a_node_label_narrows_every_pod(shop: Shop, join: Callable[..., Cluster], kube: Any) -> None:
    cluster = join(nodes=2)
    shop.upload(SHOP)
    drive_until(lambda: cluster.nodes.count() == 2)
    node = cluster.nodes.order_by("name").first().name
    from clusters import services

    services.add_node_label(cluster.name, [node], "till")
    shop.ask("post", "/v1/deploy", NEW | {"nodeLabel": "till"})
    shop.until(5)
    pods = kube(cluster).get(core("pods", shop.namespace))["items"]
    assert len(pods) == 4
    assert {pod["spec"]["nodeName"] for pod in pods} == {node}
    assert {pod["spec"]["automountServiceAccountToken"] for pod in pods} == {False}
