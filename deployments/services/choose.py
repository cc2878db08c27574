"""What a request's words mean at the moment of its submission."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from apps.models import AppVersion, DeployType, Status
from clusters.engine.placing import matching_clusters
from clusters.models import Cluster, ClusterLabel, NodeLabel, Selector
from deployments.models import Audit, Change, Deployment, Operation
from otestack.errors import Invalid
from otestack.sentences import say

EVERY = frozenset({"", "all"})
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
NAME_LENGTH = 53
# As clusters tell it: v1.32.4, v1.31.9+k3s1, v1.30.2-gke.1.
_KUBERNETES = re.compile(r"v?(\d{1,3})\.(\d{1,3})\.(\d{1,5})")


def name_fault(name: str) -> str | None:
    """Return why a name cannot be that of Kubernetes objects with room for a suffix."""
    if len(name) <= NAME_LENGTH and NAME.fullmatch(name):
        return None
    return say(
        "It must be 1 to %(name_length)s lower-case letters, digits or '-', starting and ending with "
        "a letter or digit.",
        name_length=NAME_LENGTH,
    )


def require_name(name: str) -> None:
    """Raise Invalid on a name with a fault."""
    if sentence := name_fault(name):
        raise Invalid(deployName=sentence)


def may_name_service(name: str, version: AppVersion) -> bool:
    """Return whether the version's Service, if it has ports, may have that name.

    Other objects may begin with a digit; a Service may not before Kubernetes 1.34.
    """
    return not version.spec.get("port") or not name[0].isdigit()


def clusters_meant(cluster: str) -> tuple[str, str]:
    """Return selector and value: a cluster label, else a cluster name, else every cluster.

    Raises Invalid when that matches no cluster now.
    """
    if cluster in EVERY:
        selector, value = Selector.ALL, ""
    elif ClusterLabel.objects.filter(label=cluster).exists():
        selector, value = Selector.LABEL, cluster
    else:
        selector = Selector.CLUSTER
        value = Cluster.objects.filter(name__iexact=cluster).values_list("name", flat=True).first() or cluster
    if not matching_clusters(selector, value).exists():
        raise Invalid(
            cluster=say("There is no cluster yet.")
            if cluster in EVERY
            else say("No cluster matches '%(cluster)s'.", cluster=cluster)
        )
    return selector, value


def oldest_kubernetes(selector: str, value: str) -> str:
    """Return the oldest Kubernetes among the chosen clusters as x.y.z; empty when none has said its own."""
    told = matching_clusters(selector, value).values_list("kubernetes_version", flat=True).distinct()
    known = [tuple(map(int, found.groups())) for text in told if (found := _KUBERNETES.match(text))]
    return ".".join(map(str, min(known))) if known else ""


def require_nodes(node_label: str, selector: str, value: str) -> None:
    """Raise Invalid when no node of any chosen cluster carries the label."""
    if node_label in EVERY:
        return
    carried = NodeLabel.objects.carried().filter(label=node_label)
    if not carried.filter(node__cluster__in=matching_clusters(selector, value).values("pk")).exists():
        raise Invalid(
            nodeLabel=say("No node of the chosen clusters carries the label '%(node_label)s'.", node_label=node_label)
        )


def app_version(business_id: int, app_name: str, version: str) -> AppVersion:
    """Return a version that may be deployed: the one of that full number, or the newest minor of that line.

    Raises Invalid for an unknown or deleted application or version.
    """
    living = AppVersion.objects.filter(business_id=business_id, app_name=app_name).listed()
    found = living.filter(version=version).first() or living.filter(line=version).order_by("-minor").first()
    if found is None:
        if not living.exists():
            raise Invalid(appName=say("There is no application '%(app_name)s'.", app_name=app_name))
        raise Invalid(
            version=say(
                "The application '%(app_name)s' has no version '%(version)s'.", app_name=app_name, version=version
            )
        )
    if found.status != Status.READY:
        raise Invalid(
            version=say("Version %(version)s is %(status)s.", version=found.version, status=Status(found.status).label)
        )
    return found


@dataclass(frozen=True)
class Values:
    """What a chart is rendered with beside its defaults. given: they came with this request."""

    content: dict[str, Any]
    given: bool = False


def values_meant(version: AppVersion, given: dict[str, Any] | None, before: QuerySet[Operation]) -> Values:
    """Return the values of a request, else those of the newest operation before it.

    Raises Invalid when they were given for something that is no chart.
    """
    if version.deploy_type != DeployType.CHART:
        if given is not None:
            raise Invalid(
                values=say("Version %(version)s is no chart, and only a chart takes values.", version=version.version)
            )
        return Values({})
    if given is not None:
        return Values(given, given=True)
    kept = before.order_by("-pk").values_list("chart_values", flat=True).first()
    return Values(json.loads(kept) if kept else {})


def runs_of(deployment: Deployment, version: AppVersion) -> QuerySet[Operation]:
    """Return the operations that brought this version to the clusters."""
    return _ran(deployment).filter(app_version=version)


def version_run_before(deployment: Deployment, version: str) -> AppVersion:
    """Return a version that this deployment has run, by full number or line; its row may be that of a deleted one.

    Raises Invalid when there is none.
    """
    versions = AppVersion.objects.filter(pk__in=_ran(deployment).values("app_version"))
    found = versions.filter(version=version).first() or versions.filter(line=version).order_by("-minor").first()
    if found is None:
        raise Invalid(
            version=say(
                "The deployment '%(deployment)s' has never run version '%(version)s'.",
                deployment=deployment,
                version=version,
            )
        )
    return found


def _ran(deployment: Deployment) -> QuerySet[Operation]:
    """Return the operations that brought any version to the clusters."""
    return Operation.objects.filter(
        deployment=deployment,
        audit=Audit.APPROVED,
        generation__gt=0,
        kind__in=[Change.NEW, Change.UPGRADE, Change.ROLLBACK],
    )
