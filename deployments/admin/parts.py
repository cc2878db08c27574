"""What the screens of deployments and of their changes both show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from clusters.admin import objects_in_full, placements_by_state
from clusters.engine.placing import matching_clusters
from clusters.models import Placement
from deployments.freshness import late_clusters
from deployments.models import Deployment, Operation, Status
from deployments.status import as_read
from otestack.backoffice.words import MOST_NAMED, named


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
        return "none"
    return placements_by_state(Placement.objects.filter(bundle_id=row.bundle_id), f"bundle__id__exact={row.bundle_id}")


def where(row: Deployment) -> str:
    """Return how many clusters hold it, and some of them by name."""
    placed = Placement.objects.filter(bundle_id=row.bundle_id or 0).order_by("cluster__name")
    names = list(placed.values_list("cluster__name", flat=True)[:MOST_NAMED])
    return f"Clusters that hold it: {named(names, placed.count())}."


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
