"""Whose login the nodes get for pulling a deployment's images.

A business's own registry account is attached to whatever has an image in our registry, without anyone asking. Which
account an operation uses is kept with it, so that a new password finds its copies (deployments/services/renewal.py).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection
from typing import Any

from django.conf import settings

from apps.images import project_of
from business.models import Business
from deployments.manifests import PullSecret, docker_config, pull_secret_name
from otestack.errors import Invalid
from otestack.sentences import say
from registry.models import ExternalRepository, RegistryAccount

# Docker Hub's images name no host, or this one; its logins are kept under another.
_HUB = {"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com"}
_HUB_KEY = "https://index.docker.io/v1/"


def pull_secret(business: Business, repository_id: str, images: Collection[str]) -> PullSecret | None:
    """Return the login for these images: the external repository's that the application names, else our own registry's.

    None where nothing is asked for and nothing lies in our registry. Asks no registry.
    Raises Invalid when the named repository does not exist any more.
    """
    if repository_id:
        found = ExternalRepository.objects.filter(business=business, repository_id=repository_id).first()
        if found is None:
            raise Invalid(
                repositoryId=say(
                    "The external repository '%(repository_id)s' does not exist any more.", repository_id=repository_id
                )
            )
        return PullSecret(address=config_key(found.address), user=found.user, password=found.password)
    if not any(project_of(image, settings.OTE_REGISTRY_DOMAIN) for image in images):
        return None
    account = RegistryAccount.objects.ready().filter(business=business).first()
    return None if account is None else of_account(account)


def of_account(account: RegistryAccount) -> PullSecret:
    """Return the login of a business's account in our registry."""
    address = config_key(settings.OTE_REGISTRY_DOMAIN)
    return PullSecret(address=address, user=account.user, password=account.password, account_id=account.pk)


def config_key(address: str) -> str:
    """Return what nodes look a registry's login up by: its host, and a path if it has one."""
    key = address.partition("://")[2] or address
    key = key.rstrip("/")
    host, slash, path = key.partition("/")
    if host.lower() in _HUB and path in {"", "v1", "v2"}:
        return _HUB_KEY
    return f"{host.lower()}{slash}{path}"


def renewed(secrets: list[dict[str, Any]], deploy_name: str, account: RegistryAccount) -> list[dict[str, Any]]:
    """Return an operation's Secrets with the account's present login in its pull secret. The others stay."""
    return [
        _renewed(secret, account) if secret["metadata"]["name"] == pull_secret_name(deploy_name) else secret
        for secret in secrets
    ]


def _renewed(secret: dict[str, Any], account: RegistryAccount) -> dict[str, Any]:
    config = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    # Under the address that the operation was made with: the registry may have got another name since.
    (address,) = config["auths"]
    return secret | {"data": docker_config(PullSecret(address, account.user, account.password))}
