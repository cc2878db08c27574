"""What the screens of deployments and of their changes both show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext

from clusters.admin import objects_in_full, placements_by_state
from clusters.engine.placing import matching_clusters
from clusters.models import Cluster, Placement
from clusters.reports import placement_state
from clusters.why import why
from deployments.freshness import late_clusters
from deployments.models import Deployment, Operation, Status
from deployments.status import as_read
from otestack.backoffice.words import MOST_NAMED, badge, link, named, table
from otestack.sentences import say, told


def judge(operations: Iterable[Any], deployments: dict[int, Deployment]) -> None:
    """Hang on each operation the status that may be shown now; one query for all."""
    rows = list(operations)
    current = {
        row.pk: deployments[row.deployment_id].bundle_id
        for row in rows
        if row.status == Status.SUCCESS and deployments[row.deployment_id].current_id == row.pk
    }
    bundles = [bundle for bundle in current.values() if bundle is not None]
    late = late_clusters(bundles) if bundles else {}
    for row in rows:
        row.as_read = as_read(row.status, late.get(current.get(row.pk) or 0, (0, ""))[0])


def meant(row: Operation) -> str:
    """Return the clusters that the deployment means now, by name."""
    clusters = matching_clusters(row.deployment.selector, row.deployment.selector_value).order_by("name")
    return named(list(clusters.values_list("name", flat=True)[:MOST_NAMED]), clusters.count())


def placements(row: Deployment) -> str:
    """Return where it is, by state."""
    if row.bundle_id is None:
        return gettext("none")
    return placements_by_state(Placement.objects.filter(bundle_id=row.bundle_id), f"bundle__id__exact={row.bundle_id}")


def on_clusters(row: Deployment) -> str:
    """Return its state on each of some clusters, what is wrong first."""
    rows = Placement.objects.filter(bundle_id=row.bundle_id or 0).annotate(state=placement_state())
    shown = rows.select_related("cluster").defer("cluster__credentials", "marks").order_by("-failed", "cluster__name")
    lines = (
        (
            link(item, item.cluster.name),
            badge(item.state),
            told(
                say(
                    "%(applied_generation)s of %(generation)s",
                    applied_generation=item.applied_generation,
                    generation=item.generation,
                )
            ),
            f"{item.running} / {item.error} / {item.total}",
            told(item.last_error) or "-",
            f"{item.next_attempt_at:%H:%M:%S}" if item.next_attempt_at else "-",
        )
        for item in shown[:MOST_NAMED]
    )
    head = (
        gettext("Cluster"),
        gettext("State"),
        gettext("Generation"),
        gettext("Pods (running / error / total)"),
        gettext("Error"),
        gettext("Next attempt (UTC)"),
    )
    return table(head, lines) if row.bundle_id else gettext("none")


def not_on(row: Deployment) -> str:
    """Return some clusters that it is not meant for, and why."""
    if row.bundle is None:
        return gettext("no cluster was given anything of it yet")
    meant_for = matching_clusters(row.bundle.selector, row.bundle.selector_value)
    others = (
        Cluster.objects.exclude(pk__in=meant_for.values("pk"))
        .defer("credentials")
        .order_by("name")
        .prefetch_related("labels")
    )
    lines = [(link(item), why(row.bundle, item)) for item in others[:MOST_NAMED]]
    return table((gettext("Cluster"), gettext("Why")), lines) if lines else gettext("it is meant for all of them")


def where(row: Deployment) -> str:
    """Return how many clusters hold it, and some of them by name."""
    placed = Placement.objects.filter(bundle_id=row.bundle_id or 0).order_by("cluster__name")
    names = list(placed.values_list("cluster__name", flat=True)[:MOST_NAMED])
    return told(say("Clusters that hold it: %(names)s.", names=named(names, placed.count())))


def objects(row: Operation, *, unfolded: bool = True) -> str:
    """Return its objects in full."""
    return objects_in_full(titled(row.manifests), unfolded=unfolded)


def kinds(row: Operation) -> str:
    """Return the objects by kind and name."""
    return named([f"{item['kind']} {item['metadata']['name']}" for item in row.manifests])


def titled(objects: Iterable[dict[str, Any]]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Name each object."""
    for item in objects:
        meta = item.get("metadata", {})
        yield f"{item.get('kind')} {meta.get('namespace', '')}/{meta.get('name')}", item
