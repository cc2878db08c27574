"""The objects of an operation: made once, at its submission; exactly those are shown, approved and applied."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import Any

from apps import charts
from apps.models import AppVersion, DeployType
from clusters.engine.bundles import Wish
from deployments.chart_objects import arranged, images
from deployments.manifests import objects_for, pull_secret_object
from deployments.models import Deployment, Operation
from deployments.placements import bounded
from deployments.pull_secrets import pull_secret
from deployments.services.choose import EVERY, Values, oldest_kubernetes
from otestack.errors import DomainError, Invalid, Unavailable
from otestack.sentences import say

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Made:
    """Objects and Secrets, or the sentence that says why there are none."""

    objects: list[dict[str, Any]] = field(default_factory=list)
    secrets: list[dict[str, Any]] = field(default_factory=list, repr=False)
    failure: str = ""
    # What a chart was rendered with.
    values: dict[str, Any] = field(default_factory=dict, repr=False)
    # The registry account whose login the pull secret holds.
    account_id: int | None = None


def make(deployment: Deployment, version: AppVersion, values: Values) -> Made:
    """Make the objects. What goes wrong is told in the result: the change is then an internal error (8).

    Raises Invalid when it goes wrong with values that came with the request, Unavailable where charts cannot be
    rendered.
    """
    try:
        if version.deploy_type == DeployType.CHART:
            return _from_chart(deployment, version, values)
        return _from_image(deployment, version)
    except Unavailable:
        raise
    except charts.ChartError as error:
        if values.given:
            raise Invalid(values=error.sentence) from error
        return Made(failure=bounded(error.sentence))
    except DomainError as error:
        return Made(failure=bounded(error.sentence))
    except Exception:
        log.exception("The objects of %s %s could not be made", deployment, version)
        return Made(
            failure=say("The objects of %(version)s could not be made; the reason has been logged.", version=version)
        )


def _from_image(deployment: Deployment, version: AppVersion) -> Made:
    business = deployment.business
    pull = pull_secret(business, version.repository_id, [version.image])
    objects, secrets = objects_for(
        version.spec,
        deploy_name=deployment.name,
        namespace=business.namespace,
        node_label=deployment.node_label,
        pull_secret=pull,
    )
    return Made(objects, secrets, account_id=pull.account_id if pull else None)


def _from_chart(deployment: Deployment, version: AppVersion, values: Values) -> Made:
    business = deployment.business
    made = charts.make(
        bytes(version.archive.packed),
        release=deployment.name,
        namespace=business.namespace,
        values=values.content,
        kube_version=oldest_kubernetes(deployment.selector, deployment.selector_value),
    )
    pull = pull_secret(business, version.repository_id, images(made.objects))
    secret = None
    if pull is not None:
        secret = pull_secret_object(pull, version.app_name, deployment.name, business.namespace)
    others, secrets = arranged(made.objects, node_label=deployment.node_label, pull_secret=secret)
    return Made(others, secrets, values=values.content, account_id=pull.account_id if pull else None)


def wish(deployment: Deployment, operation: Operation) -> Wish:
    """Return what the engine should want for an operation: its stored objects, nothing made anew."""
    return Wish(
        namespace=deployment.business.namespace,
        objects=operation.manifests,
        secrets=json.loads(operation.secrets) if operation.secrets else [],
        selector=deployment.selector,
        selector_value=deployment.selector_value,
        node_label="" if deployment.node_label in EVERY else deployment.node_label,
        title=say("deployment %(name)s", name=deployment.name),
        owner_text=say("business %(name)s", name=deployment.business.name),
    )
