"""Event objects, as `kubectl describe` shows them."""

import hashlib

from ..clock import micro_timestamp, timestamp
from ..cluster import Cluster
from ..kinds import BY_NAME, Kind
from ..store import Object

EVENT = BY_NAME["Event"]
# Older events go when a cluster holds more; Kubernetes forgets them after an hour.
KEPT_EVENTS = 500


def record(cluster: Cluster, kind: Kind, about: Object, level: str, reason: str, message: str, component: str) -> None:
    """Record that something happened to an object; the same again only counts up."""
    if not cluster.environment.events:
        return
    meta = about["metadata"]
    namespace = meta.get("namespace", "default")
    now = timestamp()
    name = f"{meta['name']}.{_digest(meta['uid'], reason, message)}"
    found = cluster.store.get("Event", namespace, name)
    if found:
        found |= {"count": found.get("count", 1) + 1, "lastTimestamp": now}
        cluster.store.put(EVENT, found)
        return
    involved = {
        "kind": kind.name,
        "namespace": meta.get("namespace", ""),
        "name": meta["name"],
        "uid": meta["uid"],
        "apiVersion": kind.api_version,
        "resourceVersion": meta.get("resourceVersion", ""),
    }
    event: Object = {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": cluster.origin.uid_of("Event", name, micro_timestamp()),
            "creationTimestamp": now,
        },
        "involvedObject": {key: value for key, value in involved.items() if value},
        "reason": reason,
        "message": message,
        "source": {"component": component},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "type": level,
        "eventTime": None,
        "reportingComponent": component,
        "reportingInstance": "",
    }
    cluster.store.put(EVENT, event)
    _forget(cluster)


def _digest(*parts: str) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:16]


def _forget(cluster: Cluster) -> None:
    entries = cluster.store.entries("Event")
    if len(entries) > KEPT_EVENTS:
        namespace, name = min(entries, key=lambda pair: pair[1].version)[0]
        cluster.store.remove(EVENT, namespace, name)
