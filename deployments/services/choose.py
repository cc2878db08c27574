"""What a request's words mean at the moment of its submission."""

from __future__ import annotations

import re

from apps.models import AppVersion, Status
from clusters.engine.placing import matching_clusters
from clusters.models import Cluster, ClusterLabel, NodeLabel, Selector
from deployments.models import Audit, Change, Deployment, Operation
from otestack.errors import Invalid

EVERY = frozenset({"", "all"})
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_NAME_LENGTH = 53


def require_name(name: str) -> None:
    """Raise Invalid unless the name can be that of Kubernetes objects with room for a suffix."""
    if len(name) > _NAME_LENGTH or not _DNS_LABEL.fullmatch(name):
        raise Invalid(
            deployName=f"It must be 1 to {_NAME_LENGTH} lower-case letters, digits or '-', "
            "starting and ending with a letter or digit."
        )


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
        raise Invalid(cluster="There is no cluster yet." if cluster in EVERY else f"No cluster matches '{cluster}'.")
    return selector, value


def require_nodes(node_label: str, selector: str, value: str) -> None:
    """Raise Invalid when no node of any chosen cluster carries the label."""
    if node_label in EVERY:
        return
    carried = NodeLabel.objects.carried().filter(label=node_label)
    if not carried.filter(node__cluster__in=matching_clusters(selector, value).values("pk")).exists():
        raise Invalid(nodeLabel=f"No node of the chosen clusters carries the label '{node_label}'.")


def app_version(business_id: int, app_name: str, version: str) -> AppVersion:
    """Return a version that may be deployed: the one of that full number, or the newest minor of that line.

    Raises Invalid for an unknown or deleted application or version.
    """
    living = AppVersion.objects.filter(business_id=business_id, app_name=app_name).listed()
    found = living.filter(version=version).first() or living.filter(line=version).order_by("-minor").first()
    if found is None:
        if not living.exists():
            raise Invalid(appName=f"There is no application '{app_name}'.")
        raise Invalid(version=f"The application '{app_name}' has no version '{version}'.")
    if found.status != Status.READY:
        raise Invalid(version=f"Version {found.version} is {found.get_status_display()}.")
    return found


def version_run_before(deployment: Deployment, version: str) -> AppVersion:
    """Return a version that this deployment has run, by full number or line; its row may be that of a deleted one.

    Raises Invalid when there is none.
    """
    ran = Operation.objects.filter(
        deployment=deployment,
        audit=Audit.APPROVED,
        generation__gt=0,
        kind__in=[Change.NEW, Change.UPGRADE, Change.ROLLBACK],
    )
    versions = AppVersion.objects.filter(pk__in=ran.values("app_version"))
    found = versions.filter(version=version).first() or versions.filter(line=version).order_by("-minor").first()
    if found is None:
        raise Invalid(version=f"The deployment '{deployment}' has never run version '{version}'.")
    return found
