"""POST /v1/app: what is created, for whom, under which number."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, connections

from tests.apps.bodies import body, small

pytestmark = pytest.mark.django_db


def test_the_seeds_example(api: Any, member: Any) -> None:
    answer = api(member).post("/v1/app", body())
    assert (answer.status_code, answer.json()) == (200, {"code": 200, "message": "success"})
    (shown,) = api(member).get("/v1/app").json()["apps"]
    assert isinstance(shown.pop("id"), int)
    assert shown.pop("createTime") <= shown.pop("updateTime")
    assert shown == {
        "appName": "nginx1",
        "status": 1,
        "deployType": "deployment",
        "image": "nginx:latest",
        "projectName": "",
        "repositoryId": "",
        "version": "1.2.1",
        "replicas": 10,
        "port": [{"port": 8080, "hostPort": 9090}],
        "command": "",
        "volume": [
            {"path": "/host/usr/bin", "hostPath": "/usr/bin", "readOnly": True},
            {"path": "/host/usr/sbin", "hostPath": "/usr/sbin", "readOnly": True},
        ],
        "dependence": [],
        "env": [{"name": "NGINX_PATH", "value": "/usr/share/nginx/"}],
        "minReplicas": 2,
        "maxReplicas": 20,
        "minCPU": 0.1,
        "maxCPU": 2,
        "GPU": 0,
        "isHPA": True,
        "targetCPUUtilization": 1,
        "targetMemUtilization": 150,
        "minMemory": 100,
        "maxMemory": 200,
        "maxUnavailable": 1,
        "maxSurge": 1,
        "minReadySeconds": 10,
    }


def test_whole_cores_are_whole_numbers_in_json(api: Any, member: Any) -> None:
    api(member).post("/v1/app", body())
    raw = api(member).get("/v1/app").content
    assert b'"maxCPU":2,' in raw
    assert b'"minCPU":0.1,' in raw
    assert b'"targetCPUUtilization":1,' in raw


def test_defaults(member: Any, create: Any) -> None:
    shown = create(member)
    defaults = {"replicas": 1, "minReplicas": 1, "maxReplicas": 1, "GPU": 0, "command": "", "repositoryId": ""}
    assert {name: shown[name] for name in defaults} == defaults
    assert [shown[name] for name in ("port", "volume", "dependence", "env")] == [[], [], [], []]


def test_the_bounds_of_replicas_follow_replicas(member: Any, create: Any) -> None:
    shown = create(member, replicas=7)
    assert (shown["minReplicas"], shown["maxReplicas"]) == (7, 7)


def test_unknown_fields_are_ignored_and_null_counts_as_absent(member: Any, create: Any) -> None:
    shown = create(
        member, colour="red", GPU=None, command=None, env=None, replicas=None, port=[{"port": 1, "hostPort": None}]
    )
    assert (shown["GPU"], shown["command"], shown["env"], shown["replicas"]) == (0, "", [], 1)
    assert shown["port"] == [{"port": 1}]
    assert "colour" not in shown


def test_text_is_kept_unchanged(member: Any, create: Any) -> None:
    value = "  <b>é 漢字 🚀</b>\t$(A) $$ 'x'\n"
    env = [{"name": "A", "value": value}]
    dependence = [{"name": " db ", "service": "数据库", "port": 5432}]
    shown = create(member, env=env, dependence=dependence, command="  sh -c 'echo é' ")
    assert (shown["env"], shown["dependence"], shown["command"]) == (env, dependence, "  sh -c 'echo é' ")


@pytest.mark.parametrize(
    ("image", "project"),
    [
        ("harbor.local:8443/team/app:1.0", "team"),
        ("Harbor.Local:8443/team/deep/app", "team"),
        ("harbor.local:8443/app", ""),
        ("harbor.local/team/app", ""),
        ("team/app", ""),
        ("nginx", ""),
    ],
)
def test_project_name(member: Any, create: Any, settings: Any, image: str, project: str) -> None:
    settings.OTE_REGISTRY_DOMAIN = "harbor.local:8443"
    assert create(member, image=image)["projectName"] == project


def test_zero_is_no_limit(member: Any, create: Any) -> None:
    shown = create(member, minCPU=100, maxCPU=0, minMemory=64, maxMemory=0)
    assert (shown["minCPU"], shown["maxCPU"], shown["minMemory"], shown["maxMemory"]) == (1, 0, 64, 0)


def test_a_daemonset_may_have_neither_surge_nor_unavailable(member: Any, create: Any) -> None:
    shown = create(member, deployType="daemonset", maxUnavailable=0, maxSurge=0)
    assert shown["deployType"] == "daemonset"


@pytest.mark.parametrize(("kind", "code"), [("text/plain", 415), ("multipart/form-data; boundary=x", 415)])
def test_media_type(api: Any, member: Any, kind: str, code: int) -> None:
    client = api(member)
    answer = client.client.post("/v1/app", "{}", content_type=kind, headers={"Authorization": client.token})
    assert (answer.status_code, answer.json()["code"]) == (code, code)


def test_minors_count_up_for_each_name_and_line(member: Any, create: Any) -> None:
    made = [
        create(member, appName=name, version=line)["version"]
        for name, line in [("a", "1.2"), ("a", "1.2"), ("a", "1.3"), ("b", "1.2"), ("a", "1.2")]
    ]
    assert made == ["1.2.1", "1.2.2", "1.3.1", "1.2.1", "1.2.3"]


def test_a_minor_is_never_used_twice(api: Any, member: Any, create: Any) -> None:
    last = create(member, version="1.2")
    assert api(member).delete("/v1/app", {"appId": [last["id"]]}).json()["code"] == 200
    assert create(member, version="1.2")["version"] == "1.2.2"


def test_businesses_count_apart(member: Any, make_user: Any, other: Any, create: Any) -> None:
    create(member)
    assert create(make_user(2, other))["version"] == "1.0.1"


def test_a_repository_of_the_own_business(refused: Any, member: Any, acme: Any, other: Any, create: Any) -> None:
    from registry.models import ExternalRepository

    for business, name in [(acme, "ours"), (other, "theirs")]:
        ExternalRepository.objects.create(
            business=business, repository_id=name, address="registry.local", user="u", password="p"
        )
    assert list(refused(member, small(repositoryId="theirs"))) == ["repositoryId"]
    assert list(refused(member, small(repositoryId="none"))) == ["repositoryId"]
    assert create(member, repositoryId="ours")["repositoryId"] == "ours"


def test_a_system_administrator_creates_in_the_built_in_business(api: Any, system: Any, create: Any) -> None:
    from apps.models import AppVersion

    shown = create(system)
    assert AppVersion.objects.get(pk=shown["id"]).business.is_system


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs row locks of PostgreSQL")
@pytest.mark.django_db(transaction=True)
def test_creations_at_once_get_minors_of_their_own(api: Any, member: Any) -> None:
    number = 12
    start = threading.Barrier(number)
    codes: list[int] = []
    clients = [api(member) for _ in range(number)]

    def work(client: Any) -> None:
        try:
            start.wait(timeout=30)
            codes.append(client.post("/v1/app", small(version="3.1")).json()["code"])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert codes == [200] * number
    shown = api(member).get("/v1/app", pageSize=0).json()["apps"]
    assert sorted(int(row["version"].removeprefix("3.1.")) for row in shown) == list(range(1, number + 1))
