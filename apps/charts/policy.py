"""What a tenant's objects may not do (contract, Applications). Image applications can ask for none of it.

Source of the pod rules beyond the contract: the Pod Security Standards, https://kubernetes.io/docs/concepts/security.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from apps.charts.problems import ChartError, quoted
from apps.rules import host_path_problem
from clusters.engine.labels import CENTRE

Manifest = dict[str, Any]

_WORKLOADS = frozenset({"Deployment", "DaemonSet", "StatefulSet", "Job"})
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_HOST_NAMESPACES = ("hostNetwork", "hostPID", "hostIPC")
_VOLUMES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "hostPath", "image", "persistentVolumeClaim"}
    | {"projected", "secret"}
)
_PROJECTED = frozenset({"configMap", "downwardAPI", "secret"})
_SERVICES = frozenset({None, "", "ClusterIP", "ExternalName"})
# Namespaced per pod, and none of another pod's business.
_SYSCTLS = frozenset(
    f"net.ipv4.{name}"
    for name in ("ip_local_port_range", "ip_local_reserved_ports", "ip_unprivileged_port_start", "ping_group_range")
) | {"kernel.shm_rmid_forced", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout"}
_TOKEN_SECRET = "kubernetes.io/service-account-token"
# Labels of this domain say which objects are whose.
_OURS = CENTRE.partition("/")[0]


@dataclass(frozen=True)
class Policy:
    """The rules, with what the installation allows. host_paths: prefixes that may be mounted, read-only."""

    host_paths: Sequence[str]
    ingress: bool

    def check(self, item: Manifest, where: str) -> None:
        """Raise ChartError naming what the object may not do. where: for the sentence."""
        for meta in _metadata(item, where):
            _reserved(meta, where)
        kind = item["kind"]
        for pod in pods(item, where):
            self._pod(pod, where)
        if kind == "Service":
            if not item["metadata"]["name"][0].isalpha():  # taken only by Kubernetes 1.34 and later
                raise ChartError(f"{where}: the name of a Service must start with a letter.")
            _service(_mapping(item, "spec", where), where)
        elif kind == "Ingress" and not self.ingress:
            raise ChartError(f"{where}: an Ingress is not allowed here.")
        elif kind == "Secret":
            _secret(item, where)
        elif kind == "PersistentVolumeClaim":
            _claim(_mapping(item, "spec", where), where)
        for claim in _items(_mapping(item, "spec", where), "volumeClaimTemplates", where):
            _claim(_mapping(claim, "spec", where), where)

    def _pod(self, pod: Manifest, where: str) -> None:
        for name in _HOST_NAMESPACES:
            _never(pod, name, where)
        for name in ("serviceAccountName", "serviceAccount"):
            if pod.get(name) not in {None, "", "default"}:
                raise ChartError(f"{where}: {name} is not allowed; there are no service accounts of your own.")
        _never(pod, "automountServiceAccountToken", where)
        _never(pod, "ephemeralContainers", where)
        if str(pod.get("priorityClassName") or "").startswith("system-"):
            raise ChartError(f"{where}: the priority class {quoted(pod['priorityClassName'])} is the system's.")
        _security(_mapping(pod, "securityContext", where), where)
        for sysctl in _items(_mapping(pod, "securityContext", where), "sysctls", where):
            if sysctl.get("name") not in _SYSCTLS:
                raise ChartError(f"{where}: the sysctl {quoted(sysctl.get('name'))} is not allowed.")
        host_volumes = set()
        for volume in _items(pod, "volumes", where):
            if self._volume(volume, where):
                host_volumes.add(volume.get("name"))
        for container in containers(pod, where):
            _container(container, host_volumes, f"{where}, container {quoted(container.get('name'), 63)}")

    def _volume(self, volume: Manifest, where: str) -> bool:
        """Check a volume; return whether it is a folder of the host."""
        where = f"{where}, volume {quoted(volume.get('name'), 63)}"
        sources = {key for key, value in volume.items() if key != "name" and value is not None}
        if unknown := sorted(sources - _VOLUMES):
            raise ChartError(f"{where}: a volume of type {quoted(unknown[0])} is not allowed.")
        for source in _items(_mapping(volume, "projected", where), "sources", where):
            if unknown := sorted(key for key, value in source.items() if value is not None and key not in _PROJECTED):
                raise ChartError(f"{where}: to project a {quoted(unknown[0])} is not allowed.")
        claim = _mapping(_mapping(volume, "ephemeral", where), "volumeClaimTemplate", where)
        _reserved(_mapping(claim, "metadata", where), where)
        if "hostPath" not in sources:
            return False
        path = _mapping(volume, "hostPath", where).get("path")
        if problem := host_path_problem(path if isinstance(path, str) else "", self.host_paths):
            raise ChartError(f"{where}: {problem[:1].lower()}{problem[1:]}")
        return True


def pods(item: Manifest, where: str = "") -> Iterator[Manifest]:
    """Yield the pod that a workload makes: the spec in its template. Raises ChartError where there is none."""
    if item["kind"] in _WORKLOADS:
        pod = _mapping(_mapping(_mapping(item, "spec", where), "template", where), "spec", where)
        if not pod.get("containers"):
            raise ChartError(f"{where}: its pods have no container.")
        yield pod


def containers(pod: Manifest, where: str = "") -> Iterator[Manifest]:
    """Yield a pod's containers, those that only begin it too. Raises ChartError."""
    for name in _CONTAINERS:
        yield from _items(pod, name, where)


def _container(container: Manifest, host_volumes: set[Any], where: str) -> None:
    security = _mapping(container, "securityContext", where)
    _never(security, "privileged", where)
    if _mapping(security, "capabilities", where).get("add"):
        raise ChartError(f"{where}: added capabilities are not allowed.")
    if security.get("procMount") not in {None, "", "Default"}:
        raise ChartError(f"{where}: procMount is not allowed.")
    _security(security, where)
    for mount in _items(container, "volumeMounts", where):
        if mount.get("name") in host_volumes and mount.get("readOnly") is not True:
            raise ChartError(f"{where}: the host's folder {quoted(mount.get('name'), 63)} must be mounted readOnly.")
        if mount.get("mountPropagation") not in {None, "", "None", "HostToContainer"}:
            raise ChartError(f"{where}: mountPropagation {quoted(mount['mountPropagation'])} is not allowed.")
    lifecycle = _mapping(container, "lifecycle", where)
    probes = [_mapping(container, f"{name}Probe", where) for name in ("liveness", "readiness", "startup")]
    for action in [*probes, *(_mapping(lifecycle, name, where) for name in ("postStart", "preStop"))]:
        for way in ("httpGet", "tcpSocket"):
            if _mapping(action, way, where).get("host"):
                raise ChartError(f"{where}: {way}.host is not allowed; the node itself would call it.")


def _security(context: Manifest, where: str) -> None:
    """Rules of a securityContext, be it the pod's or a container's."""
    _never(_mapping(context, "windowsOptions", where), "hostProcess", where)
    for name in ("seccompProfile", "appArmorProfile"):
        if _mapping(context, name, where).get("type") == "Unconfined":
            raise ChartError(f"{where}: {name} may not be Unconfined.")
    selinux = _mapping(context, "seLinuxOptions", where)
    if selinux.get("user") or selinux.get("role") or str(selinux.get("type") or "container_").find("container_") != 0:
        raise ChartError(f"{where}: seLinuxOptions that leave the container's confinement are not allowed.")


def _service(spec: Manifest, where: str) -> None:
    if spec.get("type") not in _SERVICES:
        raise ChartError(f"{where}: a Service of type {quoted(spec['type'])} is not allowed, only ClusterIP.")
    for name in ("externalIPs", "loadBalancerIP", "healthCheckNodePort"):
        _never(spec, name, where)
    for port in _items(spec, "ports", where):
        _never(port, "nodePort", where)


def _secret(item: Manifest, where: str) -> None:
    if item.get("type") == _TOKEN_SECRET:
        raise ChartError(f"{where}: a Secret of type {_TOKEN_SECRET} is not allowed.")
    for key, value in _mapping(item, "data", where).items():
        try:
            base64.b64decode(value or "", validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise ChartError(f"{where}: data of {quoted(key)} is no base64.") from error
    for key, value in _mapping(item, "stringData", where).items():
        if not isinstance(value, str | None):
            raise ChartError(f"{where}: stringData of {quoted(key)} must be text; put it in quotes.")


def _claim(spec: Manifest, where: str) -> None:
    if _mapping(spec, "dataSourceRef", where).get("namespace"):
        raise ChartError(f"{where}: dataSourceRef into another namespace is not allowed.")


def _metadata(item: Manifest, where: str) -> Iterator[Manifest]:
    """Yield the metadata of an object and of what is made from it."""
    yield _mapping(item, "metadata", where)
    spec = _mapping(item, "spec", where)
    for holder in [_mapping(spec, "template", where), *_items(spec, "volumeClaimTemplates", where)]:
        meta = _mapping(holder, "metadata", where)
        for name in ("finalizers", "ownerReferences"):
            _never(meta, name, where)
        yield meta


def _reserved(meta: Manifest, where: str) -> None:
    for name in ("labels", "annotations"):
        for key, value in _mapping(meta, name, where).items():
            domain, slash, _ = key.partition("/")
            if slash and f".{domain}".endswith(f".{_OURS}"):
                raise ChartError(f"{where}: {quoted(key)} in {name} is reserved.")
            if not isinstance(value, str | None):
                raise ChartError(f"{where}: {quoted(key)} in {name} must be text; put it in quotes.")
            if name == "annotations" and key.startswith("container.apparmor.") and value == "unconfined":
                raise ChartError(f"{where}: AppArmor may not be unconfined.")


def _never(holder: Manifest, name: str, where: str) -> None:
    if holder.get(name):
        raise ChartError(f"{where}: {name} is not allowed.")


def _mapping(holder: Manifest, name: str, where: str) -> Manifest:
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ChartError(f"{where}: {name} must be a mapping.")
    return value


def _items(holder: Manifest, name: str, where: str) -> list[Manifest]:
    value = holder.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ChartError(f"{where}: {name} must be a list of mappings.")
    return value
