"""A kubeconfig is untrusted input: what is taken from it, and all that is refused."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import x25519
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusters.drivers.kubernetes.kubeconfig import SIZE_LIMIT, Credentials, parse
from otestack.errors import Invalid
from tests.clusters.kubeconfigs import TOKEN, changed, document, text
from tests.clusters.pki import Authority

AUTHORITY = Authority()
CLIENT = AUTHORITY.issue("client")
OTHER = AUTHORITY.issue("other")


def refusal(kubeconfig: str, context: str = "") -> str:
    with pytest.raises(Invalid) as caught:
        parse(kubeconfig, context)
    assert list(caught.value.errors) == ["kubeconfig"]
    [sentence] = caught.value.errors["kubeconfig"]
    assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 400
    return sentence


def test_a_token_and_a_path_prefix() -> None:
    found = parse(text("https://edge.example:6443/clusters/beijing/", {"certificate-authority-data": AUTHORITY.pem64}))
    assert found == Credentials(
        server="https://edge.example:6443/clusters/beijing", token=TOKEN, ca_pem=AUTHORITY.pem.decode()
    )
    assert not found.warnings


def test_a_client_certificate() -> None:
    user = {"token": None, "client-certificate-data": CLIENT.cert64, "client-key-data": CLIENT.key64}
    found = parse(text(user=user))
    assert found.client_cert_pem == CLIENT.cert.decode()
    assert "BEGIN PRIVATE KEY" in found.client_key_pem
    assert found.token == ""


def test_everything_that_a_cluster_entry_may_say() -> None:
    found = parse(
        text(
            cluster={
                "proxy-url": "http://user:pass@proxy.example:3128/",
                "tls-server-name": "kubernetes.default",
                "insecure-skip-tls-verify": True,
                "disable-compression": True,
                "extensions": [{"name": "x", "extension": {"a": 1}}],
            }
        )
    )
    assert found.proxy_url == "http://user:pass@proxy.example:3128"
    assert found.tls_server_name == "kubernetes.default"
    assert found.insecure_skip_tls_verify
    assert "not verified" in found.warnings[0]


def test_plain_http_is_taken_with_a_warning() -> None:
    found = parse(text("http://10.0.0.1:8001"))
    assert found.plain_http
    assert "anybody" in found.warnings[0]


def test_a_chosen_context() -> None:
    made = document()
    made["clusters"].append({"name": "second", "cluster": {"server": "https://second.example"}})
    made["contexts"].append({"name": "2", "context": {"cluster": "second", "user": "admin", "namespace": "x"}})
    assert parse(yaml.safe_dump(made), "2").server == "https://second.example"
    assert parse(yaml.safe_dump(made)).server == "https://edge.example:6443"
    assert "'2', 'main'" in refusal(yaml.safe_dump(made), "third")


def test_json_is_yaml_and_scalars_stay_text() -> None:
    made = document(user={"token": "1e5"})
    assert parse(json.dumps(made)).token == "1e5"
    assert parse(text().replace(TOKEN, "12345")).token == "12345"
    assert parse(text().replace(TOKEN, "2024-01-01")).token == "2024-01-01"


def test_what_is_stored_reads_back_and_shows_no_secret() -> None:
    user = {"client-certificate-data": CLIENT.cert64, "client-key-data": CLIENT.key64}
    found = parse(text(cluster={"proxy-url": "http://u:hush@p.example"}, user=user))
    assert Credentials.from_json(found.to_json()) == found
    assert TOKEN not in repr(found) and "PRIVATE" not in repr(found) and "hush" not in repr(found)


def encrypted_key() -> str:
    key = serialization.load_pem_private_key(CLIENT.key, None)
    made = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    return base64.b64encode(made).decode()


def odd_key() -> str:
    made = x25519.X25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return base64.b64encode(made).decode()


BAD_CLUSTERS: list[tuple[dict[str, Any], str]] = [
    ({"server": None}, "does not begin with https://"),
    ({"server": "edge.example:6443"}, "does not begin with https://"),
    ({"server": "ftp://edge.example"}, "does not begin with https://"),
    ({"server": "file:///etc/passwd"}, "does not begin with https://"),
    ({"server": "https://"}, "no valid address"),
    ({"server": "https://edge.example:99999"}, "no valid address"),
    ({"server": "https://edge.example:0"}, "no valid address"),
    ({"server": "https://[::1"}, "no valid address"),
    ({"server": "https://edge.example/?a=b"}, "no valid address"),
    ({"server": "https://edge.example/#a"}, "no valid address"),
    ({"server": "https://edge.example\\@evil.example"}, "no valid address"),
    ({"server": "https://user:hush@edge.example"}, "user name in its address"),
    ({"server": "https://edge.example/\r\nX: y"}, "blanks"),
    ({"server": "https://bücher.example"}, "outside ASCII"),
    ({"server": "https://edge.example/" + "a" * 2000}, "longer than 2000"),
    ({"server": ["https://edge.example"]}, "not text"),
    ({"certificate-authority": "/etc/ssl/ca.pem"}, "names a file (certificate-authority)"),
    ({"certificate-authority-data": "!!!"}, "not valid base64"),
    ({"certificate-authority-data": base64.b64encode(b"hello").decode()}, "no certificate in PEM"),
    ({"certificate-authority-data": CLIENT.key64}, "no certificate in PEM"),
    ({"certificate-authority-data": AUTHORITY.pem64, "insecure-skip-tls-verify": True}, "only one of them"),
    ({"insecure-skip-tls-verify": "maybe"}, "neither true nor false"),
    ({"tls-server-name": "a b"}, "no host name"),
    ({"proxy-url": "socks5://proxy.example:1080"}, "SOCKS"),
    ({"proxy-url": "ftp://proxy.example"}, "does not begin with http:// or https://"),
    ({"proxy-url": "http://proxy.example/path"}, "with a path"),
]
BAD_USERS: list[tuple[dict[str, Any], str]] = [
    ({"exec": {"command": "rm", "args": ["-rf", "/"], "apiVersion": "client.authentication.k8s.io/v1"}}, "(exec)"),
    ({"auth-provider": {"name": "gcp"}}, "auth-provider"),
    ({"username": "u", "password": "hush"}, "user name and password"),
    ({"as": "system:admin"}, "impersonation"),
    ({"as-groups": ["system:masters"]}, "impersonation"),
    ({"tokenFile": "/var/run/secrets/token"}, "names a file (tokenFile)"),
    ({"client-certificate": "/etc/cert", "client-key": "/etc/key"}, "kubectl config view --raw --flatten"),
    ({"token": None}, "neither a token nor a client certificate"),
    ({"token": "a b"}, "characters that no token has"),
    ({"token": "a\r\nX-Evil: 1"}, "characters that no token has"),
    ({"token": "ü"}, "characters that no token has"),
    ({"token": {"a": "b"}}, "not text"),
    ({"client-certificate-data": CLIENT.cert64}, "both are needed"),
    ({"client-key-data": CLIENT.key64}, "both are needed"),
    ({"client-certificate-data": CLIENT.cert64, "client-key-data": OTHER.key64}, "is not the key of"),
    ({"client-certificate-data": CLIENT.cert64, "client-key-data": CLIENT.cert64}, "not a private key"),
    ({"client-certificate-data": CLIENT.cert64, "client-key-data": encrypted_key()}, "encrypted with a password"),
    ({"client-certificate-data": CLIENT.cert64, "client-key-data": odd_key()}, "TLS does not use"),
    ({"client-certificate-data": CLIENT.key64, "client-key-data": CLIENT.key64}, "no certificate in PEM"),
]


@pytest.mark.parametrize(("entry", "words"), BAD_CLUSTERS)
def test_bad_cluster_entries(entry: dict[str, Any], words: str) -> None:
    sentence = refusal(text(cluster=entry))
    assert words in sentence
    assert "hush" not in sentence


@pytest.mark.parametrize(("entry", "words"), BAD_USERS)
def test_bad_user_entries(entry: dict[str, Any], words: str) -> None:
    sentence = refusal(text(user=entry))
    assert words in sentence
    assert "hush" not in sentence and TOKEN not in sentence


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("kind", "Pod", "its kind is not Config"),
        ("kind", ["Config"], "its kind is not Config"),
        ("apiVersion", "v2", "its apiVersion is not v1"),
        ("current-context", None, "no current-context; name one of its contexts: 'main'"),
        ("current-context", ["main"], "not text"),
        ("current-context", "gone", "no context 'gone'; it has 'main'"),
        ("contexts", [], "no context 'main'; it has none"),
        ("contexts", {"main": {}}, "not a list"),
        ("contexts.0.context", "text", "not a mapping"),
        ("contexts.0.context", {"cluster": "edge"}, "names the user ''"),
        ("contexts.0.context", {"cluster": "a" * 500, "user": "admin"}, "names the cluster 'aaa"),
        ("clusters", [{"name": "edge", "cluster": {}}, {"name": "edge"}], "'edge' twice"),
        ("clusters", [["edge"]], "not a list of mappings"),
        ("users", "text", "not a list"),
    ],
)
def test_bad_structures(path: str, value: Any, words: str) -> None:
    assert words in refusal(changed(path, value))


def test_a_client_certificate_over_http() -> None:
    user = {"client-certificate-data": CLIENT.cert64, "client-key-data": CLIENT.key64}
    assert "no client certificate works" in refusal(text("http://edge.example", user=user))


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("kubeconfig", "words"),
    [
        ("", "not a kubeconfig"),
        ("null", "not a kubeconfig"),
        ("just words", "not a kubeconfig"),
        ("[1, 2]", "not a kubeconfig"),
        ("{", "not valid YAML"),
        ("a: b: c", "not valid YAML (line 1)"),
        ("a: 1\n---\nb: 2", "not valid YAML"),
        ("\x00", "not valid YAML"),
        ('a: "\\UFFFFFFFF"', "not valid YAML"),
        ("\ud800", "not valid Unicode"),
        ("? [a]\n: b", "not valid YAML"),
        (BOMB, "anchors or aliases"),
        ("a: &a 1\nb: *a", "anchors or aliases"),
        ("a: !!python/object/apply:os.system ['id']", "tags"),
        ("a: !!timestamp x", "tags"),
        ("a: !!int ''", "tags"),
        ("a: 1\na: 2", "a key twice"),
        ("[" * 5000, "nested too deeply"),
        ("{a: " * 5000, "nested too deeply"),
        ("- " * 5000, "nested too deeply"),
        ("a: " + "x" * SIZE_LIMIT, "longer than 256 KB"),
    ],
)
def test_hostile_texts(kubeconfig: str, words: str) -> None:
    began = time.monotonic()
    assert words in refusal(kubeconfig)
    assert time.monotonic() - began < 5


@given(st.text(max_size=2000) | st.binary(max_size=2000).map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_refused_or_taken(kubeconfig: str) -> None:
    with contextlib.suppress(Invalid):
        parse(kubeconfig)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates() | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3),
    max_leaves=8,
)
PLACES = [
    "kind", "clusters", "clusters.0", "clusters.0.name", "clusters.0.cluster", "users", "users.0", "users.0.user",
    "contexts", "contexts.0", "contexts.0.context", "current-context",
    *(f"clusters.0.cluster.{key}" for key in ("server", "certificate-authority-data", "proxy-url", "tls-server-name",
                                              "insecure-skip-tls-verify")),
    *(f"users.0.user.{key}" for key in ("token", "client-certificate-data", "client-key-data", "exec", "as-groups")),
]  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(PLACES), VALUES)
def test_any_value_anywhere_is_refused_or_taken(path: str, value: Any) -> None:
    try:
        found = parse(changed(path, value))
    except Invalid:
        return
    assert Credentials.from_json(found.to_json()) == found
    assert found.server.startswith(("https://", "http://"))
    assert all("!" <= char <= "~" for char in found.token + found.server + found.proxy_url)
