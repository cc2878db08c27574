"""Why a bundle is on a cluster, or is not, in one sentence."""

from __future__ import annotations

from clusters.models import Bundle, Cluster, NodeLabel, Selector
from otestack.sentences import say


def why(bundle: Bundle, cluster: Cluster) -> str:
    """Return the reason by what is meant now; nodes are named only where a node label narrows them."""
    if bundle.ended_at is not None:
        return say("Not there: it has ended, and leaves every cluster.")
    if cluster.removing:
        return say("Not there: the cluster is being removed.")
    value = bundle.selector_value
    match bundle.selector:
        case Selector.ALL:
            here = say("There: it is meant for every cluster.")
        case Selector.CLUSTER if cluster.name.lower() == value.lower():
            here = say("There: it is meant for this cluster by name.")
        case Selector.CLUSTER:
            return say("Not there: it is meant for the cluster '%(value)s' only.", value=value)
        case Selector.LABEL if value in {label.label for label in cluster.labels.all()}:
            here = say("There: the cluster carries the label '%(value)s'.", value=value)
        case Selector.LABEL:
            return say("Not there: the cluster does not carry the label '%(value)s'.", value=value)
        case _:
            return say("Not there: it is meant for no cluster.")
    if not bundle.node_label:
        return here
    carried = NodeLabel.objects.carried().filter(label=bundle.node_label, node__cluster=cluster)
    number = carried.count()
    if not number:
        return say(
            "%(here)s But no node of it carries the node label '%(node_label)s', so nothing can run.",
            here=here,
            node_label=bundle.node_label,
        )
    return say(
        "%(here)s Its pods may run on the %(number)s of its nodes that carry the node label '%(node_label)s'.",
        here=here,
        number=number,
        node_label=bundle.node_label,
    )
