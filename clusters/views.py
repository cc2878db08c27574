"""Cluster Management 1 to 5 and Node Management 1 to 4 of the seed."""

from typing import Any

from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from clusters import services
from clusters.filters import ClusterFilter, NodeFilter, NodeLabelFilter
from clusters.freshness import flag, is_fresh
from clusters.models import Cluster, ClusterLabel, Node, NodeLabel
from clusters.names import fault
from clusters.serializers import (
    ClusterLabelRequest,
    ClusterLabelRow,
    ClusterRow,
    NodeLabelDeleteRequest,
    NodeLabelRequest,
    NodeQuery,
    NodeRow,
)
from otestack.api.views import TenantViewSet
from otestack.errors import NotFound


class FleetViewSet(TenantViewSet):
    """Base of lists that know no tenants: who may call them at all sees all rows (accounts/policy.py)."""

    def get_queryset(self) -> QuerySet[Any]:
        """Return all rows of the view."""
        return GenericViewSet.get_queryset(self)


class ClusterViewSet(FleetViewSet):
    """Clusters."""

    queryset = Cluster.objects.all()
    filterset_class = ClusterFilter
    default_page_size = 0

    def get_queryset(self) -> QuerySet[Cluster]:
        """Return clusters, and whether each is fresh now."""
        clusters: QuerySet[Cluster] = super().get_queryset()
        return clusters.annotate(fresh=flag(is_fresh()))

    def list(self, request: Request) -> Response:
        """List clusters."""
        return self.listed(ClusterRow)


class ClusterLabelViewSet(FleetViewSet):
    """Labels of clusters."""

    queryset = ClusterLabel.objects.all()

    def list(self, request: Request) -> Response:
        """List the labels that at least one cluster carries."""
        return Response({"data": _distinct(self.get_queryset())})

    def of_cluster(self, request: Request, name: str) -> Response:
        """List the labels of one cluster."""
        if fault(name) or not Cluster.objects.filter(name=name).exists():
            raise NotFound
        return self.listed(ClusterLabelRow, self.get_queryset().filter(cluster__name=name))

    def create(self, request: Request) -> Response:
        """Put a label on clusters."""
        body = self.body(ClusterLabelRequest)
        services.add_label(body["clusterName"], body["clusterLabel"])
        return Response()

    def destroy(self, request: Request) -> Response:
        """Take a label off clusters."""
        body = self.body(ClusterLabelRequest)
        services.delete_label(body["clusterName"], body["clusterLabel"])
        return Response()


class NodeViewSet(FleetViewSet):
    """Nodes."""

    queryset = Node.objects.select_related("cluster")
    filterset_class = NodeFilter

    def get_queryset(self) -> QuerySet[Node]:
        """Return nodes, and whether each is alive: ready when last seen, on a cluster that is fresh now."""
        nodes: QuerySet[Node] = super().get_queryset()
        return nodes.annotate(alive=flag(is_fresh("cluster__") & Q(ready=True)))

    def list(self, request: Request) -> Response:
        """List nodes, and count those that are alive over all pages."""
        shown = self.parameters(NodeQuery)["field"]
        nodes = self.filter_queryset(self.get_queryset())
        rows = self.paginate_queryset(nodes)
        answer = self.get_paginated_response(NodeRow(rows, many=True, context={"field": shown}).data)
        answer.data["meta"] = {"readyNodeCount": nodes.filter(alive=True).count()}
        return answer


class NodeLabelViewSet(FleetViewSet):
    """Labels of nodes."""

    queryset = NodeLabel.objects.all()
    filterset_class = NodeLabelFilter

    def get_queryset(self) -> QuerySet[NodeLabel]:
        """Return the labels that count."""
        return NodeLabel.objects.carried()

    def list(self, request: Request) -> Response:
        """List the labels that at least one node carries."""
        return Response({"data": _distinct(self.filter_queryset(self.get_queryset()))})

    def create(self, request: Request) -> Response:
        """Put a label on nodes."""
        body = self.body(NodeLabelRequest)
        services.add_node_label(body["clusterName"], body["nodeName"], body["nodeLabel"])
        return Response()

    def destroy(self, request: Request) -> Response:
        """Take a label off nodes."""
        body = self.body(NodeLabelDeleteRequest)
        services.delete_node_label(
            body["clusterName"], body["nodeName"], body["nodeLabel"], delete_deploy=body["deleteDeploy"]
        )
        return Response()


def _distinct(rows: QuerySet[Any]) -> list[str]:
    return sorted(rows.order_by().values_list("label", flat=True).distinct())
