"""POST /v1/app/chart: the form, what a chart must say of itself, and the version that comes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.charts import limits
from apps.models import AppVersion, ChartArchive
from tests.apps.charts.packing import ABOUT, CONFIG, Files, chart, entry, form, tar, template, upload

SUCCESS = {"code": 200, "message": "success"}


def test_it_becomes_a_version_with_every_field(api: Any, member: Any) -> None:
    packed = chart()
    assert upload(api(member), packed).json() == SUCCESS
    (shown,) = api(member).get("/v1/app").json()["apps"]
    assert shown == api(member).get(f"/v1/app/id/{shown['id']}").json()["data"]
    text = {"appName": "shop", "deployType": "chart", "version": "1.0.1"}
    text |= dict.fromkeys(("image", "projectName", "repositoryId", "command"), "")
    numbers = ("replicas", "minReplicas", "maxReplicas", "minCPU", "maxCPU", "GPU", "targetCPUUtilization")
    numbers += ("targetMemUtilization", "minMemory", "maxMemory", "maxUnavailable", "maxSurge", "minReadySeconds")
    lists: dict[str, list[Any]] = {name: [] for name in ("port", "volume", "dependence", "env")}
    known = {"id", "createTime", "updateTime"}
    assert {name: value for name, value in shown.items() if name not in known} == (
        text | dict.fromkeys(numbers, 0) | lists | {"status": 1, "isHPA": False}
    )
    kept = ChartArchive.objects.get(app_version=shown["id"])
    assert (bytes(kept.packed), kept.digest) == (packed, hashlib.sha256(packed).hexdigest())


def test_images_and_charts_share_one_numbering(api: Any, member: Any, create: Callable[..., Any]) -> None:
    create(member, appName="shop")
    upload(api(member))
    upload(api(member), version="1.1")
    create(member, appName="shop")
    shown = [(row["version"], row["deployType"]) for row in api(member).get("/v1/app").json()["apps"]]
    assert shown == [("1.0.1", "deployment"), ("1.0.2", "chart"), ("1.1.1", "chart"), ("1.0.3", "deployment")]


def test_it_goes_like_any_version(api: Any, member: Any, system: Any, make_user: Any, other: Any) -> None:
    upload(api(member))
    version = AppVersion.objects.get()
    stranger = make_user(3, other, "stranger")
    assert api(stranger).get(f"/v1/app/id/{version.pk}").json()["code"] == 404
    assert api(stranger).delete("/v1/app", {"appId": [version.pk]}).json()["code"] == 422
    assert api(system).get("/v1/app").json()["total"] == 1
    assert api(member).delete("/v1/app", {"appId": [version.pk]}).json() == SUCCESS
    assert api(member).get("/v1/app").json()["total"] == 0
    assert api(member).get(f"/v1/app/id/{version.pk}").json()["data"]["status"] == 3


def test_a_system_administrator_acts_in_the_built_in_business(api: Any, system: Any, settings: Any) -> None:
    own = "metadata: {name: a, namespace: " + settings.OTE_SYSTEM_NAMESPACE + "}"
    assert upload(api(system), template(f"apiVersion: v1\nkind: ConfigMap\n{own}\n")).json() == SUCCESS
    assert AppVersion.objects.get().business.is_system


def test_the_release_is_the_application_as_far_as_helm_takes_it(refused: Callable[..., str]) -> None:
    name = "a" * 52 + "-" + "b" * 10
    text = '{{ fail (printf "%s of %s" .Release.Name .Release.Namespace) }}'
    assert f"{'a' * 52} of ns" in refused(template(text), appName=name)


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"appName": "Shop"}, "appName", "lower-case letters"),
        ({"appName": ""}, "appName", "blank"),
        ({"version": "1.0.1"}, "version", "main version x.x"),
        ({"chart": "text"}, "chart", "It must be a file."),
        ({"chart": SimpleUploadedFile("a.tgz", b"")}, "chart", "It must not be empty."),
        ({"appName": SimpleUploadedFile("a", b"shop")}, "appName", "It must be a string."),
    ],
)
def test_wrong_parameters(api: Any, member: Any, changes: dict[str, Any], field: str, sentence: str) -> None:
    answer = upload(api(member), **changes).json()
    assert (answer["code"], list(answer["errors"])) == (422, [field])
    assert sentence in answer["errors"][field][0]


@pytest.mark.parametrize("missing", ["appName", "version", "chart"])
def test_missing_parameters(api: Any, member: Any, missing: str) -> None:
    sent = {name: value for name, value in form().items() if name != missing}
    client = api(member)
    answer = client.client.post("/v1/app/chart", sent, headers={"Authorization": client.token}).json()
    assert (answer["code"], list(answer["errors"])) == (422, [missing])


def test_bodies_that_are_no_form(api: Any, member: Any) -> None:
    client = api(member)

    def send(body: Any, kind: str) -> dict[str, Any]:
        headers = {"Authorization": client.token}
        answer = client.client.post("/v1/app/chart", body, content_type=kind, headers=headers)
        assert answer.status_code == answer.json()["code"]
        return dict(answer.json())

    told = send(b"{}", "application/json")
    assert (told["code"], told["message"]) == (415, "The body must be sent as multipart/form-data.")
    assert send(b"a=b", "application/x-www-form-urlencoded")["code"] == 415
    for body, kind in (
        (b"--x\r\nnothing", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data; boundary=x"),
        (b"hello", "multipart/form-data"),
        (b"hello", "multipart/form-data; boundary=\xff".encode("latin-1").decode("latin-1")),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n' * 2000 + b"--x--",
            "multipart/form-data; boundary=x",
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * 2**22 + b"\r\n--x--",
            "multipart/form-data; boundary=x",
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n\r\n' * 200 + b"--x--",
            "multipart/form-data; boundary=x",
        ),
    ):
        assert send(body, kind)["code"] == 422, (body[:80], kind)


def test_too_large(api: Any, member: Any) -> None:
    large = upload(api(member), bytes(limits.PACKED + 1)).json()
    assert (large["code"], large["errors"]) == (422, {"chart": ["It is larger than 10 MB."]})
    larger = upload(api(member), bytes(limits.PACKED + 2**20)).json()
    assert (larger["code"], list(larger["errors"])) == (422, ["body"])


def test_without_helm_only_charts_are_missing(api: Any, member: Any, settings: Any, create: Callable[..., Any]) -> None:
    settings.OTE_HELM = "/nowhere/helm"
    answer = upload(api(member))
    sentence = "Charts cannot be used here: there is no helm at /nowhere/helm, as OTE_HELM says."
    assert (answer.status_code, answer.json()) == (503, {"code": 503, "message": sentence})
    assert upload(api(member), b"no chart").json()["code"] == 422  # which is looked at first
    assert create(member)["version"] == "1.0.1"


def test_a_helm_that_cannot_be_run(api: Any, member: Any, settings: Any, tmp_path: Any) -> None:
    settings.OTE_HELM = str(tmp_path / "helm")
    (tmp_path / "helm").write_text("no program")
    (tmp_path / "helm").chmod(0o755)
    answer = upload(api(member)).json()
    assert (answer["code"], "helm cannot be run" in answer["message"]) == (503, True)


WRONG: dict[str, tuple[str, str]] = {
    "none": ("", "Chart.yaml must be a mapping."),
    "a list": ("[a]", "Chart.yaml must be a mapping."),
    "no version of the API": ("name: a\nversion: 1.0.0\n", "apiVersion must be v1 or v2"),
    "another version of the API": ("apiVersion: v3\nname: a\nversion: 1.0.0\n", "apiVersion must be v1 or v2"),
    "no name": ("apiVersion: v2\nversion: 1.0.0\n", "name must be"),
    "a name out of it": ("apiVersion: v2\nname: ../a\nversion: 1.0.0\n", "name must be"),
    "no version": ("apiVersion: v2\nname: a\n", "version must be a semantic version"),
    "a number": ("apiVersion: v2\nname: a\nversion: 1.0\n", "version must be a semantic version"),
    "leading zeros": ("apiVersion: v2\nname: a\nversion: 1.02.0\n", "version must be a semantic version"),
    "a library": (f"{ABOUT}type: library\n", "It is a library chart"),
    "an unknown type": (f"{ABOUT}type: other\n", "type must be application"),
    "another Kubernetes": (f"{ABOUT}kubeVersion: '<1.20.0'\n", "incompatible with Kubernetes"),
    "a dependency": (f"{ABOUT}dependencies: [{{name: db, version: 1.0.0}}]\n", "dependency 'db' is not in charts/"),
    "a dependency that is a text": (f"{ABOUT}dependencies: [db]\n", "each dependency must have a name"),
    "dependencies that are none": (f"{ABOUT}dependencies: db\n", "dependencies must be a list"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_chart_that_says_something_wrong(name: str, refused: Callable[..., str]) -> None:
    about, sentence = WRONG[name]
    assert sentence in refused(chart(about=about))


def test_a_folder_that_is_no_chart(refused: Callable[..., str]) -> None:
    assert refused(tar([entry("shop/values.yaml", "a: 1")])) == "It has no Chart.yaml."
    assert refused(chart({"crds/a.yaml": "x", "templates/a.yaml": CONFIG})).startswith("It has a folder crds/")


OLD = "apiVersion: v1\nname: shop\nversion: 1.0.0\n"
DB = "apiVersion: v2\nname: db\nversion: 2.0.0\ntype: library\n"
PART: Files = {"templates/db.yaml": CONFIG.replace("{{ .Release.Name }}", "{{ .Chart.Name }}")}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("old", [True, False])
def test_charts_inside_are_taken_packed_and_unpacked(api: Any, member: Any, old: bool, packed: bool) -> None:
    needs = "dependencies: [{name: db, version: 2.0.0}]\n"
    about = DB.replace("type: library\n", "")
    inside: Files = {f"charts/db/{path}": text for path, text in {"Chart.yaml": about, **PART}.items()}
    if packed:
        inside = {"charts/db-2.0.0.tgz": chart(PART, about=about, root="db")}
    files = inside | {"templates/config.yaml": CONFIG} | ({"requirements.yaml": needs} if old else {})
    whole = chart(files, about=OLD if old else f"{ABOUT}{needs}")
    assert upload(api(member), whole).json() == SUCCESS


def test_charts_inside_obey_the_same_rules(refused: Callable[..., str]) -> None:
    inside: Files = {"charts/db/Chart.yaml": DB, "charts/db/crds/a.yaml": "x", "templates/a.yaml": CONFIG}
    assert (
        refused(chart(inside))
        == "The chart 'db': It has a folder crds/: resource definitions belong to the whole cluster."
    )
    bad: Files = {"charts/db/Chart.yaml": "a: b", "templates/a.yaml": CONFIG}
    assert refused(chart(bad)) == "charts/db/Chart.yaml: apiVersion must be v1 or v2."
    needing: Files = {"charts/db/Chart.yaml": f"{DB}dependencies: [{{name: c}}]\n", "templates/a.yaml": CONFIG}
    assert refused(chart(needing)).startswith("The chart 'db': Its dependency 'c' is not in charts/")
