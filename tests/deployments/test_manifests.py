"""deployments.manifests: what an application version is to Kubernetes."""

from __future__ import annotations

import base64
import copy
import json
import re
import shlex
from typing import Any

import kubernetes_validate
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.serializers import AppRequest
from deployments.manifests import PullSecret, objects_for
from tests.apps.bodies import body, small
from tests.deployments.specs import requests

VERSIONS = ["1.30", "1.37"]
INSTANCE = "app.kubernetes.io/instance"
PULL = PullSecret(address="registry.local:5000", user="robot", password='p"é')


def accepted(sent: dict[str, Any]) -> dict[str, Any]:
    """What the API keeps of a request."""
    request = AppRequest(data=sent)
    assert request.is_valid(), request.errors
    return json.loads(json.dumps(request.validated_data))


def made(sent: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The objects of a request by kind, and their order under 'kinds'."""
    defaults = {"deploy_name": "shop", "namespace": "ns7", "node_label": "", "pull_secret": None}
    objects, secrets = objects_for(accepted(sent), **(defaults | options))
    everything = secrets + objects
    return {item["kind"]: item for item in everything} | {"kinds": [item["kind"] for item in everything]}


def container(sent: dict[str, Any]) -> dict[str, Any]:
    """The one container of a request's workload."""
    objects = made(sent)
    workload = objects.get("Deployment") or objects["DaemonSet"]
    (found,) = workload["spec"]["template"]["spec"]["containers"]
    return found


def test_the_seeds_example() -> None:
    objects = made(body(), node_label="gpu-1", pull_secret=PULL)
    assert objects["kinds"] == ["Secret", "Service", "Deployment", "HorizontalPodAutoscaler"]
    labels = {"app.kubernetes.io/name": "nginx1", INSTANCE: "shop"}
    assert objects["Deployment"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "namespace": "ns7", "labels": labels},
        "spec": {
            "replicas": 10,
            "minReadySeconds": 10,
            "progressDeadlineSeconds": 600,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}},
            "selector": {"matchLabels": {INSTANCE: "shop"}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
                    "nodeSelector": {"node.otestack.io/gpu-1": "true"},
                    "imagePullSecrets": [{"name": "shop-pull"}],
                    "volumes": [
                        {"name": "host-0", "hostPath": {"path": "/usr/bin"}},
                        {"name": "host-1", "hostPath": {"path": "/usr/sbin"}},
                    ],
                    "containers": [
                        {
                            "name": "nginx1",
                            "image": "nginx:latest",
                            "securityContext": {"allowPrivilegeEscalation": False},
                            "env": [{"name": "NGINX_PATH", "value": "/usr/share/nginx/"}],
                            "ports": [
                                {"name": "port-8080", "containerPort": 8080, "protocol": "TCP", "hostPort": 9090}
                            ],
                            "volumeMounts": [
                                {"name": "host-0", "mountPath": "/host/usr/bin", "readOnly": True},
                                {"name": "host-1", "mountPath": "/host/usr/sbin", "readOnly": True},
                            ],
                            "resources": {
                                "requests": {"cpu": "100m", "memory": "100Mi"},
                                "limits": {"cpu": "2000m", "memory": "200Mi"},
                            },
                        }
                    ],
                },
            },
        },
    }
    assert objects["Service"]["metadata"] == objects["Deployment"]["metadata"]
    assert objects["Service"]["spec"] == {
        "type": "ClusterIP",
        "selector": {INSTANCE: "shop"},
        "ports": [{"name": "port-8080", "port": 8080, "targetPort": 8080, "protocol": "TCP"}],
    }
    assert objects["HorizontalPodAutoscaler"]["spec"] == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
        "minReplicas": 2,
        "maxReplicas": 20,
        "metrics": [
            {"type": "Resource", "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": n}}}
            for name, n in [("cpu", 100), ("memory", 150)]
        ],
    }


def test_the_least() -> None:
    objects = made(small())
    assert objects["kinds"] == ["Deployment"]
    assert container(small()) == {
        "name": "small",
        "image": "nginx",
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    assert set(objects["Deployment"]["spec"]["template"]["spec"]) == {
        *("automountServiceAccountToken", "enableServiceLinks", "securityContext", "containers")
    }


@pytest.mark.parametrize("label", ["", "all"])
def test_any_node(label: str) -> None:
    assert "nodeSelector" not in made(small(), node_label=label)["Deployment"]["spec"]["template"]["spec"]


def test_the_pull_secret_is_what_a_node_reads() -> None:
    secret = made(small(), pull_secret=PULL)["Secret"]
    assert (secret["metadata"]["name"], secret["type"]) == ("shop-pull", "kubernetes.io/dockerconfigjson")
    login = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))["auths"]["registry.local:5000"]
    assert (login["username"], login["password"]) == ("robot", 'p"é')
    assert base64.b64decode(login["auth"]).decode() == 'robot:p"é'
    assert "é" not in repr(PULL)


@pytest.mark.parametrize(
    ("unavailable", "surge", "sent"),
    [
        (2, 3, {"maxUnavailable": 2}),
        (2, 0, {"maxUnavailable": 2}),
        (0, 3, {"maxUnavailable": 0, "maxSurge": 3}),
        (0, 0, {"maxUnavailable": 1}),
    ],
)
def test_a_daemonset_takes_one_of_the_two(unavailable: int, surge: int, sent: dict[str, int]) -> None:
    objects = made(small(deployType="daemonset", maxUnavailable=unavailable, maxSurge=surge, minReadySeconds=7))
    assert objects["kinds"] == ["DaemonSet"]
    assert objects["DaemonSet"]["spec"]["updateStrategy"]["rollingUpdate"] == sent
    assert objects["DaemonSet"]["spec"]["minReadySeconds"] == 7


def test_gpus_are_requested_as_they_are_limited() -> None:
    resources = container(small(GPU=2))["resources"]
    assert resources == {"requests": {"nvidia.com/gpu": "2"}, "limits": {"nvidia.com/gpu": "2"}}


def test_zero_is_neither_request_nor_limit() -> None:
    assert container(small(minCPU=10, maxMemory=64))["resources"] == {
        "requests": {"cpu": "100m"},
        "limits": {"memory": "64Mi"},
    }


def test_a_command_is_split_as_a_shell_does() -> None:
    sent = small(command="""sh -c 'echo "$HOME" $(date)' a\\ b "" """)
    assert container(sent)["command"] == ["sh", "-c", 'echo "$HOME" $$(date)', "a b", ""]


def expanded(text: str) -> str:
    """What Kubernetes makes of a command word or a variable's value, with A=1 set."""
    known = {"$$": "$", "$(A)": "1"}
    return re.sub(r"\$\$|\$\(A\)", lambda found: known[found[0]], text)


@pytest.mark.parametrize("text", ["$(A)", "$$", "$$$", "$$(A)", "$", "a$", "$(", "$A", "$$A", "pa$$word", "$(B)"])
def test_variables_and_words_reach_the_process_unchanged(text: str) -> None:
    found = container(small(env=[{"name": "A", "value": text}], command=shlex.join(["x", text])))
    assert expanded(found["env"][0]["value"]) == text
    assert expanded(found["command"][1]) == text


def test_the_deadline_lies_beyond_ready_seconds(settings: Any) -> None:
    settings.OTE_PROGRESS_DEADLINE = 100.5
    assert made(small())["Deployment"]["spec"]["progressDeadlineSeconds"] == 100
    assert made(small(minReadySeconds=100))["Deployment"]["spec"]["progressDeadlineSeconds"] == 101


def test_the_selector_does_not_change_with_the_version() -> None:
    first, second = (made(small(image=image, appName=name)) for image, name in [("a:1", "a"), ("b:2", "b")])
    assert first["Deployment"]["spec"]["selector"] == second["Deployment"]["spec"]["selector"]


def test_adding_labels_to_an_object_reaches_no_other_and_no_pod() -> None:
    objects = made(body(), pull_secret=PULL)
    kinds = objects.pop("kinds")
    before = copy.deepcopy(objects)
    for kind in kinds:
        objects[kind]["metadata"]["labels"]["mark"] = kind
    for kind in kinds:
        assert objects[kind]["metadata"]["labels"].pop("mark") == kind
    assert objects == before


@settings(max_examples=60, derandomize=True, deadline=None)
@given(requests(), st.booleans(), st.sampled_from(["", "edge-1"]))
def test_whatever_the_api_accepts_is_valid_for_kubernetes(sent: dict[str, Any], pull: bool, label: str) -> None:
    spec = accepted(sent)
    before = json.dumps(spec)
    options = {"deploy_name": "shop", "namespace": "ns7", "node_label": label, "pull_secret": PULL if pull else None}
    objects, secrets = objects_for(spec, **options)
    assert json.dumps(objects_for(spec, **options)) == json.dumps((objects, secrets))
    assert json.dumps(spec) == before

    for item in secrets + objects:
        assert item["metadata"]["namespace"] == "ns7"
        for version in VERSIONS:
            kubernetes_validate.validate(item, version, strict=True)
    kinds = [item["kind"] for item in secrets + objects]
    order = ["Secret", "Service", "Deployment", "DaemonSet", "HorizontalPodAutoscaler"]
    assert kinds == sorted(kinds, key=order.index)
    assert len(kinds) == 1 + pull + bool(spec["port"]) + spec["isHPA"]
    rules_beyond_the_schema(next(item for item in objects if item["kind"] in {"Deployment", "DaemonSet"}))


def rules_beyond_the_schema(workload: dict[str, Any]) -> None:
    """What Kubernetes demands of a workload and its schema does not say."""
    spec = workload["spec"]
    pod = spec["template"]["spec"]
    (one,) = pod["containers"]
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
    if workload["kind"] == "Deployment":
        assert spec["minReadySeconds"] < spec["progressDeadlineSeconds"] < 2**31
        assert any(spec["strategy"]["rollingUpdate"].values())
    else:
        assert sum(map(bool, spec["updateStrategy"]["rollingUpdate"].values())) == 1
    for list_name, key in [
        ("ports", "name"),
        ("ports", "containerPort"),
        ("env", "name"),
        ("volumeMounts", "mountPath"),
    ]:
        values = [item[key] for item in one.get(list_name, [])]
        assert len(values) == len(set(values))
    assert [mount["name"] for mount in one.get("volumeMounts", [])] == [v["name"] for v in pod.get("volumes", [])]
    assert all(volume["hostPath"]["path"].startswith("/usr") for volume in pod.get("volumes", []))
    resources = one.get("resources", {})
    for name, request in resources.get("requests", {}).items():
        limit = resources.get("limits", {}).get(name)
        assert limit is None or int(re.sub(r"\D", "", request)) <= int(re.sub(r"\D", "", limit))
