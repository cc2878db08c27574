"""The columns of `kubectl get`, kind by kind; those of priority 1 show with -o wide."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..clock import seconds_since
from ..selectors import selector_text
from ..store import Object

Cell = Callable[[Object], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title and how its cell is read."""

    name: str
    cell: Cell
    type: str = "string"
    priority: int = 0


def age(obj: Object) -> str:
    """Time since the object's creation."""
    return duration(seconds_since(obj["metadata"]["creationTimestamp"]))


def duration(seconds: float) -> str:
    """A duration as kubectl shortens it: 45s, 2m10s, 5h, 3d."""
    number = max(0, int(seconds))
    minutes, hours, days = number // 60, number // 3600, number // 86400
    if number < 120:
        return f"{number}s"
    if minutes < 10:
        return f"{minutes}m{number % 60}s" if number % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d" if days < 730 else f"{days // 365}y"


def spec(*path: str, default: Any = "<none>") -> Cell:
    """A cell that shows a field of the spec."""
    return _at("spec", *path, default=default)


def status(*path: str, default: Any = "<none>") -> Cell:
    """A cell that shows a field of the status."""
    return _at("status", *path, default=default)


def _at(*path: str, default: Any) -> Cell:
    def read(obj: Object) -> Any:
        value: Any = obj
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return default if value in (None, "") else value

    return read


def _template_containers(obj: Object, field: str) -> str:
    containers = obj["spec"].get("template", {}).get("spec", {}).get("containers", ())
    return ",".join(one[field] for one in containers)


def _selector(obj: Object) -> str:
    return selector_text(obj["spec"].get("selector") or {}) or "<none>"


def _map_text(values: dict[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((values or {}).items())) or "<none>"


def _pod_status(obj: Object) -> str:
    if "deletionTimestamp" in obj["metadata"]:
        return "Terminating"
    for one in obj["status"].get("containerStatuses", ()):
        state = one["state"]
        if "waiting" in state:
            return str(state["waiting"]["reason"])
        if "terminated" in state:
            return str(state["terminated"]["reason"])
    return str(obj["status"].get("phase", "Unknown"))


def _pod_ready(obj: Object) -> str:
    ready = sum(one.get("ready", False) for one in obj["status"].get("containerStatuses", ()))
    return f"{ready}/{len(obj['spec'].get('containers', ()))}"


def _restarts(obj: Object) -> str:
    return str(sum(one.get("restartCount", 0) for one in obj["status"].get("containerStatuses", ())))


def _node_status(obj: Object) -> str:
    ready = next((one for one in obj.get("status", {}).get("conditions", ()) if one["type"] == "Ready"), None)
    text = "Unknown" if ready is None else "Ready" if ready["status"] == "True" else "NotReady"
    return text + (",SchedulingDisabled" if obj.get("spec", {}).get("unschedulable") else "")


def _node_roles(obj: Object) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = obj["metadata"].get("labels") or {}
    return ",".join(sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))) or "<none>"


def _node_address(kind: str) -> Cell:
    def read(obj: Object) -> str:
        addresses = obj.get("status", {}).get("addresses", ())
        return next((str(one["address"]) for one in addresses if one["type"] == kind), "<none>")

    return read


def _service_ports(obj: Object) -> str:
    shown = []
    for port in obj["spec"].get("ports", ()):
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        shown.append(f"{port['port']}{node}/{port.get('protocol', 'TCP')}")
    return ",".join(shown) or "<none>"


def _job_completions(obj: Object) -> str:
    return f"{obj.get('status', {}).get('succeeded', 0)}/{obj['spec'].get('completions', 1)}"


def _job_status(obj: Object) -> str:
    for one in obj.get("status", {}).get("conditions", ()):
        if one["status"] == "True" and one["type"] in ("Complete", "Failed"):
            return str(one["type"])
    return "Running"


def _job_duration(obj: Object) -> str:
    found = obj.get("status", {})
    if "startTime" not in found:
        return ""
    end = seconds_since(found["completionTime"]) if "completionTime" in found else 0
    return duration(seconds_since(found["startTime"]) - end)


def _reference(obj: Object) -> str:
    target = obj["spec"].get("scaleTargetRef", {})
    return f"{target.get('kind')}/{target.get('name')}"


def _targets(obj: Object) -> str:
    shown = []
    for metric in obj["spec"].get("metrics", ()):
        resource = metric.get("resource", {})
        goal = resource.get("target", {})
        value = f"{goal['averageUtilization']}%" if "averageUtilization" in goal else goal.get("averageValue", "?")
        shown.append(f"{resource.get('name', metric.get('type'))}: <unknown>/{value}")
    return ", ".join(shown) or "<none>"


def _event_object(obj: Object) -> str:
    about = obj.get("involvedObject", {})
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _last_seen(obj: Object) -> str:
    seen = obj.get("lastTimestamp") or obj["metadata"]["creationTimestamp"]
    return duration(seconds_since(seen))


def _hosts(obj: Object) -> str:
    return ",".join(rule.get("host", "*") for rule in obj["spec"].get("rules", ())) or "*"


NAME = Column("Name", lambda obj: obj["metadata"]["name"])
AGE = Column("Age", age)
CONTAINERS = (
    Column("Containers", lambda obj: _template_containers(obj, "name"), priority=1),
    Column("Images", lambda obj: _template_containers(obj, "image"), priority=1),
    Column("Selector", _selector, priority=1),
)


def _count(name: str, cell: Cell) -> Column:
    return Column(name, cell, "integer")


COLUMNS: dict[str, tuple[Column, ...]] = {
    "": (NAME, Column("Created At", lambda obj: obj["metadata"]["creationTimestamp"])),
    "Namespace": (NAME, Column("Status", status("phase")), AGE),
    "Node": (
        NAME,
        Column("Status", _node_status),
        Column("Roles", _node_roles),
        AGE,
        Column("Version", status("nodeInfo", "kubeletVersion")),
        Column("Internal-IP", _node_address("InternalIP"), priority=1),
        Column("External-IP", _node_address("ExternalIP"), priority=1),
        Column("OS-Image", status("nodeInfo", "osImage"), priority=1),
        Column("Kernel-Version", status("nodeInfo", "kernelVersion"), priority=1),
        Column("Container-Runtime", status("nodeInfo", "containerRuntimeVersion"), priority=1),
    ),
    "Pod": (
        NAME,
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _restarts),
        AGE,
        Column("IP", status("podIP"), priority=1),
        Column("Node", spec("nodeName"), priority=1),
        Column("Nominated Node", status("nominatedNodeName"), priority=1),
        Column("Readiness Gates", lambda obj: "<none>", priority=1),
    ),
    "Service": (
        NAME,
        Column("Type", spec("type")),
        Column("Cluster-IP", spec("clusterIP")),
        Column("External-IP", lambda obj: "<pending>" if obj["spec"].get("type") == "LoadBalancer" else "<none>"),
        Column("Port(s)", _service_ports),
        AGE,
        Column("Selector", lambda obj: _map_text(obj["spec"].get("selector")), priority=1),
    ),
    "Secret": (
        NAME,
        Column("Type", lambda obj: obj.get("type", "")),
        _count("Data", lambda obj: len(obj.get("data", {}))),
        AGE,
    ),
    "ConfigMap": (
        NAME,
        _count("Data", lambda obj: len(obj.get("data", {})) + len(obj.get("binaryData", {}))),
        AGE,
    ),
    "ServiceAccount": (NAME, _count("Secrets", lambda obj: len(obj.get("secrets", ()))), AGE),
    "Event": (
        Column("Last Seen", _last_seen),
        Column("Type", lambda obj: obj.get("type", "")),
        Column("Reason", lambda obj: obj.get("reason", "")),
        Column("Object", _event_object),
        Column("Message", lambda obj: obj.get("message", "")),
        Column("Name", NAME.cell, priority=1),
    ),
    "Deployment": (
        NAME,
        Column("Ready", lambda obj: f"{status('readyReplicas', default=0)(obj)}/{obj['spec'].get('replicas', 0)}"),
        _count("Up-to-date", status("updatedReplicas", default=0)),
        _count("Available", status("availableReplicas", default=0)),
        AGE,
        *CONTAINERS,
    ),
    "ReplicaSet": (
        NAME,
        _count("Desired", spec("replicas", default=0)),
        _count("Current", status("replicas", default=0)),
        _count("Ready", status("readyReplicas", default=0)),
        AGE,
        *CONTAINERS,
    ),
    "DaemonSet": (
        NAME,
        _count("Desired", status("desiredNumberScheduled", default=0)),
        _count("Current", status("currentNumberScheduled", default=0)),
        _count("Ready", status("numberReady", default=0)),
        _count("Up-to-date", status("updatedNumberScheduled", default=0)),
        _count("Available", status("numberAvailable", default=0)),
        Column(
            "Node Selector", lambda obj: _map_text(obj["spec"].get("template", {}).get("spec", {}).get("nodeSelector"))
        ),
        AGE,
        *CONTAINERS,
    ),
    "StatefulSet": (
        NAME,
        Column("Ready", lambda obj: f"{status('readyReplicas', default=0)(obj)}/{obj['spec'].get('replicas', 0)}"),
        AGE,
        *CONTAINERS[:2],
    ),
    "Job": (
        NAME,
        Column("Status", _job_status),
        Column("Completions", _job_completions),
        Column("Duration", _job_duration),
        AGE,
        *CONTAINERS,
    ),
    "HorizontalPodAutoscaler": (
        NAME,
        Column("Reference", _reference),
        Column("Targets", _targets),
        Column("MinPods", lambda obj: str(obj["spec"].get("minReplicas", 1))),
        Column("MaxPods", lambda obj: str(obj["spec"].get("maxReplicas", 0))),
        _count("Replicas", status("currentReplicas", default=0)),
        AGE,
    ),
    "Ingress": (
        NAME,
        Column("Class", spec("ingressClassName")),
        Column("Hosts", _hosts),
        Column("Address", lambda obj: ""),
        Column("Ports", lambda obj: "80, 443" if obj["spec"].get("tls") else "80"),
        AGE,
    ),
    "PersistentVolumeClaim": (
        NAME,
        Column("Status", status("phase")),
        Column("Volume", spec("volumeName", default="")),
        Column("Capacity", status("capacity", "storage", default="")),
        Column("Access Modes", lambda obj: ",".join(obj["spec"].get("accessModes", ()))),
        Column("StorageClass", spec("storageClassName", default="")),
        AGE,
    ),
}
