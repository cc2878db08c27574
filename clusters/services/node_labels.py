"""Labels of nodes: wishes until the node shows them (models.NodeLabel). The engine writes them to the edge."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import F, Q

from clusters.engine.marks import mark_due
from clusters.engine.nudge import nudge
from clusters.engine.placing import lock_placements
from clusters.models import Bundle, Cluster, Node, NodeLabel
from clusters.names import listed
from clusters.services.labels import check_label
from otestack import trail
from otestack.errors import Conflict, Invalid
from otestack.sentences import say
from otestack.transactions import retry_deadlock


@retry_deadlock
@transaction.atomic
def add_node_label(cluster_name: str, node_names: Iterable[str], label: str) -> None:
    """Put a label on nodes of one cluster; where a node carries it already, nothing changes.

    Raises Invalid for a bad label, an unknown cluster and unknown nodes; then nothing has changed.
    Source: seed, POST /v1/node/label.
    """
    check_label(label, "nodeLabel")
    lock_placements()
    cluster, nodes = _nodes(cluster_name, node_names)
    rows = NodeLabel.objects.filter(node__in=nodes, label=label)
    # The engine settles and deletes rows meanwhile: first those that are there, then those that are not any more.
    not_carried = Q(wanted=False) | Q(wanted__isnull=True, observed=False)
    changed = rows.filter(not_carried).update(wanted=True, wanted_seq=F("wanted_seq") + 1, evict=False)
    there = set(rows.values_list("node_id", flat=True))
    missing = [NodeLabel(node_id=pk, label=label, wanted=True, wanted_seq=1) for pk in nodes if pk not in there]
    NodeLabel.objects.bulk_create(missing, ignore_conflicts=True)
    if changed or missing:
        trail.noted("add label to nodes", cluster, label=label, nodes=sorted(set(node_names)))
        mark_due([cluster.pk])
        nudge()


@retry_deadlock
@transaction.atomic
def delete_node_label(cluster_name: str, node_names: Iterable[str], label: str, *, delete_deploy: bool = False) -> None:
    """Take a label off nodes of one cluster; where a node does not carry it, nothing changes.

    delete_deploy: the pods of deployments that select the label leave these nodes too. Raises Invalid as
    add_node_label() does, and Conflict that names such deployments when there are some and delete_deploy is not set.
    Source: seed, DELETE /v1/node/label.
    """
    check_label(label, "nodeLabel")
    lock_placements()
    cluster, nodes = _nodes(cluster_name, node_names)
    carried = NodeLabel.objects.filter(node__in=nodes, label=label).carried()
    if not carried.exists():
        return
    if not delete_deploy:
        _check_unused(cluster, label)
    carried.update(wanted=False, wanted_seq=F("wanted_seq") + 1, evict=delete_deploy)
    names = sorted(set(node_names))
    trail.noted("delete label of nodes", cluster, label=label, nodes=names, deleteDeploy=delete_deploy)
    mark_due([cluster.pk])
    nudge()


def _nodes(cluster_name: str, node_names: Iterable[str]) -> tuple[Cluster, list[int]]:
    # Locked before its labels, as a recording worker does: the other way round the two could wait for each other.
    cluster = Cluster.objects.select_for_update(no_key=True).filter(name=cluster_name).first()
    if cluster is None:
        raise Invalid(clusterName=say("There is no cluster %(cluster_name)s.", cluster_name=listed([cluster_name])))
    wanted = set(node_names)
    found = dict(Node.objects.filter(cluster=cluster, name__in=wanted).order_by("pk").values_list("name", "pk"))
    if unknown := wanted - found.keys():
        what = say("There is no node") if len(unknown) == 1 else say("There are no nodes")
        raise Invalid(
            nodeName=say(
                "%(what)s %(names)s in the cluster '%(cluster_name)s'.",
                what=what,
                names=listed(unknown),
                cluster_name=cluster_name,
            )
        )
    return cluster, list(found.values())


def _check_unused(cluster: Cluster, label: str) -> None:
    live = Bundle.objects.filter(
        ended_at__isnull=True, node_label=label, placements__cluster=cluster, placements__present=True
    )
    titles = live.order_by("pk").values_list("title", flat=True)[:1000]
    if titles:
        raise Conflict(
            say(
                "The label '%(label)s' is in use by %(titles)s; with deleteDeploy their pods leave these nodes too.",
                label=label,
                titles=listed(titles),
            )
        )
