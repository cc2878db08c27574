"""`make run` brings an image registry along, and the product works with it."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.registry.images import layout, skopeo
from tests.run.product import Product, once, until
from tests.services import free_port

pytestmark = [once, pytest.mark.processes]

MakeProduct = Callable[..., Product]


def answer(port: int, path: str, password: str = "", method: str = "GET", body: object = None) -> requests.Response:
    """Ask the registry as its administrator."""
    with requests.Session() as session:
        session.trust_env = False
        auth = ("admin", password) if password else None
        return session.request(method, f"http://127.0.0.1:{port}/api/v2.0{path}", auth=auth, json=body, timeout=20)


def test_the_registry_takes_images_and_keeps_them(make_product: MakeProduct, tmp_path: Path) -> None:
    port = free_port()
    product = make_product(OTE_REGISTRY="simulated", REGISTRY_PORT=str(port)).start().ready()
    kept = product.data_dir / "registry-password"
    password = kept.read_text().strip()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert password not in product.log
    assert f"s, registry at 127.0.0.1:{port}. Ctrl-C ends everything." in product.log
    assert f"Simulated registry   127.0.0.1:{port}, administrator admin, password in {kept}\n" in product.log

    environment = Path(f"/proc/{product.part('drive')}/environ").read_bytes().split(b"\0")
    for setting in (f"URL=http://127.0.0.1:{port}", "USER=admin", f"PASSWORD={password}", f"DOMAIN=127.0.0.1:{port}"):
        assert f"OTE_REGISTRY_{setting}".encode() in environment

    assert answer(port, "/projects", password, "POST", {"project_name": "acme"}).status_code == 201
    pushed = skopeo(
        "copy", "--dest-tls-verify=false", f"--dest-creds=admin:{password}", f"oci:{layout(tmp_path / 'image')}:made",
        f"docker://127.0.0.1:{port}/acme/hello:v1", home=tmp_path / "home",
    )  # fmt: skip
    assert pushed.returncode == 0, pushed.stderr
    path = "/projects/acme/repositories/hello/artifacts"
    artifacts = answer(port, path, password).json()
    assert [[tag["name"] for tag in artifact["tags"]] for artifact in artifacts] == [["v1"]]

    before = product.part("registry")
    os.kill(before, signal.SIGKILL)
    until(lambda: product.part("registry") not in {0, before}, "the registry is back")
    product.said("registry is started again.")
    until(lambda: product.log.count("registry | Simulated registry at") == 2, "it listens again")
    assert answer(port, path, password).json() == artifacts
    assert product.signal(signal.SIGINT) == 130
    assert product.everything() == []
    assert kept.read_text().strip() == password
