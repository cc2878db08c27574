"""What the API server hands out: cluster IPs, node ports, the selectors of Jobs."""

from typing import Any

from .cluster import Cluster
from .store import Object

DEFAULT_CLASS = "standard"
# Holds a claim until no pod uses it.
IN_USE = "kubernetes.io/pvc-protection"
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
_FIRST_NODE_PORT, _LAST_NODE_PORT = 30000, 32767


def on_create(cluster: Cluster, kind: str, obj: Object) -> None:
    """Fill in what only the server knows, in place."""
    match kind:
        case "Service":
            _service(cluster, obj)
        case "Job":
            _job(obj)
        case "Pod":
            _pod(obj)
        case "PersistentVolumeClaim":
            obj["spec"].setdefault("storageClassName", DEFAULT_CLASS)
            obj["metadata"].setdefault("finalizers", []).append(IN_USE)


def on_update(cluster: Cluster, kind: str, old: Object, obj: Object) -> None:
    """Keep what was handed out before where the client leaves it out."""
    if kind == "Service":
        _keep_service(old["spec"], obj["spec"])
        _service(cluster, obj)
    elif kind == "Job":
        obj["spec"].setdefault("selector", old["spec"].get("selector"))
    elif kind == "PersistentVolumeClaim":
        for field in ("storageClassName", "volumeName"):
            if field in old["spec"]:
                obj["spec"].setdefault(field, old["spec"][field])
    elif kind == "DaemonSet":
        number = int(old["metadata"].get("annotations", {}).get(_TEMPLATE_GENERATION, 1))
        changed = old["spec"].get("template") != obj["spec"].get("template")
        obj["metadata"].setdefault("annotations", {})[_TEMPLATE_GENERATION] = str(number + changed)


def _service(cluster: Cluster, obj: Object) -> None:
    spec = obj["spec"]
    if spec["type"] == "ExternalName":
        return
    if spec.get("clusterIP") == "None" and not spec.get("selector"):  # whatever somebody puts into its endpoints
        spec.setdefault("ipFamilies", ["IPv4", "IPv6"])
        spec.setdefault("ipFamilyPolicy", "RequireDualStack")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    address = spec.get("clusterIP") or _free_address(cluster)
    spec["clusterIP"], spec["clusterIPs"] = address, spec.get("clusterIPs") or [address]
    if spec["type"] in ("NodePort", "LoadBalancer"):
        for port in spec.get("ports", ()):
            if not port.get("nodePort"):
                port["nodePort"] = _free_node_port(cluster)


def _keep_service(old: dict[str, Any], new: dict[str, Any]) -> None:
    for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if field in old and not new.get(field):
            new[field] = old[field]
    known = {(port["port"], port.get("protocol")): port.get("nodePort") for port in old.get("ports", ())}
    for port in new.get("ports", ()):
        kept = known.get((port.get("port"), port.get("protocol")))
        if kept and new.get("type") in ("NodePort", "LoadBalancer"):
            port.setdefault("nodePort", kept)
        elif new.get("type") == "ClusterIP":
            port.pop("nodePort", None)


def _free_address(cluster: Cluster) -> str:
    taken = {service["spec"].get("clusterIP") for service in cluster.store.objects("Service")}
    number = len(taken) + 9
    while (address := f"10.96.{number // 250 % 256}.{number % 250 + 1}") in taken:
        number += 1
    return address


def _free_node_port(cluster: Cluster) -> int:
    taken = {
        port.get("nodePort")
        for service in cluster.store.objects("Service")
        for port in service["spec"].get("ports", ())
    }
    for _ in range(_LAST_NODE_PORT - _FIRST_NODE_PORT):
        cluster.node_ports = cluster.node_ports + 1 if cluster.node_ports < _LAST_NODE_PORT else _FIRST_NODE_PORT
        if cluster.node_ports not in taken:
            break
    return cluster.node_ports


def _job(obj: Object) -> None:
    spec, meta = obj["spec"], obj["metadata"]
    if spec.get("manualSelector"):
        return
    uid, name = meta["uid"], meta.get("name", "")
    labels = spec.setdefault("template", {}).setdefault("metadata", {}).setdefault("labels", {})
    labels |= {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    if not meta.get("labels"):
        meta["labels"] = dict(labels)


def _pod(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("serviceAccount", spec["serviceAccountName"])
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    spec.setdefault("priority", 0)
    tolerations = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(one.get("key") in (key, None, "") for one in tolerations):
            tolerations.append({"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300})
    obj["status"] = {"phase": "Pending", "qosClass": _quality(spec)}


def _quality(spec: dict[str, Any]) -> str:
    resources = [container.get("resources", {}) for container in spec.get("containers", ())]
    if not any(one.get("limits") or one.get("requests") for one in resources):
        return "BestEffort"
    guaranteed = all(
        one.get("limits", {}).keys() >= {"cpu", "memory"} and one.get("limits") == one.get("requests")
        for one in resources
    )
    return "Guaranteed" if guaranteed else "Burstable"
