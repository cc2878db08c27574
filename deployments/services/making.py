"""The objects of an operation: made once, at its submission; exactly those are shown, approved and applied."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import Any

from apps.models import AppVersion
from business.models import Business
from clusters.engine.bundles import Wish
from deployments.manifests import PullSecret, objects_for
from deployments.models import Deployment, Operation
from deployments.placements import bounded
from deployments.services.choose import EVERY
from otestack.errors import DomainError, Invalid
from registry.models import ExternalRepository

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Made:
    """Objects and Secrets, or the sentence that says why there are none."""

    objects: list[dict[str, Any]] = field(default_factory=list)
    secrets: list[dict[str, Any]] = field(default_factory=list, repr=False)
    failure: str = ""


def make(deployment: Deployment, version: AppVersion) -> Made:
    """Make the objects. What goes wrong is told in the result: the change is then an internal error (8)."""
    business = deployment.business
    try:
        objects, secrets = objects_for(
            version.spec,
            deploy_name=deployment.name,
            namespace=business.namespace,
            node_label=deployment.node_label,
            pull_secret=_pull_secret(business, version.repository_id),
        )
    except DomainError as error:
        return Made(failure=bounded(str(error)))
    except Exception:
        log.exception("The objects of %s %s could not be made", deployment, version)
        return Made(failure=f"The objects of {version} could not be made; the reason has been logged.")
    return Made(objects, secrets)


def _pull_secret(business: Business, repository_id: str) -> PullSecret | None:
    if not repository_id:
        return None
    found = ExternalRepository.objects.filter(business=business, repository_id=repository_id).first()
    if found is None:
        raise Invalid(repositoryId=f"The external repository '{repository_id}' does not exist any more.")
    return PullSecret(address=found.address, user=found.user, password=found.password)


def wish(deployment: Deployment, operation: Operation) -> Wish:
    """Return what the engine should want for an operation: its stored objects, nothing made anew."""
    return Wish(
        namespace=deployment.business.namespace,
        objects=operation.manifests,
        secrets=json.loads(operation.secrets) if operation.secrets else [],
        selector=deployment.selector,
        selector_value=deployment.selector_value,
        node_label="" if deployment.node_label in EVERY else deployment.node_label,
        title=f"deployment {deployment.name}",
        owner_text=f"business {deployment.business.name}",
    )
