"""What every new cluster holds: namespaces with their defaults, and nodes."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .store import Key, Object

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
KUBELET_VERSION = "v1.37.1"
GPU_MEMORY_MIB = "24576"


@dataclass(frozen=True, slots=True)
class Origin:
    """What a cluster's first objects are made from; the same origin gives the same uids."""

    name: str
    uid: str
    nodes: int
    gpus: int
    created: str
    ca: str

    def uid_of(self, *parts: str) -> str:
        """A uid that is the same at every start."""
        return str(uuid.uuid5(uuid.UUID(self.uid), "/".join(parts)))


def first_objects(origin: Origin) -> Iterator[tuple[Key, int, Object]]:
    """The objects of a new cluster and their versions, numbered in order."""
    for version, (key, obj) in enumerate(_objects(origin), start=1):
        meta = obj["metadata"]
        meta |= {"creationTimestamp": origin.created, "resourceVersion": str(version)}
        meta.setdefault("uid", origin.uid_of(*key))
        yield key, version, obj


def _objects(origin: Origin) -> Iterator[tuple[Key, Object]]:
    for name in NAMESPACES:
        # The uid of kube-system is what identifies a cluster.
        uid = {"uid": origin.uid} if name == "kube-system" else {}
        namespace: Object = {
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}} | uid,
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        }
        yield ("Namespace", "", name), namespace
        for (kind, found_name), obj in namespace_defaults(name, origin.ca):
            yield (kind, name, found_name), obj
    service_uid = origin.uid_of("Service", "default", "kubernetes")
    yield ("Service", "default", "kubernetes"), _kubernetes_service(service_uid)
    for number in range(1, origin.nodes + 1):
        name = f"{origin.name}-node-{number}"
        yield ("Node", "", name), node(name, number, origin.gpus if number == origin.nodes else 0, origin.created)


def namespace_defaults(namespace: str, ca: str) -> Iterator[tuple[tuple[str, str], Object]]:
    """What controllers put into every namespace."""
    yield ("ServiceAccount", "default"), {"metadata": {"name": "default", "namespace": namespace}}
    description = (
        "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
        "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of "
        "Kubernetes clusters."
    )
    yield (
        ("ConfigMap", "kube-root-ca.crt"),
        {
            "metadata": {
                "name": "kube-root-ca.crt",
                "namespace": namespace,
                "annotations": {"kubernetes.io/description": description},
            },
            "data": {"ca.crt": ca},
        },
    )


def _kubernetes_service(uid: str) -> Object:
    return {
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "uid": uid,
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": "10.96.0.1",
            "clusterIPs": ["10.96.0.1"],
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
            "sessionAffinity": "None",
            "type": "ClusterIP",
        },
        "status": {"loadBalancer": {}},
    }


def node(name: str, number: int, gpus: int, created: str) -> Object:
    """A Ready Linux node; the first one also carries the control-plane role."""
    resources = {"cpu": "8", "ephemeral-storage": "102687672Ki", "memory": "16Gi", "pods": "110"}
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
    }
    if number == 1:
        labels["node-role.kubernetes.io/control-plane"] = ""
    if gpus:
        resources["nvidia.com/gpu"] = str(gpus)
        labels |= {"nvidia.com/gpu.memory": GPU_MEMORY_MIB, "nvidia.com/gpu.present": "true"}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"podCIDR": f"10.244.{number}.0/24", "podCIDRs": [f"10.244.{number}.0/24"]},
        "status": {
            "addresses": [
                {"address": f"172.18.{number // 250}.{number % 250 + 1}", "type": "InternalIP"},
                {"address": name, "type": "Hostname"},
            ],
            "allocatable": resources,
            "capacity": resources,
            "conditions": node_conditions(True, created),
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "",
                "containerRuntimeVersion": "containerd://2.1.4",
                "kernelVersion": "6.1.0-28-amd64",
                "kubeProxyVersion": "",
                "kubeletVersion": KUBELET_VERSION,
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "Debian GNU/Linux 12 (bookworm)",
                "systemUUID": "",
            },
        },
    }


def node_conditions(ready: bool, since: str) -> list[dict[str, Any]]:
    """The conditions of a node that reports, or stopped to."""
    pressures = (
        ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    )
    healthy, lost = "False" if ready else "Unknown", "Kubelet stopped posting node status."
    found = [
        {
            "lastHeartbeatTime": since,
            "lastTransitionTime": since,
            "message": message if ready else lost,
            "reason": reason if ready else "NodeStatusUnknown",
            "status": healthy,
            "type": kind,
        }
        for kind, reason, message in pressures
    ]
    found.append(
        {
            "lastHeartbeatTime": since,
            "lastTransitionTime": since,
            "message": "kubelet is posting ready status" if ready else lost,
            "reason": "KubeletReady" if ready else "NodeStatusUnknown",
            "status": "True" if ready else "Unknown",
            "type": "Ready",
        }
    )
    return found
