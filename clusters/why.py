"""Why a bundle is on a cluster, or is not, in one sentence."""

from __future__ import annotations

from clusters.models import Bundle, Cluster, NodeLabel, Selector


def why(bundle: Bundle, cluster: Cluster) -> str:
    """Return the reason by what is meant now; nodes are named only where a node label narrows them."""
    if bundle.ended_at is not None:
        return "Not there: it has ended, and leaves every cluster."
    if cluster.removing:
        return "Not there: the cluster is being removed."
    value = bundle.selector_value
    match bundle.selector:
        case Selector.ALL:
            here = "There: it is meant for every cluster."
        case Selector.CLUSTER if cluster.name.lower() == value.lower():
            here = "There: it is meant for this cluster by name."
        case Selector.CLUSTER:
            return f"Not there: it is meant for the cluster '{value}' only."
        case Selector.LABEL if value in {label.label for label in cluster.labels.all()}:
            here = f"There: the cluster carries the label '{value}'."
        case Selector.LABEL:
            return f"Not there: the cluster does not carry the label '{value}'."
        case _:
            return "Not there: it is meant for no cluster."
    if not bundle.node_label:
        return here
    carried = NodeLabel.objects.carried().filter(label=bundle.node_label, node__cluster=cluster)
    number = carried.count()
    if not number:
        return f"{here} But no node of it carries the node label '{bundle.node_label}', so nothing can run."
    return f"{here} Its pods may run on the {number} of its nodes that carry the node label '{bundle.node_label}'."
