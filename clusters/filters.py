"""Filters of the lists."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django_filters import CharFilter, FilterSet

from clusters.models import Cluster, Node, NodeLabel
from clusters.names import LENGTH, RESERVED


class ClusterFilter(FilterSet):  # type: ignore[misc]
    """Filters of GET /v1/cluster."""

    clusterLabel = CharFilter(
        method="labelled",
        strip=False,
        max_length=LENGTH,
        help_text="Only clusters that carry this label; 'all' is no filter.",
    )

    class Meta:
        model = Cluster
        fields: list[str] = []

    def labelled(self, clusters: QuerySet[Cluster], name: str, value: str) -> QuerySet[Cluster]:
        """Clusters that carry the label; 'all' is no filter."""
        return clusters if value == RESERVED else clusters.filter(labels__label=value)


class NodeFilter(FilterSet):  # type: ignore[misc]
    """Filters of GET /v1/node."""

    clusterName = CharFilter(
        "cluster__name", strip=False, max_length=LENGTH, help_text="Only nodes of the cluster of exactly this name."
    )
    nodeName = CharFilter(
        "name",
        lookup_expr="icontains",
        strip=False,
        max_length=253,
        help_text="A part of the node's name, without regard to case.",
    )
    nodeLabel = CharFilter(
        method="labelled", strip=False, max_length=LENGTH, help_text="Only nodes that carry exactly this label."
    )

    class Meta:
        model = Node
        fields: list[str] = []

    def labelled(self, nodes: QuerySet[Node], name: str, value: str) -> QuerySet[Node]:
        """Nodes that carry the label."""
        return nodes.filter(Exists(NodeLabel.objects.carried().filter(node=OuterRef("pk"), label=value)))


class NodeLabelFilter(FilterSet):  # type: ignore[misc]
    """Filter of GET /v1/node/label."""

    clusterName = CharFilter(
        "node__cluster__name",
        strip=False,
        max_length=LENGTH,
        help_text="Only labels of nodes of this cluster; all clusters if it is not given.",
    )

    class Meta:
        model = NodeLabel
        fields: list[Any] = []
