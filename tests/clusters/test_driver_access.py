"""The driver reaches an edge the ways that a kubeconfig can name: certificate, server name, path prefix, proxy."""

from __future__ import annotations

import asyncio
import tempfile
from typing import Any

import pytest

from clusters.drivers.base import Unreachable
from clusters.drivers.kubernetes.kubeconfig import Credentials, parse
from clusters.drivers.registry import Connections
from tests.clusters.hostile import Hostile, serving
from tests.clusters.kubeconfigs import TOKEN, text
from tests.clusters.pki import Authority

AUTHORITY = Authority()
SERVER = AUTHORITY.issue("edge.example")


def probe(credentials: Credentials) -> str:
    async def run() -> str:
        connections = Connections(
            idle_seconds=5, request_seconds=3, answer_bytes=10**6, page_objects=100, list_objects=1000
        )
        try:
            return await connections.driver("kubernetes", credentials.to_json(), "centre").probe()
        finally:
            await connections.close()

    return asyncio.run(run())


def credentials(port: int, user: dict[str, Any] | None = None, **cluster: Any) -> Credentials:
    entry = {"certificate-authority-data": AUTHORITY.pem64} | {k.replace("_", "-"): v for k, v in cluster.items()}
    return parse(text(f"https://127.0.0.1:{port}", cluster=entry, user=user))


def test_a_client_certificate_whose_file_is_gone_afterwards(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    client = AUTHORITY.issue("client")
    user = {"token": None, "client-certificate-data": client.cert64, "client-key-data": client.key64}
    with serving(Hostile(), SERVER, client_authority=AUTHORITY.pem) as edge:
        assert probe(credentials(edge.port, user=user)) == "v1.37.0"
        with pytest.raises(Unreachable):
            probe(credentials(edge.port))
    assert "authorization" not in edge.asked[0][1]
    assert not list(tmp_path.iterdir())


def test_a_path_prefix() -> None:
    answers = {f"/clusters/a{path}": answer for path, answer in Hostile().answers.items()}
    with serving(Hostile(answers), SERVER) as edge:
        found = credentials(edge.port)
        assert probe(Credentials(f"{found.server}/clusters/a", ca_pem=found.ca_pem, token=TOKEN)) == "v1.37.0"
    assert edge.asked[0][1]["authorization"] == f"Bearer {TOKEN}"


def test_a_server_name_and_another_authority() -> None:
    with serving(Hostile(), AUTHORITY.issue("kubernetes.internal", addresses=())) as edge:
        assert probe(credentials(edge.port, tls_server_name="kubernetes.internal")) == "v1.37.0"
        with pytest.raises(Unreachable, match="certificate"):
            probe(credentials(edge.port))
    with serving(Hostile(), Authority("somebody").issue("edge.example")) as edge, pytest.raises(Unreachable):
        probe(credentials(edge.port))


def test_a_proxy_and_none_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    answers = {f"http://edge.invalid{path}": answer for path, answer in Hostile().answers.items()}
    with serving(Hostile(answers)) as proxy, serving(Hostile(), SERVER) as edge:
        assert probe(credentials(edge.port)) == "v1.37.0"
        through = Credentials("http://edge.invalid", token=TOKEN, proxy_url=f"http://u:hush@127.0.0.1:{proxy.port}")
        assert probe(through) == "v1.37.0"
    assert proxy.asked[0][1]["proxy-authorization"] == "Basic dTpodXNo"
