"""Filters of the lists."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django_filters import CharFilter, FilterSet

from clusters.models import Cluster, Node, NodeLabel
from clusters.names import RESERVED


class ClusterFilter(FilterSet):  # type: ignore[misc]
    """Filters of GET /v1/cluster."""

    clusterLabel = CharFilter(method="labelled", strip=False)

    class Meta:
        model = Cluster
        fields: list[str] = []

    def labelled(self, clusters: QuerySet[Cluster], name: str, value: str) -> QuerySet[Cluster]:
        """Clusters that carry the label; 'all' is no filter."""
        return clusters if value == RESERVED else clusters.filter(labels__label=value)


class NodeFilter(FilterSet):  # type: ignore[misc]
    """Filters of GET /v1/node."""

    clusterName = CharFilter("cluster__name", strip=False)
    nodeName = CharFilter("name", lookup_expr="icontains", strip=False)
    nodeLabel = CharFilter(method="labelled", strip=False)

    class Meta:
        model = Node
        fields: list[str] = []

    def labelled(self, nodes: QuerySet[Node], name: str, value: str) -> QuerySet[Node]:
        """Nodes that carry the label."""
        return nodes.filter(Exists(NodeLabel.objects.carried().filter(node=OuterRef("pk"), label=value)))


class NodeLabelFilter(FilterSet):  # type: ignore[misc]
    """Filter of GET /v1/node/label."""

    clusterName = CharFilter("node__cluster__name", strip=False)

    class Meta:
        model = NodeLabel
        fields: list[Any] = []
