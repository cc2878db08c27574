"""Shapes of requests and responses (seed: Cluster Management, Node Management)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from clusters.models import Cluster, ClusterLabel, Node
from clusters.names import LENGTH
from otestack.api.fields import Body, Flag, Listed, QueryNames, Text, UnixTime

_MOST_NAMES = 10_000


class ClusterLabelRequest(Body):
    """Body of POST and DELETE /v1/cluster/label."""

    clusterName = Listed(child=Text(max_length=LENGTH), allow_empty=False, max_length=_MOST_NAMES)
    clusterLabel = Text(max_length=LENGTH)


class NodeLabelRequest(Body):
    """Body of POST /v1/node/label."""

    clusterName = Text(max_length=LENGTH)
    nodeName = Listed(child=Text(max_length=253), allow_empty=False, max_length=_MOST_NAMES)
    nodeLabel = Text(max_length=LENGTH)


class NodeLabelDeleteRequest(NodeLabelRequest):
    """Body of DELETE /v1/node/label."""

    deleteDeploy = Flag(required=False, default=False)


class ClusterRow(serializers.ModelSerializer[Cluster]):
    """A cluster in the list; needs the annotation `fresh`."""

    clusterName = serializers.CharField(source="name")
    nodeCount = serializers.IntegerField(source="node_count")
    isReady = serializers.BooleanField(source="fresh")

    class Meta:
        model = Cluster
        fields = ["clusterName", "nodeCount", "isReady"]


class ClusterLabelRow(serializers.ModelSerializer[ClusterLabel]):
    """A label of one cluster."""

    clusterLabel = serializers.CharField(source="label")
    createTime = UnixTime(source="created_at")

    class Meta:
        model = ClusterLabel
        fields = ["clusterLabel", "createTime"]


class NodeRow(serializers.ModelSerializer[Node]):
    """A node in the list; needs the annotation `alive`. context["field"]: the fields to show, all when empty."""

    nodeName = serializers.CharField(source="name")
    clusterName = serializers.CharField(source="cluster.name")
    operatingSystem = serializers.CharField(source="operating_system")
    kernelVersion = serializers.CharField(source="kernel_version")
    isReady = serializers.BooleanField(source="alive")

    class Meta:
        model = Node
        fields = [
            "nodeName", "clusterName", "operatingSystem", "kernelVersion", "isReady", "ip", "memory", "cpu", "gpu",
            "disk",
        ]  # fmt: skip

    def get_fields(self) -> dict[str, Any]:
        """Leave out what was not asked for."""
        shown = self.context.get("field")
        return {name: field for name, field in super().get_fields().items() if not shown or name in shown}


class NodeQuery(Body):
    """The query of GET /v1/node that is no filter."""

    field = QueryNames(names=NodeRow.Meta.fields)
