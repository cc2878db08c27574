"""Charts in deployments: their values, what they are rendered for, and what goes wrong. On an edge: tests/edge."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from apps.charts import limits
from clusters.models import BundleObject, Cluster
from deployments.models import Deployment, Operation, Status
from tests.apps.charts.packing import ABOUT, CONFIG, chart, deployment, manifest, require_helm, template, upload
from tests.deployments import fleet

SECRET = manifest("Secret", 'stringData: {a: {{ .Values.secret | default "none" }}}\n', name="{{ .Release.Name }}")


@pytest.fixture(autouse=True)
def _helm() -> None:
    require_helm()


@pytest.fixture
def charts(api: Any, admin: Any) -> Callable[..., None]:
    """charts(packed, …): the next versions 1.0.x of acme's application web."""

    def make(*packed: bytes) -> None:
        for one in packed or (chart(),):
            answer = upload(api(admin), one, appName="web")
            assert answer.json()["code"] == 200, answer.json()

    return make


@pytest.fixture
def up(charts: Any, deploy: Any, admin: Any, beijing: Any) -> Callable[..., Deployment]:
    """up(packed, …, values={}): deploy the first of them, and see it ready."""

    def make(*packed: bytes, **changes: Any) -> Deployment:
        charts(*packed)
        made = deploy(admin, **changes)
        fleet.ready(made)
        return made

    return make


def change(api: Any, user: Any, row: Deployment, method: str = "post", **sent: Any) -> dict[str, Any]:
    """Upgrade or roll back, and see it ready; the answer."""
    answer = getattr(api(user), method)(f"/v1/deploy/id/{row.pk}", {"comment": ""} | sent).json()
    if answer["code"] == 200 and Deployment.objects.get(pk=row.pk).status == Status.APPROVED:
        fleet.ready(row)
    return dict(answer)


def data() -> dict[str, str]:
    """Return the data of the ConfigMap that is wanted on the edges."""
    found: dict[str, str] = json.loads(BundleObject.objects.get(kind="ConfigMap").body)["data"]
    return found


def test_what_is_shown_approved_and_applied_is_rendered_once(
    api: Any, charts: Any, deploy: Any, member: Any, admin: Any, beijing: Any, decide: Any
) -> None:
    charts(template(CONFIG + "  chance: {{ randAlphaNum 20 }}\n"))
    waiting = deploy(member, values={"greeting": "hi"})
    rendered = Operation.objects.get().manifests[0]["data"]
    assert rendered["greeting"] == "hi"
    assert decide(admin, waiting, 1) == 200
    assert data() == rendered


def test_it_is_rendered_for_the_oldest_kubernetes_among_its_clusters(
    charts: Any, deploy: Any, admin: Any, beijing: Any, harbin: Any
) -> None:
    fleet.join("elsewhere")
    for name, version in (("beijing", "v1.32.4"), ("harbin", "v1.31.9+k3s1"), ("elsewhere", "v1.28.0")):
        Cluster.objects.filter(name=name).update(kubernetes_version=version)
    charts(template(CONFIG + "  kubernetes: {{ .Capabilities.KubeVersion.Version }}\n"))
    deploy(admin, cluster="north")
    assert data()["kubernetes"] == "v1.31.9"


def test_a_chart_for_another_kubernetes_is_an_internal_error(
    charts: Any, deploy: Any, admin: Any, beijing: Any, shown: Any
) -> None:
    Cluster.objects.update(kubernetes_version="v1.30.1")
    charts(chart(about=f"{ABOUT}kubeVersion: '>=1.33.0'\n"))
    row = deploy(admin)
    told = shown(admin, row)
    assert (told["status"], told["editable"]) == (8, True)
    assert "chart requires kubeVersion: >=1.33.0" in json.loads(told["errorMessage"])["reason"]


def test_values_that_render_to_something_refused(api: Any, charts: Any, admin: Any, body: Any, beijing: Any) -> None:
    charts(template(deployment("hostNetwork: {{ .Values.host | default false }}")))
    told = api(admin).post("/v1/deploy", body(values={"host": True})).json()
    assert (told["code"], told["errors"]) == (422, {"values": ["Deployment web: hostNetwork is not allowed."]})
    assert not Deployment.objects.exists()
    told = api(admin).post("/v1/deploy", body(values={"host": {"a": 1}})).json()
    assert (told["code"], list(told["errors"])) == (422, ["values"])


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([], "It must be an object."),
        ("a: b", "It must be an object."),
        ({"a": "x" * limits.VALUES}, f"It is longer than {limits.VALUES} bytes."),
        ({"a": "\0"}, "It holds a NUL or half a character."),
        ({"a": ["\ud800"]}, "It holds a NUL or half a character."),
        ({"\udfff": 1}, "It holds a NUL or half a character."),
    ],
)
def test_values_that_are_none(api: Any, admin: Any, body: Any, values: Any, sentence: str) -> None:
    told = api(admin).post("/v1/deploy", body(values=values)).json()
    assert (told["code"], told["errors"]) == (422, {"values": [sentence]})


def test_values_without_end(api: Any, admin: Any, body: Any) -> None:
    deep: dict[str, Any] = {}
    for _ in range(limits.NESTING):
        deep = {"a": deep}
    assert "nested more than 64 deep" in api(admin).post("/v1/deploy", body(values=deep)).json()["message"]
    client = api(admin)
    huge = json.dumps(body(values={"a": 1})).replace('"a": 1', '"a": 1e999')
    headers = {"Authorization": client.token}
    told = client.client.post("/v1/deploy", huge, content_type="application/json", headers=headers).json()
    assert told["errors"] == {"values": ["It holds a number that is too large."]}


def test_only_a_chart_takes_values(api: Any, running: Deployment, admin: Any, body: Any) -> None:
    sentence = "is no chart, and only a chart takes values."
    told = api(admin).post("/v1/deploy", body(deployName="web2", values={})).json()
    assert told["errors"] == {"values": [f"Version 1.0.1 {sentence}"]}
    told = change(api, admin, running, version="1.0.2", values={"a": 1})
    assert told["errors"] == {"values": [f"Version 1.0.2 {sentence}"]}
    assert change(api, admin, running, version="1.0.2", values=None)["code"] == 200


def test_an_upgrade_keeps_the_values_unless_it_brings_its_own(api: Any, up: Any, admin: Any) -> None:
    row = up(chart(), chart(), chart(), values={"greeting": "hi"})
    assert data() == {"greeting": "hi"}
    change(api, admin, row, version="1.0.2")
    assert data() == {"greeting": "hi"}
    change(api, admin, row, version="1.0.3", values={})
    assert data() == {"greeting": "hello"}


def test_a_rollback_takes_the_values_with_which_the_version_ran_last(api: Any, up: Any, admin: Any) -> None:
    row = up(chart(), chart(), values={"greeting": "one"})
    change(api, admin, row, version="1.0.2", values={"greeting": "two"})
    change(api, admin, row, "put", version="1.0.1")
    assert data() == {"greeting": "one"}
    change(api, admin, row, version="1.0.2", values={"greeting": "three"})
    change(api, admin, row, "put", version="1.0.1", values={"greeting": "four"})
    change(api, admin, row, "put", version="1.0.2")
    assert data() == {"greeting": "three"}
    change(api, admin, row, "put", version="1.0.1")
    assert data() == {"greeting": "four"}


def test_from_an_image_to_a_chart_and_back(
    api: Any, versions: Any, charts: Any, admin: Any, deploy: Any, beijing: Any
) -> None:
    versions(1)
    charts()
    row = deploy(admin)
    fleet.ready(row)
    assert change(api, admin, row, version="1.0.2", values={"greeting": "hi"})["code"] == 200
    assert data() == {"greeting": "hi"}
    assert change(api, admin, row, "put", version="1.0.1")["code"] == 200
    assert [item.kind for item in BundleObject.objects.all()] == ["Deployment"]
    assert change(api, admin, row, "put", version="1.0.2")["code"] == 200
    assert data() == {"greeting": "hi"}


def test_a_rollback_to_a_deleted_version(api: Any, up: Any, admin: Any) -> None:
    row = up(chart(), chart())
    change(api, admin, row, version="1.0.2")
    first = Operation.objects.earliest("pk").app_version_id
    assert api(admin).delete("/v1/app", {"appId": [first]}).json()["code"] == 200
    assert change(api, admin, row, "put", version="1.0.1")["code"] == 200


def test_secrets_and_values_are_encrypted_and_never_answered(api: Any, up: Any, admin: Any) -> None:
    row = up(template(SECRET), values={"secret": "s3cret"})
    operation = Operation.objects.get()
    assert operation.manifests == []
    (kept,) = json.loads(operation.secrets)
    assert kept["data"] == {"a": base64.b64encode(b"s3cret").decode()}
    assert "stringData" not in kept
    with connection.cursor() as cursor:
        for table in ("deployments_operation", "clusters_bundleobject"):
            cursor.execute(f"SELECT * FROM {table}")
            stored = repr(cursor.fetchall())
            assert "s3cret" not in stored
            assert base64.b64encode(b"s3cret").decode() not in stored
    for path in ("/v1/deploy", f"/v1/deploy/id/{row.pk}", f"/v1/deploy/id/{row.pk}/clusters", "/v1/admin/deploy"):
        assert "s3cret" not in api(admin).get(path).content.decode()


def test_two_deployments_of_a_chart_with_fixed_names(api: Any, up: Any, admin: Any, body: Any) -> None:
    packed = template(CONFIG.replace("{{ .Release.Name }}", "fixed"))
    up(packed)
    told = api(admin).post("/v1/deploy", body(deployName="web2")).json()
    assert (told["code"], told["message"]) == (
        409,
        "ConfigMap fixed is already held by deployment web1; choose another name.",
    )


def test_without_helm_charts_wait_and_the_rest_goes_on(api: Any, up: Any, admin: Any, body: Any, settings: Any) -> None:
    row = up(chart(), chart())
    settings.OTE_HELM = "/nowhere/helm"
    for told in (
        api(admin).post("/v1/deploy", body(deployName="web2")).json(),
        change(api, admin, row, version="1.0.2"),
    ):
        assert (told["code"], "there is no helm" in told["message"]) == (503, True)
    assert Deployment.objects.count() == 1
    assert api(admin).delete("/v1/deploy/web1").json()["code"] == 200


def test_a_pull_secret_for_every_pod_of_an_image_in_our_registry(
    api: Any, charts: Any, deploy: Any, admin: Any, acme: Any, beijing: Any, settings: Any
) -> None:
    from registry.models import RegistryAccount

    settings.OTE_REGISTRY_DOMAIN = "registry.local"
    RegistryAccount.objects.create(business=acme, user="acme", password="Passw0rd", harbor_user_id=1, email="a@b")
    own = "imagePullSecrets: [{name: mine}]\ninitContainers: [{name: first, image: registry.local/p/a:1}]"
    job = deployment(kind="Job").replace("apps/v1", "batch/v1").replace("name: web", "name: once", 1)
    charts(template(deployment(own), templates__job=job))
    deploy(admin)
    (secret,) = json.loads(Operation.objects.get().secrets)
    assert secret["metadata"]["name"] == "web1-pull"
    pulls = {
        item["kind"]: item["spec"]["template"]["spec"]["imagePullSecrets"] for item in Operation.objects.get().manifests
    }
    assert pulls == {"Deployment": [{"name": "mine"}, {"name": "web1-pull"}], "Job": [{"name": "web1-pull"}]}


def test_what_is_added_to_every_pod(charts: Any, deploy: Any, admin: Any, beijing: Any) -> None:
    job = (
        deployment(kind="Job").replace("apps/v1", "batch/v1").replace("spec:", "spec:\n  ttlSecondsAfterFinished: 9", 1)
    )
    charts(template(deployment("nodeSelector: {disk: ssd}"), templates__job=job))
    deploy(admin, nodeLabel="gpu")
    made = {item["kind"]: item["spec"] for item in Operation.objects.get().manifests}
    assert list(made) == ["Deployment", "Job"]
    pods = {kind: spec["template"]["spec"] for kind, spec in made.items()}
    assert {kind: pod["automountServiceAccountToken"] for kind, pod in pods.items()} == {
        "Deployment": False,
        "Job": False,
    }
    assert pods["Deployment"]["nodeSelector"] == {"disk": "ssd", "node.otestack.io/gpu": "true"}
    assert pods["Job"]["nodeSelector"] == {"node.otestack.io/gpu": "true"}
    assert "ttlSecondsAfterFinished" not in made["Job"]
