"""Cluster Management 1 to 5 and Node Management 1 to 4 of the seed."""

from functools import lru_cache
from typing import Any

from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from clusters import schema, services
from clusters.filters import ClusterFilter, NodeFilter, NodeLabelFilter
from clusters.freshness import flag, is_fresh
from clusters.models import Cluster, ClusterLabel, Node, NodeLabel, observe_interval
from clusters.names import fault
from clusters.serializers import (
    ClusterLabelRequest,
    ClusterLabelRow,
    ClusterRow,
    NodeLabelDeleteRequest,
    NodeLabelRequest,
    NodeMeta,
    NodeQuery,
    NodeRow,
)
from otestack.api.lists import count_of
from otestack.api.renderers import Response
from otestack.api.schema import Names, Page, endpoint
from otestack.api.views import TenantViewSet
from otestack.errors import NotFound
from otestack.statements import Statement, Statements, holes

# All labels of each kind there is.
_LABELS: Statements[Statement] = Statements()


class FleetViewSet(TenantViewSet):
    """Base of lists that know no tenants: who may call them at all sees all rows (accounts/policy.py)."""

    def get_queryset(self) -> QuerySet[Any]:
        """Return all rows of the view."""
        return GenericViewSet.get_queryset(self)


class ClusterViewSet(FleetViewSet):
    """Clusters."""

    queryset = Cluster.objects.all()
    chapter = "Cluster Management"
    default_page_size = 0

    @endpoint(
        "List clusters",
        filters=ClusterFilter,
        answer=Page(ClusterRow),
        sent=schema.CLUSTERS_QUERY,
        answered=schema.CLUSTERS,
    )
    def list(self, request: Request) -> Response:
        """List clusters."""
        interval = observe_interval()
        return self.listed(also=lambda: {"fresh": flag(is_fresh(interval=interval))}, fixed=interval)


class ClusterLabelViewSet(FleetViewSet):
    """Labels of clusters."""

    queryset = ClusterLabel.objects.all()
    chapter = "Cluster Management"
    path_words = {"name": "The cluster's name."}

    @endpoint("List cluster labels", answer=Names("The labels, in order."), answered=schema.CLUSTER_LABELS)
    def list(self, request: Request) -> Response:
        """List the labels that at least one cluster carries."""
        return Response({"data": _distinct(self)})

    @endpoint(
        "List labels of cluster",
        answer=Page(ClusterLabelRow),
        sent=schema.LABELS_QUERY,
        answered=schema.LABELS_OF_CLUSTER,
    )
    def of_cluster(self, request: Request, name: str) -> Response:
        """List the labels of one cluster."""
        found = [] if fault(name) else _cluster_named().run(name)
        if not found:
            raise NotFound
        return self.listed(lambda pk: self.get_queryset().filter(cluster=pk), *found[0])

    @endpoint("Add cluster label", body=ClusterLabelRequest, sent=schema.CLUSTER_LABEL)
    def create(self, request: Request) -> Response:
        """Put a label on clusters; where one carries it already, nothing changes.

        Deployments that are placed by this label go to these clusters too.
        """
        body = self.body()
        services.add_label(body["clusterName"], body["clusterLabel"])
        return Response()

    @endpoint("Delete cluster label", body=ClusterLabelRequest, sent=schema.CLUSTER_LABEL)
    def destroy(self, request: Request) -> Response:
        """Take a label off clusters; where one does not carry it, nothing changes.

        Deployments that are placed by this label leave these clusters.
        """
        body = self.body()
        services.delete_label(body["clusterName"], body["clusterLabel"])
        return Response()


class NodeViewSet(FleetViewSet):
    """Nodes."""

    queryset = Node.objects.all()
    chapter = "Node Management"

    @endpoint(
        "List nodes",
        query=NodeQuery,
        filters=NodeFilter,
        answer=Page(NodeRow, meta=NodeMeta),
        answered=schema.NODES,
    )
    def list(self, request: Request) -> Response:
        """List nodes, and count those that are alive over all pages."""
        only, interval = self.parameters()["field"], observe_interval()

        def alive() -> Q:
            """Ready when last seen, on a cluster that is fresh now."""
            return is_fresh("cluster__", interval) & Q(ready=True)

        found = self.page(also=lambda: {"alive": flag(alive())}, only=only, fixed=interval)
        ready = count_of(self, lambda: self.get_queryset().filter(alive()), interval)
        return Response(found.answer() | {"meta": {"readyNodeCount": ready}})


class NodeLabelViewSet(FleetViewSet):
    """Labels of nodes."""

    queryset = NodeLabel.objects.all()
    chapter = "Node Management"

    def get_queryset(self) -> QuerySet[NodeLabel]:
        """Return the labels that count."""
        return NodeLabel.objects.carried()

    @endpoint(
        "List node labels",
        filters=NodeLabelFilter,
        answer=Names("The labels, in order."),
        sent=schema.NODE_LABELS_QUERY,
        answered=schema.NODE_LABELS,
    )
    def list(self, request: Request) -> Response:
        """List the labels that at least one node carries."""
        if not self.request.query_params.get("clusterName"):
            return Response({"data": _distinct(self)})
        narrowed = self.filter_queryset(self.get_queryset()).order_by()
        return Response({"data": sorted(narrowed.values_list("label", flat=True).distinct())})

    @endpoint("Add node label", body=NodeLabelRequest, sent=schema.NODE_LABEL)
    def create(self, request: Request) -> Response:
        """Put a label on nodes of one cluster; where one carries it already, nothing changes."""
        body = self.body()
        services.add_node_label(body["clusterName"], body["nodeName"], body["nodeLabel"])
        return Response()

    @endpoint(
        "Delete node label",
        body=NodeLabelDeleteRequest,
        refuses={409: "Live deployments select the label on these nodes, and deleteDeploy is not set."},
        sent=schema.NODE_LABEL_DELETION,
    )
    def destroy(self, request: Request) -> Response:
        """Take a label off nodes of one cluster; where one does not carry it, nothing changes."""
        body = self.body()
        services.delete_node_label(
            body["clusterName"], body["nodeName"], body["nodeLabel"], delete_deploy=body["deleteDeploy"]
        )
        return Response()


@lru_cache(maxsize=1)
def _cluster_named() -> Statement:
    (name,) = holes("")
    return Statement(Cluster.objects.filter(name=name).values_list("pk"), [name])


def _distinct(view: TenantViewSet) -> list[str]:
    """Return the labels of all of a view's rows, each once."""
    statement = _LABELS.get(type(view), lambda: Statement(view.get_queryset().values_list("label")))
    return sorted(statement.distinct("label"))
