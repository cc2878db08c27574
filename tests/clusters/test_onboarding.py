"""The first look at a cluster: what it says, and one clear sentence for everything that can be wrong."""

from __future__ import annotations

import socket
import tempfile
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from clusters.drivers.kubernetes import onboarding
from clusters.drivers.kubernetes.kubeconfig import Credentials, parse
from clusters.drivers.kubernetes.onboarding import ClusterFacts, inspect
from otestack.errors import DomainError, Invalid, Unavailable
from tests.clusters.hostile import Answer, Hostile, serving
from tests.clusters.kubeconfigs import TOKEN, text
from tests.clusters.pki import Authority

AUTHORITY = Authority()
SERVER = AUTHORITY.issue("edge.example")
FACTS = ClusterFacts(uid="uid-1", version="v1.37.0", node_count=3)


def credentials(port: int, scheme: str = "https", user: dict[str, Any] | None = None, **cluster: Any) -> Credentials:
    entry = {"certificate-authority-data": AUTHORITY.pem64} | {k.replace("_", "-"): v for k, v in cluster.items()}
    return parse(text(f"{scheme}://127.0.0.1:{port}", cluster=entry, user=user))


def failure(found: Credentials, kind: type[DomainError]) -> str:
    with pytest.raises(kind) as caught:
        inspect(found)
    sentence = str(caught.value)
    assert sentence.endswith((".", "?")) and "\n" not in sentence and len(sentence) < 300
    assert TOKEN not in sentence
    return sentence


def test_a_good_cluster_over_tls() -> None:
    with serving(Hostile(), SERVER) as edge:
        assert inspect(credentials(edge.port)) == FACTS
    assert {headers["authorization"] for _, headers in edge.asked} == {f"Bearer {TOKEN}"}


def test_a_client_certificate_whose_files_are_gone_afterwards(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    client = AUTHORITY.issue("client")
    user = {"token": None, "client-certificate-data": client.cert64, "client-key-data": client.key64}
    with serving(Hostile(), SERVER, client_authority=AUTHORITY.pem) as edge:
        assert inspect(credentials(edge.port, user=user)) == FACTS
    assert "authorization" not in edge.asked[0][1]
    assert not list(tmp_path.iterdir())


def test_a_path_prefix() -> None:
    answers = {f"/clusters/a{path}": answer for path, answer in Hostile().answers.items()}
    with serving(Hostile(answers), SERVER) as edge:
        found = credentials(edge.port)
        assert inspect(Credentials(f"{found.server}/clusters/a", ca_pem=found.ca_pem, token=TOKEN)) == FACTS


def test_tls_server_name_and_no_verification() -> None:
    named = AUTHORITY.issue("kubernetes.internal", addresses=())
    with serving(Hostile(), named) as edge:
        assert inspect(credentials(edge.port, tls_server_name="kubernetes.internal")) == FACTS
        assert "is not trusted" in failure(credentials(edge.port), Invalid)
        insecure = credentials(edge.port, certificate_authority_data=None, insecure_skip_tls_verify=True)
        assert inspect(insecure) == FACTS


def test_a_certificate_of_another_authority() -> None:
    with serving(Hostile(), Authority("another").issue("edge.example")) as edge:
        assert f"The certificate of 127.0.0.1:{edge.port} is not trusted" in failure(credentials(edge.port), Invalid)
    assert edge.asked == []


def test_an_expired_server_certificate() -> None:
    with serving(Hostile(), AUTHORITY.issue("edge.example", days=-1)) as edge:
        assert "certificate has expired" in failure(credentials(edge.port), Invalid)


def test_a_client_certificate_that_is_not_accepted() -> None:
    client = Authority("another").issue("client")
    user = {"token": None, "client-certificate-data": client.cert64, "client-key-data": client.key64}
    with serving(Hostile(), SERVER, client_authority=AUTHORITY.pem) as edge, pytest.raises(DomainError):
        inspect(credentials(edge.port, user=user))


def test_tls_against_a_server_without_it() -> None:
    with serving(Hostile()) as edge:
        assert "does not speak TLS" in failure(credentials(edge.port), Invalid)
        assert inspect(credentials(edge.port, "http")) == FACTS


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert f"cannot be reached at 127.0.0.1:{port}: connection refused" in failure(credentials(port), Unavailable)


def test_an_unknown_name() -> None:
    assert "its name cannot be resolved" in failure(parse(text("https://edge.invalid")), Unavailable)


def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onboarding, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sentence = failure(credentials(silent.getsockname()[1], "http"), Unavailable)
    assert "no answer within the time" in sentence


def test_a_server_that_hangs_up() -> None:
    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True

    with serving(Hostile({"/version": hang_up})) as edge:
        assert "closed the connection" in failure(credentials(edge.port, "http"), Unavailable)


@pytest.mark.parametrize(
    ("path", "status", "words", "kind"),
    [
        ("/version", 401, "answered 401: the token is not accepted", Invalid),
        ("/version", 403, "may not read the version", Invalid),
        ("/version", 404, "is the address complete?", Invalid),
        ("/version", 302, "a redirect, which is not followed", Invalid),
        ("/version", 500, "answered 500", Unavailable),
        ("/version", 429, "answered 429", Unavailable),
        ("/api/v1/namespaces/kube-system", 403, "may not get the namespace kube-system", Invalid),
        ("/api/v1/nodes", 403, "may not list nodes", Invalid),
    ],
)
def test_answers_that_refuse(path: str, status: int, words: str, kind: type[DomainError]) -> None:
    with serving(Hostile({path: (status, {"message": f"{TOKEN} is wrong"})}), SERVER) as edge:
        sentence = failure(credentials(edge.port), kind)
        assert words in sentence
        assert f":{edge.port} answered {status}" in sentence
    assert [asked for asked, _ in edge.asked].count(path) <= 1, "nothing is tried twice"
    assert not any(asked.startswith("/elsewhere") for asked, _ in edge.asked)


def test_an_expired_client_certificate_is_named() -> None:
    client = AUTHORITY.issue("client", days=-1)
    user = {"client-certificate-data": client.cert64, "client-key-data": client.key64}
    with serving(Hostile({"/version": (401, {})}), SERVER) as edge:
        assert "the client certificate expired on 20" in failure(credentials(edge.port, user=user), Invalid)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/version", (200, b"<html>")),
        ("/version", (200, b"[" * 100_000)),
        ("/version", (200, [])),
        ("/version", (200, {})),
        ("/version", (200, {"gitVersion": "v" * 65})),
        ("/version", (200, {"gitVersion": "v1\n2"})),
        ("/api/v1/namespaces/kube-system", (200, {"metadata": []})),
        ("/api/v1/namespaces/kube-system", (200, {"metadata": {"uid": 5}})),
        ("/api/v1/namespaces/kube-system", (200, {"metadata": {"uid": ""}})),
        ("/api/v1/nodes", (200, {"items": {}})),
        ("/api/v1/nodes", (200, {"items": []})),
        ("/api/v1/nodes", (200, {"metadata": {"continue": "again"}, "items": []})),
    ],
)
def test_answers_of_something_else(path: str, answer: Answer) -> None:
    with serving(Hostile({path: answer})) as edge:
        assert "not answer as a Kubernetes API" in failure(credentials(edge.port, "http"), Unavailable)


def test_an_answer_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def pour(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(401)
        handler.end_headers()
        handler.close_connection = True
        while True:
            handler.wfile.write(b"x" * 65536)

    monkeypatch.setattr(onboarding, "ANSWER_BYTES", 1024 * 1024)
    with serving(Hostile({"/version": pour})) as edge:
        assert "too long" in failure(credentials(edge.port, "http"), Unavailable)


def test_nodes_are_counted_page_by_page() -> None:
    pages = iter(
        [
            {"metadata": {"continue": "1"}, "items": [{}]},
            {"metadata": {"continue": "2"}, "items": [{}] * 500},
            {"metadata": {}, "items": [{}] * 7},
        ]
    )

    def page(handler: BaseHTTPRequestHandler) -> None:
        edge.answers["/api/v1/nodes/one"] = (200, next(pages))
        handler.path = "/api/v1/nodes/one"
        handler.do_GET()  # type: ignore[attr-defined]

    with serving(Hostile({"/api/v1/nodes": page})) as edge:
        assert inspect(credentials(edge.port, "http")).node_count == 508


def test_a_proxy_and_none_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    answers = {f"http://edge.invalid{path}": answer for path, answer in Hostile().answers.items()}
    with serving(Hostile(answers)) as proxy, serving(Hostile(), SERVER) as edge:
        assert inspect(credentials(edge.port)) == FACTS
        through = Credentials("http://edge.invalid", token=TOKEN, proxy_url=f"http://u:hush@127.0.0.1:{proxy.port}")
        assert inspect(through) == FACTS
    assert proxy.asked[0][1]["proxy-authorization"] == "Basic dTpodXNo"


def test_a_dead_proxy() -> None:
    found = Credentials("https://edge.invalid", token=TOKEN, proxy_url="http://u:hush@127.0.0.1:1")
    sentence = failure(found, Unavailable)
    assert "through the proxy 127.0.0.1:1: connection refused" in sentence
    assert "hush" not in sentence


def test_a_proxy_that_refuses() -> None:
    def refuse(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(407)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with serving(Hostile({"edge.invalid:443": refuse})) as proxy:
        found = Credentials("https://edge.invalid", token=TOKEN, proxy_url=f"http://127.0.0.1:{proxy.port}")
        assert "through the proxy" in failure(found, Unavailable)
