"""Namespaces: filled when they come, emptied when they go."""

import uuid

from .. import removal
from ..clock import timestamp
from ..cluster import Cluster
from ..kinds import BY_NAME, KINDS
from ..seed import namespace_defaults
from ..store import Object
from .common import set_condition

NAMESPACE = BY_NAME["Namespace"]
# What every living namespace has, and gets again when somebody deletes it.
KEPT = {("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")}


def sync(cluster: Cluster, _: str, name: str) -> None:
    """Fill a new namespace, empty a terminating one."""
    namespace = cluster.store.get("Namespace", "", name)
    if namespace is None:
        return
    if "deletionTimestamp" in namespace["metadata"]:
        _empty(cluster, namespace)
        return
    for (kind, found_name), obj in namespace_defaults(name, cluster.origin.ca):
        if not cluster.store.find(kind, name, found_name):
            obj["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": timestamp()}
            cluster.store.put(BY_NAME[kind], obj)


def _empty(cluster: Cluster, namespace: Object) -> None:
    name = namespace["metadata"]["name"]
    remaining: dict[str, int] = {}
    finalizers: dict[str, int] = {}
    for kind in (one for one in KINDS if one.namespaced):
        for (_, found_name), stored in cluster.store.entries(kind.name, name):
            if b'"deletionTimestamp"' not in stored.data:
                removal.delete(cluster, kind, name, found_name, removal.DeleteOptions(propagation="Background"))
            left = cluster.store.get(kind.name, name, found_name)
            if left:
                resource = f"{kind.plural}.{kind.group}"
                remaining[resource] = remaining.get(resource, 0) + 1
                for finalizer in left["metadata"].get("finalizers", ()):
                    finalizers[finalizer] = finalizers.get(finalizer, 0) + 1
    if remaining:
        _say_what_remains(cluster, namespace, remaining, finalizers)
        cluster.later(cluster.timing.pod_stop, "Namespace", "", name)
        return
    namespace["spec"]["finalizers"] = [one for one in namespace["spec"].get("finalizers", ()) if one != "kubernetes"]
    if namespace["spec"]["finalizers"] or namespace["metadata"].get("finalizers"):
        present = cluster.store.get("Namespace", "", name)
        if present and present["spec"] != namespace["spec"]:
            cluster.store.put(NAMESPACE, namespace)
        return
    cluster.store.remove(NAMESPACE, "", name)


def _say_what_remains(
    cluster: Cluster, namespace: Object, remaining: dict[str, int], finalizers: dict[str, int]
) -> None:
    conditions = [dict(one) for one in namespace["status"].get("conditions", ())]
    listed = ", ".join(f"{resource} has {count} resource instances" for resource, count in sorted(remaining.items()))
    set_condition(
        conditions,
        "NamespaceContentRemaining",
        "True",
        "SomeResourcesRemain",
        f"Some resources are remaining: {listed}",
    )
    if finalizers:
        listed = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(finalizers.items()))
        text = f"Some content in the namespace has finalizers remaining: {listed}"
        set_condition(conditions, "NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", text)
    if conditions != namespace["status"].get("conditions"):
        namespace["status"]["conditions"] = conditions
        cluster.store.put(NAMESPACE, namespace)
