"""Tokens made by hand: with no key, with the wrong one, and signed by us with claims that we never write."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.test import Client
from django.utils import timezone

from tests.attacks.conftest import KEY

URL = "/v1/authorization"


def refused(header: str) -> None:
    response = Client(raise_request_exception=False).get(URL, headers={"Authorization": header})
    assert (response.status_code, response.json()["code"]) == (401, 401), response.content
    assert response.headers["WWW-Authenticate"] == "Bearer"


def encoded(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def test_what_is_forged_here_would_be_good(member: Any, forged: Callable[..., str]) -> None:
    response = Client().get(URL, headers={"Authorization": forged(member)})
    assert response.json()["data"]["displayName"] == "member"


@pytest.mark.parametrize(
    "word", ["none", "None", "NONE", "nOnE", "", None, 0, [], {"a": 1}, "HS256 ", "../../dev/null"]
)
def test_no_algorithm_but_ours(member: Any, forged: Callable[..., str], word: Any) -> None:
    _, payload, signature = forged(member).split(".")
    head = encoded({"alg": word, "typ": "JWT"})
    for forgery in (f"{head}.{payload}.", f"{head}.{payload}.{signature}", f"{head}.{payload}"):
        refused(forgery)


def test_a_public_key_is_no_secret_of_ours(member: Any, forged: Callable[..., str]) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    refused(forged(member, key=pem, algorithm="RS256"))
    refused(forged(member, key=pem, algorithm="PS256"))
    # HS256 with the public key as the secret: PyJWT will not make it, so by hand.
    head, payload = encoded({"alg": "HS256", "typ": "JWT"}), forged(member).split(".")[1]
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    refused(f"{head}.{payload}.{encoded(algorithm.sign(f'{head}.{payload}'.encode(), public))}")


@pytest.mark.parametrize(
    "key",
    ["", " ", "secret", KEY + " ", KEY[:-1], KEY.swapcase(), "\0"],
    ids=["none", "a space", "a word", "ours and a space", "ours cut short", "ours in the other case", "NUL"],
)
def test_no_key_but_ours(member: Any, forged: Callable[..., str], key: str) -> None:
    payload = forged(member).split(".")[1]
    head = encoded({"alg": "HS256", "typ": "JWT"})
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    refused(f"{head}.{payload}.{encoded(algorithm.sign(f'{head}.{payload}'.encode(), key.encode()))}")


@pytest.mark.parametrize(
    "headers",
    [{"jwk": {"kty": "oct", "k": "a2V5"}}, {"jku": "http://127.0.0.1:1/keys"}, {"kid": "../../../dev/null"}],
    ids=str,
)
def test_a_key_that_the_token_brings_along_is_not_ours(member: Any, forged: Any, headers: dict[str, Any]) -> None:
    refused(forged(member, key="key" * 20, headers=headers))


@pytest.mark.parametrize("headers", [{"crit": ["x"], "x": 1}, {"b64": False, "crit": ["b64"]}], ids=str)
def test_an_extension_that_we_do_not_know_is_not_overlooked(member: Any, forged: Any, headers: Any) -> None:
    refused(forged(member, headers=headers))


WRONG: list[dict[str, Any]] = [
    *({"exp": value} for value in (0, -1, "", "x", "9" * 400, [], {}, True, 1e308, 2**40, 2**63, 10**400)),
    *({"iat": value} for value in ("x", [], {}, 1e308, 2**63, 10**400)),
    *({"nbf": value} for value in ("x", [], {}, 1e308, 2**63, 10**400)),
    *({"jti": value} for value in ("", 0, [], {}, True, "a\0b", "\0", " ", "é" * 300_0)),
    *({"uid": value} for value in (0, -1, True, 1.0, [], {}, "", " 1", "1 ", "+1", "1_0", "0x1", "1e0", "١", "a\0")),
    *({"uid": value} for value in ("9" * 18, "9" * 19, 2**63, 2**64, "1;--", "1 OR 1=1", "-1", "None", "null")),
    *({"epoch": value} for value in (-1, 0.0, False, [], {}, "", 2**31, 2**63, 2**64, 10**400)),
    *({"typ": value} for value in ("refresh", "sliding", "ACCESS", "access ", "", [], {}, True, 0)),
    *({name: None} for name in ("typ", "uid", "jti", "epoch", "exp")),
]


def test_claims_that_we_never_write(member: Any, forged: Callable[..., str]) -> None:
    for changes in WRONG:
        print(changes)  # which one it was, when it fails
        refused(forged(member, **changes))


def test_the_name_of_a_claim_in_another_case_is_another_claim(member: Any, forged: Callable[..., str]) -> None:
    refused(forged(member, uid=None, UID=str(member.pk)))
    refused(forged(member, uid=None, user_id=str(member.pk)))
    refused(forged(member, uid=None, sub=str(member.pk)))


def test_the_user_of_another_epoch_is_another(member: Any, admin: Any, forged: Callable[..., str], api: Any) -> None:
    api(admin).put(f"/v1/admin/user/{member.pk}/password", {"password": "An0therPassword"})
    refused(forged(member))  # member here still holds the old epoch
    refused(forged(member, epoch=2))


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b'"x"', b"1", b"{", b"\xff", b"[" * 3000])
def test_a_signed_payload_that_is_no_object(payload: bytes) -> None:
    text = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded(payload)}"
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    refused(f"{text}.{encoded(algorithm.sign(text.encode(), KEY.encode()))}")


def test_extra_claims_give_nothing(member: Any, system: Any, forged: Callable[..., str]) -> None:
    token = forged(member, role=4, is_superuser=True, isAdmin=True, business=system.business_id, status=1, scope="*")
    headers = {"Authorization": token}
    assert Client().get(URL, headers=headers).json()["data"]["role"] == 2
    assert Client().get("/v1/admin/user", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "form",
    [
        *("Basic {}", "Digest {}", "Token {}", "JWT {}", "Negotiate {}", "Bearer: {}", "Bearer={}", "Bearer,{}"),
        *(
            "{0},{0}",
            "{0}, {0}",
            "Bearer {0},Bearer {0}",
            "Bearer {0}, Bearer {0}",
            '"{}"',
            "'{}'",
            "<{}>",
            "{};",
        ),
        *("{}.", ".{}", "{}.x", "Bearer\u00a0{}", "Bearer {} {}", "Bearer", "Bearer ", "\u00e9{}", "{}%00"),
    ],
)
def test_no_other_way_to_write_it(member: Any, forged: Callable[..., str], form: str) -> None:
    token = forged(member)
    refused(form.format(token, token))


@pytest.mark.parametrize("size", [4097, 100_000])
def test_a_long_one_is_not_looked_at(member: Any, forged: Callable[..., str], size: int) -> None:
    refused(forged(member, more="x" * size))
    refused("a." * size)
    refused("." * size)


@pytest.mark.parametrize("where", ["query", "body", "cookie", "X-Authorization", "Proxy-Authorization"])
def test_it_counts_in_its_header_only(member: Any, forged: Callable[..., str], where: str) -> None:
    token, client = forged(member), Client()
    client.cookies["Authorization"] = client.cookies["token"] = token if where == "cookie" else ""
    headers = {where: token} if "-" in where else {}
    query = {"Authorization": token, "token": token, "access_token": token} if where == "query" else {}
    assert client.get(URL, query, headers=headers).status_code == 401
    body = json.dumps({"Authorization": token, "token": token, "oldPassword": "x", "password": "x"})
    assert client.put("/v1/user", body, content_type="application/json").status_code == 401


def test_a_token_may_be_as_old_as_its_time_allows(member: Any, forged: Callable[..., str]) -> None:
    now = timezone.now()
    almost = forged(member, iat=now - timedelta(minutes=59), exp=now + timedelta(minutes=1))
    assert Client().get(URL, headers={"Authorization": almost}).status_code == 200
