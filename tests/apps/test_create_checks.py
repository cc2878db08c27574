"""POST /v1/app: what is refused, and just not refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apps.bodies import REQUIRED, body, small

pytestmark = pytest.mark.django_db

INT31 = 2**31 - 1
UINT32 = 2**32 - 1
DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize("field", REQUIRED)
@pytest.mark.parametrize("how", ["absent", "null"])
def test_required(refused: Any, member: Any, field: str, how: str) -> None:
    sent = small()
    if how == "null":
        sent[field] = None
    else:
        del sent[field]
    assert list(refused(member, sent)) == [field]


@pytest.mark.parametrize("field", ["appName", "deployType", "image", "version"])
def test_required_strings_may_not_be_empty(refused: Any, member: Any, field: str) -> None:
    assert list(refused(member, small(**{field: ""}))) == [field]


@pytest.mark.parametrize(
    "changes",
    [
        {"isHPA": "yes"},
        {"isHPA": 1},
        {"minCPU": "10"},
        {"minCPU": True},
        {"minCPU": 1.5},
        {"minCPU": 1.0},
        {"appName": 5},
        {"deployType": 1},
        {"deployType": ["deployment"]},
        {"deployType": "chart"},
        {"deployType": "Deployment"},
        {"image": ["nginx"]},
        {"version": 1.2},
        {"port": {"port": 80}},
        {"port": "80"},
        {"command": ["a"]},
        {"repositoryId": 1},
        {"env": {"A": "b"}},
        {"GPU": -1},
        {"dependence": "db"},
    ],
)
def test_wrong_types_and_values(refused: Any, member: Any, changes: dict[str, Any]) -> None:
    assert list(refused(member, small(**changes))) == list(changes)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"port": [80]}, "port.0"),
        ({"port": [{"port": 80}, {"port": "81"}]}, "port.1.port"),
        ({"port": [{}]}, "port.0.port"),
        ({"port": [{"port": 0}]}, "port.0.port"),
        ({"port": [{"port": 65536}]}, "port.0.port"),
        ({"port": [{"port": 1, "hostPort": 0}]}, "port.0.hostPort"),
        ({"port": [{"port": 1, "hostPort": 65536}]}, "port.0.hostPort"),
        ({"port": [{"port": 80}, {"port": 80}]}, "port"),
        ({"port": [{"port": 80, "hostPort": 1}, {"port": 81, "hostPort": 1}]}, "port"),
        ({"port": [{"port": number} for number in range(1, 102)]}, "port"),
        ({"env": [{"value": "x"}]}, "env.0.name"),
        ({"env": [{"name": "A", "value": 1}]}, "env.0.value"),
        ({"env": [{"name": "A"}, {"name": "A"}]}, "env"),
        ({"env": [{"name": "A", "value": "a\0b"}]}, "env.0.value"),
        ({"env": [{"name": "A", "value": "\ud800"}]}, "env.0.value"),
        ({"volume": [{"hostPath": "/usr"}]}, "volume.0.path"),
        ({"volume": [{"path": "/a"}]}, "volume.0.hostPath"),
        ({"volume": [{"path": "/a", "hostPath": "/usr", "readOnly": False}]}, "volume.0.readOnly"),
        ({"volume": [{"path": "/a", "hostPath": "/usr", "readOnly": "true"}]}, "volume.0.readOnly"),
        ({"volume": [{"path": "/a", "hostPath": "/usr"}, {"path": "//a/", "hostPath": "/usr"}]}, "volume"),
        ({"dependence": [{"name": "db", "service": "db", "port": 0}]}, "dependence.0.port"),
        ({"dependence": [{"name": "db", "port": 5432}]}, "dependence.0.service"),
    ],
)
def test_lists(refused: Any, member: Any, changes: dict[str, Any], field: str) -> None:
    assert list(refused(member, small(**changes))) == [field]


@pytest.mark.parametrize("name", ["1A", "A B", "A=B", "", "..", "..A", ".", "Ä", "A\n"])
def test_env_names_refused(refused: Any, member: Any, name: str) -> None:
    assert list(refused(member, small(env=[{"name": name, "value": "x"}]))) == ["env.0.name"]


@pytest.mark.parametrize("name", ["A", "_a", "my.var-2", ".hidden", "-x", "a" * 255])
def test_env_names_accepted(member: Any, create: Any, name: str) -> None:
    assert create(member, env=[{"name": name}])["env"] == [{"name": name, "value": ""}]


@pytest.mark.parametrize("path", ["a", "", "./a", "/a/../b", "/..", "/", "//", "/./", "/a:b", "/" + "a" * 1024])
def test_mount_paths_refused(refused: Any, member: Any, path: str) -> None:
    sent = small(volume=[{"path": path, "hostPath": "/usr/bin", "readOnly": True}])
    assert list(refused(member, sent)) == ["volume.0.path"]


@pytest.mark.parametrize(
    "path", ["/", "/etc", "/us", "/usrx", "/usr/../etc", "usr/bin", "//etc", "/./etc", "", "/usr/..", "/proc/1/root"]
)
def test_host_paths_refused(refused: Any, member: Any, path: str) -> None:
    sent = small(volume=[{"path": "/a", "hostPath": path, "readOnly": True}])
    assert list(refused(member, sent)) == ["volume.0.hostPath"]


@pytest.mark.parametrize("path", ["/usr", "/usr/", "//usr//bin", "/usr/./lib", "/usr/a..b"])
def test_host_paths_accepted(member: Any, create: Any, path: str) -> None:
    shown = create(member, volume=[{"path": "/a..b", "hostPath": path}])
    assert shown["volume"] == [{"path": "/a..b", "hostPath": path, "readOnly": True}]


def test_the_allowed_host_paths_are_a_setting(refused: Any, api: Any, member: Any, create: Any, settings: Any) -> None:
    settings.OTE_HOST_PATHS = ["/srv/share", "/opt/"]
    sent = small(volume=[{"path": "/a", "hostPath": "/usr/bin", "readOnly": True}])
    (sentence,) = refused(member, sent)["volume.0.hostPath"]
    assert "/srv/share, /opt/" in sentence
    create(member, volume=[{"path": "/a", "hostPath": "/opt/x"}])
    settings.OTE_HOST_PATHS = []
    assert api(member).post("/v1/app", sent).json()["code"] == 422


@pytest.mark.parametrize("name", ["A", "a_b", "a.b", "-a", "a-", "a" * 64, "a b", "ä", "a\n"])
def test_app_names_refused(refused: Any, member: Any, name: str) -> None:
    assert list(refused(member, small(appName=name))) == ["appName"]


@pytest.mark.parametrize("name", ["a", "1", "a-1", "a" * 63])
def test_app_names_accepted(member: Any, create: Any, name: str) -> None:
    assert create(member, appName=name)["appName"] == name


@pytest.mark.parametrize(
    "version", ["1", "1.2.3", "1.", ".1", "a.b", "1.x", "v1.2", "01.2", "1.02", " 1.2", "1.2\n", "١.٢"]
)
def test_versions_refused(refused: Any, member: Any, version: str) -> None:
    assert list(refused(member, small(version=version))) == ["version"]


@pytest.mark.parametrize(
    "image",
    [
        "nginx",
        "nginx:latest",
        "library/nginx:1.27-alpine",
        "registry.local/team/app:1.0",
        "registry:5000/app",
        "localhost/app",
        "10.0.0.1:443/a/b/c:T_1.x-y",
        "[::1]:5000/app:1",
        "a__b/c-d.e--f",
        f"app@{DIGEST}",
        f"registry.local/team/app:1.0@{DIGEST}",
    ],
)
def test_images_accepted(member: Any, create: Any, image: str) -> None:
    assert create(member, image=image)["image"] == image


@pytest.mark.parametrize(
    "image",
    [
        "Nginx",
        "nginx:",
        "nginx:a:b",
        "nginx:-a",
        "nginx:" + "a" * 129,
        "nginx@sha256:abc",
        "nginx@md5:" + "0" * 32,
        "/nginx",
        "nginx/",
        "a//b",
        "http://registry.local/app",
        "registry.local:99999/app",
        "registry.local:/app",
        "-registry.local/app",
        "nginx latest",
        "nginx\n",
        "a___b",
        "é",
        "0" * 64,
        "a" * 256,
    ],
)
def test_images_refused(refused: Any, member: Any, image: str) -> None:
    assert list(refused(member, small(image=image))) == ["image"]


@pytest.mark.parametrize("command", ["sh -c 'echo", 'say "hi', "a \\", "'' a"])
def test_commands_refused(refused: Any, member: Any, command: str) -> None:
    assert list(refused(member, small(command=command))) == ["command"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"minCPU": 11, "maxCPU": 10}, "minCPU"),
        ({"minMemory": 11, "maxMemory": 10}, "minMemory"),
        ({"replicas": 2, "minReplicas": 3, "maxReplicas": 1}, "minReplicas"),
        ({"replicas": 2, "minReplicas": 3, "maxReplicas": 4}, "replicas"),
        ({"replicas": 5, "minReplicas": 3, "maxReplicas": 4}, "replicas"),
        ({"maxUnavailable": 0, "maxSurge": 0}, "maxUnavailable"),
    ],
)
def test_bounds(refused: Any, member: Any, changes: dict[str, Any], field: str) -> None:
    assert list(refused(member, small(**changes))) == [field]


@pytest.mark.parametrize(
    "changes",
    [
        {"minReplicas": 0},
        {"targetCPUUtilization": 0},
        {"targetMemUtilization": 0},
        {"minCPU": 0},
        {"minMemory": 0},
        {"isHPA": True, "deployType": "daemonset"},
    ],
)
def test_what_an_autoscaler_needs(refused: Any, member: Any, changes: dict[str, Any]) -> None:
    assert list(refused(member, body(**changes))) == [next(iter(changes))]


LARGEST = {
    **dict.fromkeys(["minCPU", "maxCPU", "GPU", "minMemory", "maxMemory"], UINT32),
    **dict.fromkeys(["replicas", "minReplicas", "maxReplicas", "maxUnavailable", "maxSurge"], INT31),
    **dict.fromkeys(["targetCPUUtilization", "targetMemUtilization"], INT31),
    "minReadySeconds": INT31 - 1,
}


def test_the_largest_numbers(member: Any, create: Any) -> None:
    shown = create(member, **LARGEST)
    assert (shown["maxCPU"], shown["maxMemory"], shown["maxReplicas"]) == (UINT32 / 100, UINT32, INT31)


@pytest.mark.parametrize("field", LARGEST)
def test_numbers_past_the_largest(refused: Any, member: Any, field: str) -> None:
    assert list(refused(member, small(**LARGEST | {field: LARGEST[field] + 1}))) == [field]


def test_an_application_is_of_a_bounded_size(refused: Any, member: Any) -> None:
    env = [{"name": f"A{number}", "value": "é" * 8192} for number in range(20)]
    assert list(refused(member, small(env=env))) == ["body"]


def test_every_error_is_named_at_once(refused: Any, member: Any) -> None:
    errors = refused(member, small(appName="A", image="-", minCPU="x"))
    assert set(errors) == {"appName", "image", "minCPU"}
