"""What a chart may put on an edge: which objects, where, and what its pods may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.charts import limits
from tests.apps.charts.packing import CONFIG, chart, deployment, manifest, template, upload
from tests.run.product import once

# What a chart may hold is decided by its files and by what helm makes of them.
pytestmark = once


def service(spec: str) -> str:
    return manifest("Service", f"spec: {{ports: [{{port: 80}}], {spec}}}\n")


def annotated(line: str) -> str:
    return manifest("ConfigMap", meta=f"  annotations: {{{line}}}\n")


KINDS = {
    "RBAC": (
        manifest("Role", api="rbac.authorization.k8s.io/v1"),
        "Role one: objects of rbac.authorization.k8s.io/v1/Role",
    ),
    "a service account": (
        manifest("ServiceAccount"),
        "objects of v1/ServiceAccount may not be deployed, only Secret, ",
    ),
    "a namespace": (manifest("Namespace"), "objects of v1/Namespace may not be deployed"),
    "of the cluster": (manifest("ClusterRole", api="rbac.authorization.k8s.io/v1"), "ClusterRole may not be deployed"),
    "a definition": (manifest("CustomResourceDefinition", api="apiextensions.k8s.io/v1"), "may not be deployed"),
    "a kind without end": (manifest('{{ repeat 5000 "A" }}'), "objects of v1/AAAA"),
    "a pod": (manifest("Pod", "spec: {containers: [{name: a, image: b}]}\n"), "objects of v1/Pod may not be deployed"),
    "in a list": (
        "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Namespace, metadata: {name: x}}]\n",
        "Namespace x: objects of v1/Namespace",
    ),
    "a list in a list": (
        "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List, items: []}]\n",
        "a List that holds something else",
    ),
    "another API version": (
        manifest("Deployment", api="extensions/v1beta1"),
        "objects of extensions/v1beta1/Deployment",
    ),
    "another namespace": (manifest("ConfigMap", meta="  namespace: kube-system\n"), "'kube-system' is not yours"),
    "no name": ("apiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {a: b}}\n", "its name must be"),
    "a name to be made": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a-}\n",
        "generateName is not possible",
    ),
    "no name that there may be": (manifest("ConfigMap", name="a/../b"), "its name must be"),
    "no metadata": ("apiVersion: v1\nkind: ConfigMap\n", "it has no metadata"),
    "twice": (f"{manifest('ConfigMap')}---\n{manifest('ConfigMap')}", "ConfigMap one: it is there twice."),
    "a hook": (annotated("helm.sh/hook: pre-install"), "the hook 'pre-install' cannot be run"),
    "a hook beside a test": (annotated('helm.sh/hook: "test,post-delete"'), "the hook 'post-delete' cannot be run"),
    "only a test": (annotated("helm.sh/hook: test"), "It renders to no object."),
    "a finalizer": (manifest("ConfigMap", meta="  finalizers: [a/b]\n"), "metadata.finalizers is not allowed"),
    "an owner": (manifest("ConfigMap", meta="  ownerReferences: [{uid: a}]\n"), "metadata.ownerReferences is not"),
    "our labels": (manifest("ConfigMap", meta="  labels: {otestack.io/bundle: x}\n"), "'otestack.io/bundle' in labels"),
    "our labels below": (annotated("node.otestack.io/a: x"), "'node.otestack.io/a' in annotations is reserved"),
    "a label that is no text": (manifest("ConfigMap", meta="  labels: {a: 1}\n"), "'a' in labels must be text"),
    "a large one": (manifest("ConfigMap", 'data: {a: {{ repeat 1100000 "a" }}}\n'), "it is larger than 1 MB"),
    "many": (
        "{{ range until 201 }}apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a{{ . }}}\n---\n{{ end }}",
        f"more than {limits.OBJECTS} objects",
    ),
    "a node port": (service("type: NodePort"), "a Service of type 'NodePort' is not allowed, only ClusterIP"),
    "a node port by number": (manifest("Service", "spec: {ports: [{port: 80, nodePort: 30000}]}\n"), "nodePort is not"),
    "a load balancer": (service("type: LoadBalancer"), "'LoadBalancer' is not allowed"),
    "external addresses": (service("externalIPs: [10.0.0.1]"), "externalIPs is not allowed"),
    "a service named by a digit": (manifest("Service", "spec: {}\n", name="1a"), "must start with a letter"),
    "an ingress": (manifest("Ingress", "spec: {}\n", api="networking.k8s.io/v1"), "an Ingress is not allowed here"),
    "a token": (
        manifest("Secret", "type: kubernetes.io/service-account-token\n"),
        "service-account-token is not allowed",
    ),
    "no base64": (manifest("Secret", 'data: {a: "!"}\n'), "data of 'a' is no base64"),
    "no text in a secret": (manifest("Secret", "stringData: {a: 1}\n"), "stringData of 'a' must be text"),
    "data of others": (
        manifest("PersistentVolumeClaim", "spec: {dataSourceRef: {namespace: other}}\n"),
        "dataSourceRef into another namespace",
    ),
}

PODS = {
    "host network": ("hostNetwork: true", "hostNetwork is not allowed"),
    "host processes": ("hostPID: true", "hostPID is not allowed"),
    "host IPC": ("hostIPC: true", "hostIPC is not allowed"),
    "a service account": ("serviceAccountName: admin", "serviceAccountName is not allowed"),
    "a service account, old": ("serviceAccount: admin", "serviceAccount is not allowed"),
    "its token": ("automountServiceAccountToken: true", "automountServiceAccountToken is not allowed"),
    "priority": ("priorityClassName: system-node-critical", "'system-node-critical' is the system's"),
    "a sysctl": ("securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}]}", "the sysctl 'kernel.msgmax'"),
    "Windows' host": ("securityContext: {windowsOptions: {hostProcess: true}}", "hostProcess is not allowed"),
    "no seccomp": ("securityContext: {seccompProfile: {type: Unconfined}}", "seccompProfile may not be Unconfined"),
    "another SELinux type": ("securityContext: {seLinuxOptions: {type: spc_t}}", "seLinuxOptions"),
    "a host path": (
        "volumes: [{name: v, hostPath: {path: /etc}}]",
        "volume 'v': only what lies below /usr may be mounted",
    ),
    "the host's root": ("volumes: [{name: v, hostPath: {path: /}}]", "only what lies below /usr"),
    "out of a host path": ("volumes: [{name: v, hostPath: {path: /usr/../etc}}]", "it must not hold '..'"),
    "our labels below": (
        "volumes: [{name: v, ephemeral: {volumeClaimTemplate: {metadata: {labels: {otestack.io/centre: x}}}}}]",
        "'otestack.io/centre' in labels is reserved",
    ),
    "another volume": ("volumes: [{name: v, nfs: {server: a, path: /}}]", "a volume of type 'nfs' is not allowed"),
    "a projected token": (
        "volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t}}]}}]",
        "to project a 'serviceAccountToken' is not allowed",
    ),
    "a late container": ("ephemeralContainers: [{name: e}]", "ephemeralContainers is not allowed"),
    "no mapping": ("securityContext: [privileged]", "securityContext must be a mapping"),
    "no list": ("volumes: {name: v}", "volumes must be a list"),
}

CONTAINERS = {
    "privileged": ("securityContext: {privileged: true}", "container 'main': privileged is not allowed"),
    "privileged in text": ('securityContext: {privileged: "true"}', "privileged is not allowed"),
    "a capability": ("securityContext: {capabilities: {add: [NET_ADMIN]}}", "added capabilities are not allowed"),
    "its proc": ("securityContext: {procMount: Unmasked}", "procMount is not allowed"),
    "no AppArmor": ("securityContext: {appArmorProfile: {type: Unconfined}}", "appArmorProfile may not be"),
    "propagation": ("volumeMounts: [{name: v, mountPath: /v, mountPropagation: Bidirectional}]", "'Bidirectional'"),
    "a probe of another host": ("livenessProbe: {httpGet: {host: 10.0.0.1, port: 80}}", "httpGet.host is not allowed"),
    "a hook of another host": ("lifecycle: {preStop: {tcpSocket: {host: a, port: 80}}}", "tcpSocket.host is not"),
}


@pytest.mark.parametrize("name", KINDS)
def test_an_object_that_may_not_be(name: str, refused: Callable[..., str]) -> None:
    text, sentence = KINDS[name]
    assert sentence in refused(template(text))


@pytest.mark.parametrize("name", PODS)
def test_a_pod_that_may_not_be(name: str, refused: Callable[..., str]) -> None:
    lines, sentence = PODS[name]
    said = refused(template(deployment(lines)))
    assert said.startswith("Deployment web")
    assert sentence in said


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_that_may_not_be(name: str, refused: Callable[..., str]) -> None:
    lines, sentence = CONTAINERS[name]
    assert sentence in refused(template(deployment(container=lines)))


@pytest.mark.parametrize("kind", ["DaemonSet", "StatefulSet", "Job"])
def test_every_workload_is_looked_at(kind: str, refused: Callable[..., str]) -> None:
    text = deployment("hostPID: true", kind=kind)
    said = refused(template(text.replace("apps/v1", "batch/v1") if kind == "Job" else text))
    assert said == f"{kind} web: hostPID is not allowed."


def test_containers_that_only_begin_are_looked_at(refused: Callable[..., str]) -> None:
    first = "initContainers: [{name: first, image: a, securityContext: {privileged: true}}]"
    assert refused(template(deployment(first))) == "Deployment web, container 'first': privileged is not allowed."


def test_a_host_path_is_read_only(api: Any, member: Any, refused: Callable[..., str]) -> None:
    volume = "volumes: [{name: v, hostPath: {path: /usr/share}}]"
    for mount in ("{name: v, mountPath: /v}", "{name: v, mountPath: /v, readOnly: false}"):
        said = refused(template(deployment(volume, f"volumeMounts: [{mount}]")))
        assert "the host's folder 'v' must be mounted readOnly" in said
    good = template(deployment(volume, "volumeMounts: [{name: v, mountPath: /v, readOnly: true}]"))
    assert upload(api(member), good).json()["code"] == 200


def test_an_ingress_where_the_installation_allows_it(api: Any, member: Any, settings: Any) -> None:
    settings.OTE_ENABLE_INGRESS = True
    ingress = template(manifest("Ingress", "spec: {}\n", api="networking.k8s.io/v1"))
    assert upload(api(member), ingress).json()["code"] == 200


def test_what_a_tenant_may_do(api: Any, member: Any) -> None:
    """Nothing of this is refused, nor are a test and an object with what the server writes."""
    pod = (
        "serviceAccountName: default\nautomountServiceAccountToken: false\nsecurityContext: {runAsUser: 1000}\n"
        "volumes: [{name: a, emptyDir: {}}, {name: b, configMap: {name: one}}, {name: c, projected: {sources: "
        "[{secret: {name: s}}]}}]\ninitContainers: [{name: first, image: a}]"
    )
    container = (
        "ports: [{containerPort: 80, hostPort: 8080}]\n"
        "securityContext: {privileged: false, capabilities: {drop: [ALL]}}\n"
        "livenessProbe: {httpGet: {path: /, port: 80}}"
    )
    parts = [
        deployment(pod, container),
        deployment(kind="StatefulSet").replace("name: web\nspec:", "name: web\n  creationTimestamp: null\nspec:", 1),
        manifest("Service", "spec: {type: ClusterIP, clusterIP: None, ports: [{port: 80}]}\n"),
        manifest("PersistentVolumeClaim", "spec: {accessModes: [ReadWriteOnce]}\n"),
        manifest("Secret", "stringData: {a: b}\ndata: {c: ZA==}\n"),
        manifest("ServiceAccount", meta="  annotations: {helm.sh/hook: test-success}\n"),
        manifest("ConfigMap", meta="  namespace: {{ .Release.Namespace }}\n  labels: {empty: }\n"),
    ]
    answer = upload(api(member), chart({f"templates/{number}.yaml": text for number, text in enumerate(parts)}))
    assert answer.json() == {"code": 200, "message": "success"}


YAML = {
    "a thousand laughs": (
        "a: &a [x, x, x, x, x, x, x, x]\n"
        + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 8)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)),
        "more than 200000 values",
    ),
    "laughs of text": (f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 300)}]\n", "or too much text"),
    "itself": ("a: &a [*a]\n", "holds the anchor 'a' inside itself"),
    "a Python object": ("a: !!python/object:os.system x\n", "the YAML tag 'tag:yaml.org,2002:python/object:os.system'"),
    "a tag of its own": ("a: !secret x\n", "the YAML tag '!secret'"),
    "deep": ("a: " + "[" * 100 + "]" * 100 + "\n", "is nested more than 64 deep"),
    "twice": ("a: 1\na: 2\n", "holds the key 'a' twice"),
    "no number": ("a: .nan\n", "holds .nan"),
    "NUL": ('a: "\\0"\n', "holds a NUL"),
    "two documents": ("a: 1\n---\nb: 2\n", "holds more than one document"),
    "broken": ("a: [\n", "is no valid YAML at line 2"),
    "no mapping": ("[a]\n", "values.yaml must be a mapping"),
}


@pytest.mark.parametrize("name", YAML)
def test_yaml_that_is_refused(name: str, refused: Callable[..., str]) -> None:
    text, sentence = YAML[name]
    said = refused(chart({"values.yaml": text, "templates/a.yaml": CONFIG}))
    assert said.startswith("values.yaml")
    assert sentence in said
