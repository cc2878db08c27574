"""Examples of Cluster Management and Node Management, the seed's."""

from typing import Any

CLUSTERS_QUERY = {"clusterLabel": "all", "page": 1, "pageSize": 10}
CLUSTERS = {
    "data": [
        {"clusterName": "GuangZhou", "nodeCount": 1, "isReady": False},
        {"clusterName": "BeiJing", "nodeCount": 2, "isReady": True},
    ],
    "total": 2,
}
CLUSTER_LABEL = {"clusterLabel": "label1", "clusterName": ["GuangZhou", "BeiJing"]}
CLUSTER_LABELS = {"data": ["label1", "label2"]}
LABELS_QUERY = {"page": 1, "pageSize": 10}
LABELS_OF_CLUSTER = {
    "data": [
        {"clusterLabel": "GuangZhou", "createTime": 1234567890},
        {"clusterLabel": "BeiJing", "createTime": 1234567891},
    ],
    "total": 2,
}
NODE_LABEL: dict[str, Any] = {"nodeLabel": "label1", "clusterName": "c1", "nodeName": ["GuangZhou", "BeiJing"]}
NODE_LABEL_DELETION = NODE_LABEL | {"deleteDeploy": True}
NODE_LABELS_QUERY = {"clusterName": "c1"}
NODE_LABELS = {"data": ["label1"]}


def _node(name: str, cluster: str) -> dict[str, Any]:
    return {
        "nodeName": name,
        "operatingSystem": "Linux",
        "clusterName": cluster,
        "kernelVersion": "2.6",
        "isReady": True,
        "ip": "1.2.3.4",
    }


NODES = {"data": [_node("GZ1", "GuangZhou"), _node("BJ1", "BeiJing")], "meta": {"readyNodeCount": 2}, "total": 2}
