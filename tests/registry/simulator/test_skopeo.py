"""skopeo pushes and pulls through the stand-in, as a tenant would."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry.simulator import HarborSimulator
from tests.registry.images import layout, skopeo
from tests.registry.simulator.callers import Caller

PUSH = ("copy", "--dest-tls-verify=false")
PULL = ("copy", "--src-tls-verify=false")


@pytest.fixture
def acme(admin: Caller, user: Caller) -> Caller:
    """A user with a private project, and a public one."""
    for name, public in (("acme", "false"), ("shop", "true")):
        assert user.post("/projects", {"project_name": name, "metadata": {"public": public}}).status_code == 201
    return user


def credentials(caller: Caller, side: str) -> str:
    return f"--{side}-creds={caller.name}:{caller.password}"


def test_an_image_goes_in_and_comes_out(harbor: HarborSimulator, acme: Caller, admin: Caller, tmp_path: Path) -> None:
    source = layout(tmp_path / "source")
    target = f"docker://{harbor.address}/acme/team/hello:v1"
    pushed = skopeo(*PUSH, credentials(acme, "dest"), f"oci:{source}:made", target, home=tmp_path / "home")
    assert pushed.returncode == 0, pushed.stderr
    repository = acme.read("/projects/acme/repositories")[0]
    assert repository["name"] == "acme/team/hello"
    assert (repository["artifact_count"], repository["pull_count"]) == (1, 0)
    (artifact,) = acme.read("/projects/acme/repositories/team%252Fhello/artifacts")
    manifest = json.loads((source / "index.json").read_text())["manifests"][0]
    assert artifact["digest"] == manifest["digest"]
    kept = json.loads((source / "blobs" / manifest["digest"].replace(":", "/")).read_text())
    assert artifact["size"] == manifest["size"] + kept["config"]["size"] + kept["layers"][0]["size"]
    assert (artifact["type"], artifact["extra_attrs"]["architecture"]) == ("IMAGE", "amd64")
    assert [tag["name"] for tag in artifact["tags"]] == ["v1"]

    pulled = skopeo(*PULL, credentials(acme, "src"), target, f"oci:{tmp_path / 'back'}:made", home=tmp_path / "home")
    assert pulled.returncode == 0, pulled.stderr
    blobs = {path.name: path.read_bytes() for path in (source / "blobs" / "sha256").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "back" / "blobs" / "sha256").iterdir()} == blobs
    repository = acme.read("/projects/acme/repositories")[0]
    assert repository["pull_count"] == 1
    artifact = acme.read("/projects/acme/repositories/team%252Fhello/artifacts")[0]
    assert artifact["pull_time"] > artifact["push_time"]


def test_who_may_push_and_pull(harbor: HarborSimulator, acme: Caller, other: Caller, tmp_path: Path) -> None:
    source, home = layout(tmp_path / "source"), tmp_path / "home"

    def push(caller: Caller, project: str) -> str:
        target = f"docker://{harbor.address}/{project}/hello:v1"
        return skopeo(*PUSH, credentials(caller, "dest"), f"oci:{source}:made", target, home=home).stderr

    def pull(project: str, *how: str) -> str:
        target = f"dir:{tmp_path / 'out'}"
        return skopeo(*PULL, *how, f"docker://{harbor.address}/{project}/hello:v1", target, home=home).stderr

    assert push(acme, "acme") == push(acme, "shop") == ""
    for project in ("acme", "shop", "nowhere"):
        assert "denied" in push(other, project) or "unauthorized" in push(other, project), project
    assert pull("shop", "--src-no-creds") == pull("shop", credentials(other, "src")) == ""
    assert "unauthorized" in pull("acme", "--src-no-creds")
    assert "unauthorized" in pull("acme", credentials(other, "src"))
    wrong = Caller(harbor, acme.name, "not the password")
    assert "unauthorized" in pull("acme", credentials(wrong, "src"))


def test_an_index_a_retag_and_a_delete(harbor: HarborSimulator, acme: Caller, tmp_path: Path) -> None:
    source, home = layout(tmp_path / "source", platforms=("linux/amd64", "linux/arm64")), tmp_path / "home"
    target = f"docker://{harbor.address}/acme/hello"
    pushed = skopeo(*PUSH, "--all", credentials(acme, "dest"), f"oci:{source}:made", f"{target}:v1", home=home)
    assert pushed.returncode == 0, pushed.stderr
    artifacts = acme.read("/projects/acme/repositories/hello/artifacts")
    assert [[tag["name"] for tag in one["tags"]] for one in artifacts] == [["v1"]]
    assert sorted(one["platform"]["architecture"] for one in artifacts[0]["references"]) == ["amd64", "arm64"]
    assert acme.read("/projects/acme/repositories/hello")["artifact_count"] == 1
    assert len(acme.read("/projects/acme/repositories/hello/artifacts?q=base%3D*")) == 3
    child = artifacts[0]["references"][0]["child_digest"]
    assert acme.delete(f"/projects/acme/repositories/hello/artifacts/{child}").status_code == 412

    inside = skopeo(
        "copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", credentials(acme, "src"),
        credentials(acme, "dest"), f"{target}:v1", f"docker://{harbor.address}/shop/hello:v2", home=home,
    )  # fmt: skip
    assert inside.returncode == 0, inside.stderr
    listed = skopeo("list-tags", "--tls-verify=false", "--no-creds", f"docker://{harbor.address}/shop/hello", home=home)
    assert json.loads(listed.stdout)["Tags"] == ["v2"]
    gone = skopeo("delete", "--tls-verify=false", f"--creds={acme.name}:{acme.password}", f"{target}:v1", home=home)
    assert gone.returncode == 0, gone.stderr
    assert acme.read("/projects/acme/repositories/hello/artifacts?q=base%3D*") == []
