"""One plain object of each kind that we apply, and its answer without what is another one each time."""

from __future__ import annotations

import json
from typing import Any

LABELS = {"app": "plain"}
CONTAINER = {
    "name": "main",
    "image": "nginx:1",
    "ports": [{"containerPort": 80}],
    "env": [{"name": "WHERE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
    "livenessProbe": {"httpGet": {"path": "/", "port": 80}},
    "resources": {"requests": {"cpu": "0.1"}, "limits": {"memory": "64Mi"}},
    "volumeMounts": [{"name": "config", "mountPath": "/etc/plain"}],
}
POD = {
    "automountServiceAccountToken": False,
    "containers": [CONTAINER],
    "volumes": [{"name": "config", "configMap": {"name": "plain"}}],
}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": POD}
SELECTOR = {"matchLabels": LABELS}
SIZE = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}
BACKEND = {"service": {"name": "plain", "port": {"number": 80}}}
METRIC = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}

PLAIN: dict[str, tuple[str, dict[str, Any]]] = {
    "ConfigMap": ("/api/v1/namespaces/{}/configmaps", {"data": {"a": "b"}}),
    "Secret": ("/api/v1/namespaces/{}/secrets", {"stringData": {"a": "b"}}),
    "Service": ("/api/v1/namespaces/{}/services", {"spec": {"selector": LABELS, "ports": [{"port": 80}]}}),
    "Headless": ("/api/v1/namespaces/{}/services", {"spec": {"clusterIP": "None", "ports": [{"port": 80}]}}),
    "PersistentVolumeClaim": ("/api/v1/namespaces/{}/persistentvolumeclaims", {"spec": SIZE}),
    "Pod": ("/api/v1/namespaces/{}/pods", {"spec": POD}),
    "Deployment": ("/apis/apps/v1/namespaces/{}/deployments", {"spec": {"selector": SELECTOR, "template": TEMPLATE}}),
    "DaemonSet": ("/apis/apps/v1/namespaces/{}/daemonsets", {"spec": {"selector": SELECTOR, "template": TEMPLATE}}),
    "StatefulSet": (
        "/apis/apps/v1/namespaces/{}/statefulsets",
        {
            "spec": {
                "serviceName": "plain",
                "selector": SELECTOR,
                "template": TEMPLATE,
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": SIZE}],
            }
        },
    ),
    "Job": (
        "/apis/batch/v1/namespaces/{}/jobs",
        {"spec": {"template": {"spec": POD | {"restartPolicy": "Never"}}}},
    ),
    "HorizontalPodAutoscaler": (
        "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
        {
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "plain"},
                "maxReplicas": 3,
                "metrics": [METRIC],
            }
        },
    ),
    "Ingress": (
        "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
        {"spec": {"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}]}}]}},
    ),
}
# What is another one each time.
EACH_TIME = ("uid", "creationTimestamp", "resourceVersion", "namespace")


def plain(answer: dict[str, Any], namespace: str) -> dict[str, Any]:
    """An answer without what is another one each time."""
    meta = answer["metadata"]
    uid = meta.get("uid", "-")
    for key in EACH_TIME:
        meta.pop(key, None)
    for entry in meta.get("managedFields", ()):
        entry["time"] = "T"
    for key in ("clusterIP", "clusterIPs"):
        if "ports" in answer.get("spec", {}) and answer["spec"].get(key) not in (None, "None", ["None"]):
            answer["spec"][key] = "IP"
    text = json.dumps(answer, sort_keys=True).replace(uid, "UID").replace(namespace, "NAMESPACE")
    found: dict[str, Any] = json.loads(text)
    return found
