"""Shapes of requests and responses (seed: Cluster Management, Node Management)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from clusters.models import Cluster, ClusterLabel, Node
from clusters.names import LENGTH, RULE, fault
from otestack.api.fields import Body, Flag, Listed, Projected, QueryNames, Rule, Text, UnixTime

_MOST_NAMES = 10_000
_NODE_NAME = 253


class Label(Text):
    """A label of clusters or nodes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validators=[Rule(fault, maxLength=LENGTH, pattern=RULE.pattern)], **options)


class ClusterLabelRequest(Body):
    """Body of POST and DELETE /v1/cluster/label."""

    clusterName = Listed(
        child=Text(max_length=LENGTH), allow_empty=False, max_length=_MOST_NAMES, help_text="Names of clusters."
    )
    clusterLabel = Label(help_text="The label: letters, digits and '-', no cluster's name, and not 'all'.")


class NodeLabelRequest(Body):
    """Body of POST /v1/node/label."""

    clusterName = Text(max_length=LENGTH, help_text="The cluster that the nodes belong to.")
    nodeName = Listed(
        child=Text(max_length=_NODE_NAME), allow_empty=False, max_length=_MOST_NAMES, help_text="Names of nodes."
    )
    nodeLabel = Label(help_text="The label: letters, digits and '-', and not 'all'.")


class NodeLabelDeleteRequest(NodeLabelRequest):
    """Body of DELETE /v1/node/label."""

    deleteDeploy = Flag(
        required=False, default=False, help_text="Whether pods that were placed by this label may leave these nodes."
    )


class ClusterRow(serializers.ModelSerializer[Cluster]):
    """A cluster."""

    clusterName = serializers.CharField(source="name", help_text="The cluster's name.")
    nodeCount = serializers.IntegerField(source="node_count", help_text="How many nodes it has.")
    isReady = serializers.BooleanField(
        source="fresh", help_text="Whether it answers and was observed a moment ago."
    )  # an annotation

    class Meta:
        model = Cluster
        fields = ["clusterName", "nodeCount", "isReady"]


class ClusterLabelRow(serializers.ModelSerializer[ClusterLabel]):
    """A label of one cluster."""

    clusterLabel = serializers.CharField(source="label", help_text="The label.")
    createTime = UnixTime(source="created_at", help_text="When the cluster got it.")

    class Meta:
        model = ClusterLabel
        fields = ["clusterLabel", "createTime"]


class NodeRow(Projected, serializers.ModelSerializer[Node]):
    """A node."""

    nodeName = serializers.CharField(source="name", help_text="The node's name.")
    clusterName = serializers.CharField(source="cluster.name", help_text="The cluster that it belongs to.")
    operatingSystem = serializers.CharField(source="operating_system", help_text="Its operating system.")
    kernelVersion = serializers.CharField(source="kernel_version", help_text="The version of its kernel.")
    isReady = serializers.BooleanField(
        source="alive", help_text="Whether it is alive: ready when observed, a moment ago."
    )  # an annotation
    # Written out: what the model's own would say of their limits is not the same on every database.
    memory = serializers.IntegerField(help_text="Its memory in bytes.")
    cpu = serializers.IntegerField(help_text="Its whole CPU cores.")
    gpu = serializers.IntegerField(help_text="Its GPU memory in bytes.")
    disk = serializers.IntegerField(help_text="Its disk in bytes.")

    class Meta:
        model = Node
        fields = [
            "nodeName", "clusterName", "operatingSystem", "kernelVersion", "isReady", "ip", "memory", "cpu", "gpu",
            "disk",
        ]  # fmt: skip
        extra_kwargs = {
            "ip": {"help_text": "Its address."},
        }


class NodeMeta(serializers.Serializer[Any]):
    """What is counted over all pages of the list of nodes."""

    readyNodeCount = serializers.IntegerField(help_text="How many nodes of the whole list are alive.")


class NodeQuery(Body):
    """The query of GET /v1/node that is no filter."""

    field = QueryNames(
        names=NodeRow.Meta.fields, help_text="The fields to show, separated by commas; empty: all of them."
    )
