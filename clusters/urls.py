"""Routes of Cluster Management and Node Management."""

from django.urls import URLPattern

from clusters.views import ClusterLabelViewSet, ClusterViewSet, NodeLabelViewSet, NodeViewSet
from otestack.api.routes import route

urlpatterns: list[URLPattern] = [
    route("/v1/cluster", ClusterViewSet, {"get": "list"}),
    route("/v1/cluster/label", ClusterLabelViewSet, {"get": "list", "post": "create", "delete": "destroy"}),
    route("/v1/cluster/label/[name]", ClusterLabelViewSet, {"get": "of_cluster"}),
    route("/v1/node", NodeViewSet, {"get": "list"}),
    route("/v1/node/label", NodeLabelViewSet, {"get": "list", "post": "create", "delete": "destroy"}),
]
