"""Nothing that an answer, a log line or the registry's own words say holds a password."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.registry.tenants import PROJECT, THIRD, USER, Tenant

SECRETS = ("Harbor0Passw0rd", "Another0Secret", "Third0Secret", "Wrong0Secret")


@pytest.mark.parametrize("trouble", ["none", "lost", "internal", "refuse", "wrong login"])
def test_no_password_comes_out(
    acme: Tenant, tenant: Any, registry: Any, settings: Any, caplog: Any, capfd: Any, trouble: str
) -> None:
    caplog.set_level(logging.DEBUG)
    plain = tenant("plain", account=False)
    match trouble:
        case "lost":
            registry.fail_next(count=2, method="P", path="/users", lost=True)
        case "internal":
            registry.fail_next(count=5, path="", status=500)
        case "refuse":
            registry.set_away("refuse")
        case "wrong login":
            settings.OTE_REGISTRY_PASSWORD = "Wrong0Secret"
    said = [
        acme.admin.put(USER, {"password": "Another0Secret"}),
        plain.admin.post(USER, {"user": "plain", "password": "Another0Secret"}),
        acme.member.post(PROJECT, {"projectName": "p", "public": False}),
        acme.member.post(THIRD, {"repositoryId": "r", "address": "a", "user": "u", "password": "Third0Secret"}),
        acme.member.post(THIRD, {"repositoryId": "r", "address": "a", "user": "u", "password": "Third0Secret"}),
        acme.member.get(THIRD),
        acme.member.get(f"{THIRD}/r"),
        acme.member.get(PROJECT),
    ]
    out = capfd.readouterr()
    text = "".join(answer.content.decode() for answer in said) + caplog.text + out.out + out.err
    assert [secret for secret in (*SECRETS, registry.admin[1]) if secret in text] == []
    assert "/api/v2.0" not in "".join(answer.content.decode() for answer in said)


def test_our_objects_do_not_show_it() -> None:
    from deployments.manifests import PullSecret
    from registry.harbor import Login

    assert "word" not in repr(Login("u", "word")) + repr(PullSecret("a", "u", "word"))
