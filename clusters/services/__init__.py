"""Every change of clusters, their labels and their nodes' labels."""

from clusters.services.labels import add_label, delete_label
from clusters.services.membership import check, join, remove, sync, sync_all, update_credentials
from clusters.services.node_labels import add_node_label, delete_node_label
from clusters.services.retry import retry

__all__ = [
    "add_label",
    "add_node_label",
    "check",
    "delete_label",
    "delete_node_label",
    "join",
    "remove",
    "retry",
    "sync",
    "sync_all",
    "update_credentials",
]
