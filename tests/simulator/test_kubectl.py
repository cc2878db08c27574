"""The real kubectl, unchanged."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from .conftest import CLUSTER, NODES

# The pinned one that `make` installs, else whatever is there; before 1.27 it asked for an older OpenAPI document.
KUBECTL = shutil.which("kubectl", path=Path(sys.executable).parent) or shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl beside Python or on PATH")

MANIFEST = textwrap.dedent("""\
    apiVersion: v1
    kind: Namespace
    metadata: {name: NAME}
    ---
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web, namespace: NAME, labels: {app: web}}
    spec:
      replicas: 2
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec:
          containers:
          - name: main
            image: nginx:1.27
            ports: [{containerPort: 80}]
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: web, namespace: NAME}
    spec: {selector: {app: web}, ports: [{port: 80}]}
    """)


@pytest.fixture(scope="module")
def environment(simulator, tmp_path_factory):
    home = tmp_path_factory.mktemp("kubectl")
    simulator.write_kubeconfigs(home / "configs")
    return os.environ | {"HOME": str(home), "KUBECONFIG": str(home / "configs" / f"{CLUSTER}.yaml")}


@pytest.fixture(scope="module")
def kubectl(environment):
    def run(*args: str, stdin: str = "", ok: bool = True) -> str:
        done = subprocess.run(
            [KUBECTL, *args], input=stdin, env=environment, capture_output=True, text=True, timeout=30
        )
        assert (done.returncode == 0) is ok, done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture
def shop(kubectl, request):
    """A namespace with a rolled out deployment and a service."""
    name = "kubectl-" + request.node.name.removeprefix("test_").replace("_", "-")
    manifest = MANIFEST.replace("NAME", name)
    kubectl("apply", "--server-side", "-f", "-", stdin=manifest)
    kubectl("rollout", "status", "deployment/web", "-n", name, "--timeout=15s")
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def test_get(kubectl, shop):
    out = kubectl("get", "pods", "-A", "-o", "wide")
    assert out.splitlines()[0].split() == (
        [
            "NAMESPACE",
            "NAME",
            "READY",
            "STATUS",
            "RESTARTS",
            "AGE",
            "IP",
            "NODE",
            "NOMINATED",
            "NODE",
            "READINESS",
            "GATES",
        ]
    )
    assert out.count("1/1     Running") >= 2
    assert kubectl("get", "nodes").count("Ready") == NODES
    assert "deployment.apps/web" in kubectl("get", "all", "-n", shop, "-l", "app=web")
    found = json.loads(kubectl("get", "deployment", "web", "-n", shop, "-o", "json"))
    assert found["status"]["availableReplicas"] == 2
    assert kubectl("get", "pods", "-n", shop, "-o", "name", "--field-selector=status.phase=Running").count("pod/") == 2
    assert "(NotFound)" in kubectl("get", "deployment", "none", "-n", shop, ok=False)


def test_apply_both_ways(kubectl, shop):
    manifest = MANIFEST.replace("NAME", shop)
    assert "deployment.apps/web unchanged" not in kubectl("apply", "-f", "-", stdin=manifest)
    assert "deployment.apps/web unchanged" in kubectl("apply", "-f", "-", stdin=manifest)
    newer = manifest.replace("1.27", "1.28")
    assert "deployment.apps/web configured" in kubectl("apply", "-f", "-", stdin=newer)
    kubectl("rollout", "status", "deployment/web", "-n", shop, "--timeout=15s")
    refused = kubectl("apply", "--server-side", "-f", "-", stdin=manifest, ok=False)
    assert 'conflict with "kubectl-client-side-apply" using apps/v1' in refused
    assert "serverside-applied" in kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest)
    wrong = manifest.replace("replicas: 2", "replicaz: 2")
    assert 'unknown field "spec.replicaz"' in kubectl("apply", "-f", "-", stdin=wrong, ok=False)
    assert "image: nginx:9" in kubectl("diff", "-f", "-", stdin=manifest.replace("nginx:1.27", "nginx:9"), ok=False)


def test_scale_and_rollout(kubectl, shop):
    assert "deployment.apps/web scaled" in kubectl("scale", "deployment/web", "-n", shop, "--replicas=3")
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "-n", shop, "--timeout=15s")
    kubectl("set", "image", "deployment/web", "main=nginx:1.28", "-n", shop)
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "-n", shop, "--timeout=15s")
    assert "2" in kubectl("rollout", "history", "deployment/web", "-n", shop)
    assert "rolled back" in kubectl("rollout", "undo", "deployment/web", "-n", shop)
    kubectl("rollout", "restart", "deployment/web", "-n", shop)
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "-n", shop, "--timeout=15s")


def test_label_node(kubectl, shop):
    node = kubectl("get", "nodes", "-o", "name").split()[0]
    assert "labeled" in kubectl("label", node, "zone=a")
    assert node in kubectl("get", "nodes", "-l", "zone=a", "-o", "name")
    assert "unlabeled" in kubectl("label", node, "zone-")


def test_describe(kubectl, shop):
    assert "2 desired | 2 updated | 2 total | 2 available" in kubectl("describe", "deployment", "web", "-n", shop)
    name = kubectl("get", "pods", "-n", shop, "-o", "name").split()[0]
    pods = kubectl("describe", name, "-n", shop)  # newer kubectl shows no events when it describes many
    assert "Controlled By:  ReplicaSet/web-" in pods
    assert "Successfully assigned" in pods
    assert "Kubelet Version:            v1.37" in kubectl("describe", "nodes")
    assert "10.96." in kubectl("describe", "service", "web", "-n", shop)
    assert "Active" in kubectl("describe", "namespace", shop)


def test_watch_and_delete(kubectl, shop, environment, tmp_path):
    out = tmp_path / "watch"
    with out.open("w") as file:
        watch = subprocess.Popen([KUBECTL, "get", "pods", "-n", shop, "-w"], stdout=file, env=environment)
    try:
        lines = poll(out, lambda text: text.count("Running") >= 2)
        pod = lines.splitlines()[1].split()[0]
        assert "deleted" in kubectl("delete", "pod", pod, "-n", shop)
        poll(out, lambda text: "Terminating" in text and "ContainerCreating" in text)
    finally:
        watch.terminate()
        watch.wait(10)
    assert 'deployment.apps "web" deleted' in kubectl("delete", "deployment", "web", "-n", shop)
    kubectl("delete", "namespace", shop)
    assert "(NotFound)" in kubectl("get", "namespace", shop, ok=False)
    kubectl("create", "-f", "-", stdin=f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {shop}}}\n")


def poll(path: Path, holds) -> str:
    end = time.monotonic() + 15
    while not holds(text := path.read_text()):
        assert time.monotonic() < end, text
        time.sleep(0.05)
    return text


def test_wait_logs_and_drain(kubectl, shop):
    assert "condition met" in kubectl(
        "wait", "deployment/web", "-n", shop, "--for=condition=Available", "--timeout=10s"
    )
    assert "main started" in kubectl("logs", "deployment/web", "-n", shop)
    assert "v1" in kubectl("api-versions")
    assert "deployments" in kubectl("api-resources")
    assert "replicas" in kubectl("explain", "deployment.spec")
    node = kubectl("get", "pods", "-n", shop, "-o", "jsonpath={.items[0].spec.nodeName}")
    assert "cordoned" in kubectl("cordon", node)
    assert "drained" in kubectl("drain", node, "--ignore-daemonsets", "--timeout=20s", "--force")
    assert "uncordoned" in kubectl("uncordon", node)
