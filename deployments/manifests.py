"""From an application version to Kubernetes objects. Pure: the same input makes the same bytes.

The order is the order of applying: pull secret, Service, workload, autoscaler. The engine adds its own labels.
Numbers arrive in the request's units: percent of a core and MB (apps/serializers.py).
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from apps.rules import normal
from clusters.engine.labels import NODE_PREFIX

Manifest = dict[str, Any]

_INSTANCE = "app.kubernetes.io/instance"
_INT31 = 2**31 - 1


@dataclass(frozen=True)
class PullSecret:
    """What a node needs to pull from a registry that wants a login."""

    address: str
    user: str
    password: str = field(repr=False)
    # The registry.RegistryAccount that it is the login of.
    account_id: int | None = None


def objects_for(
    spec: dict[str, Any], *, deploy_name: str, namespace: str, node_label: str, pull_secret: PullSecret | None
) -> tuple[list[Manifest], list[Manifest]]:
    """Return the objects of a deployment in the order of applying, and its Secrets apart (to be applied first).

    spec: AppVersion.spec. node_label: only nodes with this label of ours; empty or 'all': any.
    """

    def meta() -> Manifest:
        return metadata(deploy_name, spec["appName"], deploy_name, namespace)

    secrets = []
    if pull_secret is not None:
        secrets = [pull_secret_object(pull_secret, spec["appName"], deploy_name, namespace)]
    pod = _pod(spec, node_label=node_label, secrets=secrets)
    workload = _deployment if spec["deployType"] == "deployment" else _daemonset
    objects = [workload(spec, meta(), pod)]
    if spec["port"]:
        objects.insert(0, _service(spec, meta()))
    if spec["isHPA"]:
        objects.append(_autoscaler(spec, meta()))
    return objects, secrets


def metadata(name: str, app_name: str, deploy_name: str, namespace: str) -> Manifest:
    """Return fresh metadata: whoever adds labels to one object must not reach another, nor a pod template."""
    labels = {"app.kubernetes.io/name": app_name, _INSTANCE: deploy_name}
    return {"name": name, "namespace": namespace, "labels": labels}


def _deployment(spec: dict[str, Any], meta: Manifest, pod: Manifest) -> Manifest:
    ready_seconds = spec["minReadySeconds"]
    rolling = {"maxUnavailable": spec["maxUnavailable"], "maxSurge": spec["maxSurge"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {
            "replicas": spec["replicas"],
            "minReadySeconds": ready_seconds,
            # Kubernetes refuses a deadline that is not beyond minReadySeconds.
            "progressDeadlineSeconds": min(max(int(settings.OTE_PROGRESS_DEADLINE), ready_seconds + 1), _INT31),
            "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
            **_pods(meta, pod),
        },
    }


def _daemonset(spec: dict[str, Any], meta: Manifest, pod: Manifest) -> Manifest:
    # Kubernetes takes exactly one of the two: maxSurge only where nothing may be unavailable, and never none.
    if spec["maxUnavailable"]:
        rolling = {"maxUnavailable": spec["maxUnavailable"]}
    elif spec["maxSurge"]:
        rolling = {"maxUnavailable": 0, "maxSurge": spec["maxSurge"]}
    else:
        rolling = {"maxUnavailable": 1}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": meta,
        "spec": {
            "minReadySeconds": spec["minReadySeconds"],
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
            **_pods(meta, pod),
        },
    }


def _pods(meta: Manifest, pod: Manifest) -> Manifest:
    """Selector and template. The selector cannot change later, so it holds only what never does: the instance."""
    return {
        "selector": {"matchLabels": {_INSTANCE: meta["labels"][_INSTANCE]}},
        "template": {"metadata": {"labels": dict(meta["labels"])}, "spec": pod},
    }


def _pod(spec: dict[str, Any], *, node_label: str, secrets: list[Manifest]) -> Manifest:
    pod: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(spec)],
    }
    if spec["volume"]:
        pod["volumes"] = [
            {"name": f"host-{number}", "hostPath": {"path": normal(volume["hostPath"])}}
            for number, volume in enumerate(spec["volume"])
        ]
    if node_label not in {"", "all"}:
        pod["nodeSelector"] = {f"{NODE_PREFIX}{node_label}": "true"}
    if secrets:
        pod["imagePullSecrets"] = [{"name": secret["metadata"]["name"]} for secret in secrets]
    return pod


def _container(spec: dict[str, Any]) -> Manifest:
    container: Manifest = {
        "name": spec["appName"],
        "image": spec["image"],
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    if words := shlex.split(spec["command"]):
        container["command"] = [_literal(word) for word in words]
    if spec["env"]:
        container["env"] = [{"name": item["name"], "value": _literal(item["value"])} for item in spec["env"]]
    if spec["port"]:
        container["ports"] = [_container_port(item) for item in spec["port"]]
    if spec["volume"]:
        container["volumeMounts"] = [
            {"name": f"host-{number}", "mountPath": normal(volume["path"]), "readOnly": True}
            for number, volume in enumerate(spec["volume"])
        ]
    if resources := _resources(spec):
        container["resources"] = resources
    return container


def _literal(text: str) -> str:
    """Return what Kubernetes turns into `text`: it would replace $(NAME) and make one $ of two."""
    return re.sub(r"\$(?=[$(])", "$$", text)


def _container_port(item: dict[str, int]) -> Manifest:
    port: Manifest = {"name": f"port-{item['port']}", "containerPort": item["port"], "protocol": "TCP"}
    return port | ({"hostPort": item["hostPort"]} if "hostPort" in item else {})


def _resources(spec: dict[str, Any]) -> Manifest:
    """Requests are the minima, limits the maxima; 0 is none. Kubernetes wants a GPU's request equal to its limit."""

    def quantities(bound: str) -> Manifest:
        found: Manifest = {}
        if cpu := spec[f"{bound}CPU"]:
            found["cpu"] = f"{cpu * 10}m"
        if memory := spec[f"{bound}Memory"]:
            found["memory"] = f"{memory}Mi"
        if spec["GPU"]:
            found["nvidia.com/gpu"] = str(spec["GPU"])
        return found

    sides = {"requests": quantities("min"), "limits": quantities("max")}
    return {side: values for side, values in sides.items() if values}


def _service(spec: dict[str, Any], meta: Manifest) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {
            "type": "ClusterIP",
            "selector": {_INSTANCE: meta["labels"][_INSTANCE]},
            "ports": [
                {
                    "name": f"port-{item['port']}",
                    "port": item["port"],
                    "targetPort": item["port"],
                    "protocol": "TCP",
                }
                for item in spec["port"]
            ],
        },
    }


def _autoscaler(spec: dict[str, Any], meta: Manifest) -> Manifest:
    targets = {"cpu": spec["targetCPUUtilization"], "memory": spec["targetMemUtilization"]}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": meta,
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": meta["name"]},
            "minReplicas": spec["minReplicas"],
            "maxReplicas": spec["maxReplicas"],
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": target}},
                }
                for name, target in targets.items()
            ],
        },
    }


def pull_secret_object(pull: PullSecret, app_name: str, deploy_name: str, namespace: str) -> Manifest:
    """Return the Secret that lets a deployment's pods pull their images."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(pull_secret_name(deploy_name), app_name, deploy_name, namespace),
        "type": "kubernetes.io/dockerconfigjson",
        "data": docker_config(pull),
    }


def pull_secret_name(deploy_name: str) -> str:
    """Return the name of a deployment's pull secret."""
    return f"{deploy_name}-pull"


def docker_config(pull: PullSecret) -> dict[str, str]:
    """Return the data of a pull secret."""
    login = {
        "username": pull.user,
        "password": pull.password,
        "auth": base64.b64encode(f"{pull.user}:{pull.password}".encode()).decode(),
    }
    content = json.dumps({"auths": {pull.address: login}}, ensure_ascii=False, separators=(",", ":"))
    return {".dockerconfigjson": base64.b64encode(content.encode()).decode()}
