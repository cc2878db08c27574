"""An image from a push to a pull: by skopeo, with the business's account, and with the pull secret that nodes get."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from clusters.models import BundleObject, Installation
from tests.apps.bodies import small
from tests.deployments import fleet
from tests.registry.images import layout, skopeo
from tests.registry.tenants import HARBOR_PASSWORD, SUCCESS, USER, Tenant


def push(tenant: Tenant, registry: Any, image: str, folder: Path) -> str:
    """Push as the tenant's account; return what skopeo complains of."""
    source = folder / "source"
    if not source.exists():
        layout(source)
    target = f"docker://{registry.address}/{image}"
    login = f"--dest-creds={tenant.name}-robot:{HARBOR_PASSWORD}"
    done = skopeo("copy", "--dest-tls-verify=false", login, f"oci:{source}:made", target, home=folder / "home")
    return done.stderr if done.returncode else ""


def pull(config: bytes, registry: Any, image: str, folder: Path) -> bool:
    """Try to pull as a node with that pull secret."""
    auth = folder / "auth.json"
    auth.write_bytes(config)
    source = f"docker://{registry.address}/{image}"
    done = skopeo("inspect", "--tls-verify=false", f"--authfile={auth}", source, home=folder / "home")
    return done.returncode == 0


def pull_secret() -> bytes:
    """What the newest deployment's nodes are told."""
    secret = json.loads(BundleObject.objects.filter(kind="Secret").latest("pk").secret)
    return base64.b64decode(secret["data"][".dockerconfigjson"])


@pytest.fixture(autouse=True)
def _fleet(db: None) -> None:
    Installation.objects.get_or_create(pk=1)
    fleet.join("beijing")


def test_from_push_to_pull(acme: Tenant, other: Tenant, registry: Any, tmp_path: Path) -> None:
    acme.project("shop")
    assert push(acme, registry, "shop/team/web:v1", tmp_path) == ""
    assert acme.images("shop") == ["shop/team/web"]
    assert acme.tags("shop/team/web") == ["v1"]
    assert "authentication required" in push(other, registry, "shop/team/web:v2", tmp_path)
    assert acme.tags("shop/team/web") == ["v1"]

    image = f"{registry.address}/shop/team/web:v1"
    body = {"deployName": "web", "appName": "web", "version": "1.0.1", "cluster": "", "nodeLabel": "", "comment": ""}
    for tenant, pulls in ((acme, True), (other, False)):
        assert tenant.admin.post("/v1/app", small(appName="web", version="1.0", image=image)).json() == SUCCESS
        assert tenant.admin.post("/v1/deploy", body).json() == SUCCESS
        assert pull(pull_secret(), registry, "shop/team/web:v1", tmp_path) == pulls


def test_a_new_password_pulls_and_the_old_one_does_not(acme: Tenant, registry: Any, tmp_path: Path) -> None:
    acme.project("shop")
    assert push(acme, registry, "shop/web:v1", tmp_path) == ""
    image = f"{registry.address}/shop/web:v1"
    body = {"deployName": "web", "appName": "web", "version": "1.0.1", "cluster": "", "nodeLabel": "", "comment": ""}
    assert acme.admin.post("/v1/app", small(appName="web", version="1.0", image=image)).json() == SUCCESS
    assert acme.admin.post("/v1/deploy", body).json() == SUCCESS
    old = pull_secret()
    assert acme.admin.put(USER, {"password": "Another0Passw0rd"}).json() == SUCCESS
    assert [pull(config, registry, "shop/web:v1", tmp_path) for config in (old, pull_secret())] == [False, True]
