"""A client that a published generator makes of /v1/schema drives the walkthrough's steps against the whole product."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.run.product import Product, once, until

pytestmark = [pytest.mark.processes, once]

PACKAGE = "otestack_client"
PASSWORD = "Edge2026xy"


class Caller:
    """The generated functions by their operation ids, called with one token. Every answer must be a success."""

    def __init__(self, product: Product, token: str = "") -> None:
        made = importlib.import_module(f"{PACKAGE}.client")
        options = {"base_url": f"http://127.0.0.1:{product.port}", "raise_on_unexpected_status": True, "timeout": 30.0}
        self.client = made.AuthenticatedClient(token=token, **options) if token else made.Client(**options)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        folder = Path(str(importlib.import_module(f"{PACKAGE}.api").__file__)).parent
        (module,) = folder.glob(f"*/{operation}.py")
        function = importlib.import_module(f"{PACKAGE}.api.{module.parent.name}.{operation}")

        def call(*path: Any, **options: Any) -> Any:
            answer = function.sync_detailed(*path, client=self.client, **options)
            assert answer.status_code == 200, answer.content
            assert (answer.parsed.code, answer.parsed.message) == (200, "success")
            return answer.parsed

        return call


def model(name: str, /, **fields: Any) -> Any:
    """Return a generated model, made of JSON."""
    return getattr(importlib.import_module(f"{PACKAGE}.models"), name).from_dict(fields)


@pytest.fixture
def product(make_product: Callable[..., Product]) -> Product:
    return make_product(OTE_EDGE="simulated").start()


@pytest.fixture
def generated(product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The client's package, made of what the product serves, and importable."""
    product.ready()
    (tmp_path / "config.yaml").write_text("post_hooks: []\nliteral_enums: true\n")
    with urllib.request.urlopen(f"http://127.0.0.1:{product.port}/v1/schema", timeout=20) as answer:
        (tmp_path / "openapi.json").write_bytes(answer.read())
    subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning", "--meta", "none"),
            *("--path", "openapi.json", "--output-path", PACKAGE, "--config", "config.yaml"),
        ],
        check=True, cwd=tmp_path, timeout=120,
    )  # fmt: skip
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def test_a_generated_client_walks_through(product: Product, generated: None) -> None:
    password = (product.data_dir / "admin-password").read_text().strip()
    anyone = Caller(product)

    def log_in(user: str, password: str = PASSWORD) -> Caller:
        return Caller(product, anyone.log_in(body=model("LoginRequest", user=user, password=password)).token)

    def person(user: str, *, is_admin: bool) -> Any:
        fields = {"password": PASSWORD, "phone": "12345678910", "realName": user.title(), "isAdmin": is_admin}
        return model("UserRequest", user=user, **fields)

    anyone.register_user(body=person("alice", is_admin=True))
    admin = log_in("admin", password)
    (alice_id,) = [user.id for user in admin.list_users(page_size=0).data if user.user == "alice"]
    admin.audit_user(alice_id, body=model("UserAuditRequest", status=1))

    applicant = log_in("alice")
    words = {"introduce": "shops", "objective": "tills", "scale": "3 clusters"}
    applicant.create_business(body=model("BusinessRequest", name="acme", **words))
    (business,) = admin.list_businesses(name="acme").data
    admin.audit_business(business.id, body=model("BusinessAuditRequest", status=1, comment="welcome"))
    assert admin.get_business(business.id).data.introduce == "shops"

    alice = log_in("alice")
    assert alice.get_authorization().data.role == 3
    alice.create_user(body=person("bob", is_admin=False))
    for image in ("nginx:1.27", "nginx:1.28"):
        alice.create_application(body=model("AppRequest", **_application(image)))
    apps = alice.list_applications(app_name="web", app_name_mode="strict").apps
    assert [(app.version, app.min_cpu) for app in apps] == [("1.1.1", 0.1), ("1.1.2", 0.1)]
    assert alice.get_application(apps[0].id).data.port[0].port == 80

    names = [cluster.cluster_name for cluster in admin.list_clusters().data][:2]
    admin.add_cluster_label(body=model("ClusterLabelRequest", clusterLabel="shops", clusterName=names))
    assert admin.list_cluster_labels().data == ["shops"]
    for name in names:
        assert [label.cluster_label for label in admin.list_labels_of_cluster(name).data] == ["shops"]
        node = admin.list_nodes(cluster_name=name).data[0].node_name
        fields = {"clusterName": name, "nodeName": [node], "nodeLabel": "till"}
        admin.add_node_label(body=model("NodeLabelRequest", **fields))

    bob = log_in("bob")
    target = {"cluster": "shops", "nodeLabel": "till", "comment": "first"}
    bob.create_deployment(body=model("DeployRequest", deployName="tills", appName="web", version="1.1.1", **target))
    waiting = alice.list_deployment_audits().data[0]
    alice.audit_deployment(body=model("DeploymentAuditRequest", id=waiting.id, status=1, comment="go"))
    (deployment,) = bob.list_deployments(app_name="web", editable="all").data

    def reaches(status: int) -> None:
        until(lambda: bob.get_deployment(deployment.id).data.status == status, f"status {status}")

    reaches(5)
    placements = bob.list_clusters_of_deployment(deployment.id)
    assert {(row.cluster_name, row.state) for row in placements.data} == {(name, "ready") for name in names}
    assert json.loads(bob.get_deployment(deployment.id).data.error_message)["running"] >= 2
    alice.upgrade_deployment(deployment.id, body=model("UpgradeRequest", version="1.1.2"))
    reaches(5)
    alice.roll_back_deployment(deployment.id, body=model("RollbackRequest", version="1.1.1", comment="back"))
    reaches(5)
    history = alice.get_deployment(deployment.id, field="historyVersion").data.history_version
    assert [(row.version, row.deploy_type, row.status) for row in history] == [
        ("1.1.1", 3, 5), ("1.1.2", 2, 5), ("1.1.1", 1, 5),
    ]  # fmt: skip
    alice.delete_deployment_by_name("tills")
    reaches(9)
    bob.log_out()


def _application(image: str) -> dict[str, Any]:
    return {
        "appName": "web", "deployType": "deployment", "version": "1.1", "image": image, "replicas": 2,
        "port": [{"port": 80}], "env": [{"name": "GREETING", "value": "hello"}], "minCPU": 10, "maxCPU": 50,
        "minMemory": 32, "maxMemory": 64, "isHPA": False, "targetCPUUtilization": 80, "targetMemUtilization": 80,
        "maxUnavailable": 1, "maxSurge": 1, "minReadySeconds": 0,
    }  # fmt: skip
