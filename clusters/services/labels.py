"""Labels of clusters. Placements select by them, so a change moves workloads."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from clusters.engine.nudge import nudge
from clusters.engine.placing import lock_placements, place_clusters
from clusters.models import Cluster, ClusterLabel
from clusters.names import fault, listed
from otestack import trail
from otestack.errors import Invalid
from otestack.sentences import say
from otestack.transactions import retry_deadlock


def check_label(label: str, field: str) -> None:
    """Raise Invalid on `field` where `label` breaks the rule."""
    if sentence := fault(label):
        raise Invalid({field: [sentence]})


@retry_deadlock
@transaction.atomic
def add_label(cluster_names: Iterable[str], label: str) -> None:
    """Put a label on clusters; one that they carry already changes nothing.

    Raises Invalid for a bad label, one that is a cluster's name, and unknown clusters; then nothing has changed.
    Source: seed, POST /v1/cluster/label.
    """
    check_label(label, "clusterLabel")
    lock_placements()
    clusters = _clusters(cluster_names)
    same = Cluster.objects.filter(name__iexact=label).first()
    if same is not None:
        raise Invalid(
            clusterLabel=say("A cluster has the name '%(name)s'; a label cannot be the same.", name=same.name)
        )
    carrying = set(ClusterLabel.objects.filter(cluster__in=clusters, label=label).values_list("cluster_id", flat=True))
    missing = [pk for pk in clusters if pk not in carrying]
    ClusterLabel.objects.bulk_create(ClusterLabel(cluster_id=pk, label=label) for pk in missing)
    trail.write([trail.of("cluster", pk, clusters[pk], "add label", after={"label": label}) for pk in missing])
    _moved(missing)


@retry_deadlock
@transaction.atomic
def delete_label(cluster_names: Iterable[str], label: str) -> None:
    """Take a label off clusters; one that they do not carry changes nothing.

    Raises Invalid for a bad label and unknown clusters. Source: seed, DELETE /v1/cluster/label.
    """
    check_label(label, "clusterLabel")
    lock_placements()
    clusters = _clusters(cluster_names)
    rows = ClusterLabel.objects.filter(cluster__in=clusters, label=label)
    carrying = list(rows.values_list("cluster_id", flat=True))
    rows.delete()
    was = {"label": label}
    trail.write([trail.of("cluster", pk, clusters[pk], "delete label", before=was) for pk in carrying])
    _moved(carrying)


def _clusters(names: Iterable[str]) -> dict[int, str]:
    """Return clusters by name: id to name. Raises Invalid that names unknown ones."""
    wanted = set(names)
    found = dict(Cluster.objects.filter(name__in=wanted).order_by("pk").values_list("name", "pk"))
    if unknown := wanted - found.keys():
        what = say("There is no cluster") if len(unknown) == 1 else say("There are no clusters")
        raise Invalid(clusterName=say("%(what)s %(names)s.", what=what, names=listed(unknown)))
    return {pk: name for name, pk in found.items()}


def _moved(cluster_ids: list[int]) -> None:
    if cluster_ids:
        place_clusters(cluster_ids)
        nudge()
