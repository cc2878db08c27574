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
from otestack.sentences import continued, say

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
                raise ChartError(say("%(where)s: the name of a Service must start with a letter.", where=where))
            _service(_mapping(item, "spec", where), where)
        elif kind == "Ingress" and not self.ingress:
            raise ChartError(say("%(where)s: an Ingress is not allowed here.", where=where))
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
                raise ChartError(
                    say(
                        "%(where)s: %(name)s is not allowed; there are no service accounts of your own.",
                        where=where,
                        name=name,
                    )
                )
        _never(pod, "automountServiceAccountToken", where)
        _never(pod, "ephemeralContainers", where)
        if str(pod.get("priorityClassName") or "").startswith("system-"):
            raise ChartError(
                say(
                    "%(where)s: the priority class %(priority_class_name)s is the system's.",
                    where=where,
                    priority_class_name=quoted(pod["priorityClassName"]),
                )
            )
        _security(_mapping(pod, "securityContext", where), where)
        for sysctl in _items(_mapping(pod, "securityContext", where), "sysctls", where):
            if sysctl.get("name") not in _SYSCTLS:
                raise ChartError(
                    say(
                        "%(where)s: the sysctl %(value)s is not allowed.", where=where, value=quoted(sysctl.get("name"))
                    )
                )
        host_volumes = set()
        for volume in _items(pod, "volumes", where):
            if self._volume(volume, where):
                host_volumes.add(volume.get("name"))
        for container in containers(pod, where):
            _container(
                container,
                host_volumes,
                say("%(where)s, container %(value)s", where=where, value=quoted(container.get("name"), 63)),
            )

    def _volume(self, volume: Manifest, where: str) -> bool:
        """Check a volume; return whether it is a folder of the host."""
        where = say("%(where)s, volume %(value)s", where=where, value=quoted(volume.get("name"), 63))
        sources = {key for key, value in volume.items() if key != "name" and value is not None}
        if unknown := sorted(sources - _VOLUMES):
            raise ChartError(
                say("%(where)s: a volume of type %(unknown)s is not allowed.", where=where, unknown=quoted(unknown[0]))
            )
        for source in _items(_mapping(volume, "projected", where), "sources", where):
            if unknown := sorted(key for key, value in source.items() if value is not None and key not in _PROJECTED):
                raise ChartError(
                    say("%(where)s: to project a %(unknown)s is not allowed.", where=where, unknown=quoted(unknown[0]))
                )
        claim = _mapping(_mapping(volume, "ephemeral", where), "volumeClaimTemplate", where)
        _reserved(_mapping(claim, "metadata", where), where)
        if "hostPath" not in sources:
            return False
        path = _mapping(volume, "hostPath", where).get("path")
        if problem := host_path_problem(path if isinstance(path, str) else "", self.host_paths):
            raise ChartError(say("%(where)s: %(problem)s", where=where, problem=continued(problem)))
        return True


def pods(item: Manifest, where: str = "") -> Iterator[Manifest]:
    """Yield the pod that a workload makes: the spec in its template. Raises ChartError where there is none."""
    if item["kind"] in _WORKLOADS:
        pod = _mapping(_mapping(_mapping(item, "spec", where), "template", where), "spec", where)
        if not pod.get("containers"):
            raise ChartError(say("%(where)s: its pods have no container.", where=where))
        yield pod


def containers(pod: Manifest, where: str = "") -> Iterator[Manifest]:
    """Yield a pod's containers, those that only begin it too. Raises ChartError."""
    for name in _CONTAINERS:
        yield from _items(pod, name, where)


def _container(container: Manifest, host_volumes: set[Any], where: str) -> None:
    security = _mapping(container, "securityContext", where)
    _never(security, "privileged", where)
    if _mapping(security, "capabilities", where).get("add"):
        raise ChartError(say("%(where)s: added capabilities are not allowed.", where=where))
    if security.get("procMount") not in {None, "", "Default"}:
        raise ChartError(say("%(where)s: procMount is not allowed.", where=where))
    _security(security, where)
    for mount in _items(container, "volumeMounts", where):
        if mount.get("name") in host_volumes and mount.get("readOnly") is not True:
            raise ChartError(
                say(
                    "%(where)s: the host's folder %(value)s must be mounted readOnly.",
                    where=where,
                    value=quoted(mount.get("name"), 63),
                )
            )
        if mount.get("mountPropagation") not in {None, "", "None", "HostToContainer"}:
            raise ChartError(
                say(
                    "%(where)s: mountPropagation %(mount_propagation)s is not allowed.",
                    where=where,
                    mount_propagation=quoted(mount["mountPropagation"]),
                )
            )
    lifecycle = _mapping(container, "lifecycle", where)
    probes = [_mapping(container, f"{name}Probe", where) for name in ("liveness", "readiness", "startup")]
    for action in [*probes, *(_mapping(lifecycle, name, where) for name in ("postStart", "preStop"))]:
        for way in ("httpGet", "tcpSocket"):
            if _mapping(action, way, where).get("host"):
                raise ChartError(
                    say("%(where)s: %(way)s.host is not allowed; the node itself would call it.", where=where, way=way)
                )


def _security(context: Manifest, where: str) -> None:
    """Rules of a securityContext, be it the pod's or a container's."""
    _never(_mapping(context, "windowsOptions", where), "hostProcess", where)
    for name in ("seccompProfile", "appArmorProfile"):
        if _mapping(context, name, where).get("type") == "Unconfined":
            raise ChartError(say("%(where)s: %(name)s may not be Unconfined.", where=where, name=name))
    selinux = _mapping(context, "seLinuxOptions", where)
    if selinux.get("user") or selinux.get("role") or str(selinux.get("type") or "container_").find("container_") != 0:
        raise ChartError(
            say("%(where)s: seLinuxOptions that leave the container's confinement are not allowed.", where=where)
        )


def _service(spec: Manifest, where: str) -> None:
    if spec.get("type") not in _SERVICES:
        raise ChartError(
            say(
                "%(where)s: a Service of type %(type)s is not allowed, only ClusterIP.",
                where=where,
                type=quoted(spec["type"]),
            )
        )
    for name in ("externalIPs", "loadBalancerIP", "healthCheckNodePort"):
        _never(spec, name, where)
    for port in _items(spec, "ports", where):
        _never(port, "nodePort", where)


def _secret(item: Manifest, where: str) -> None:
    if item.get("type") == _TOKEN_SECRET:
        raise ChartError(
            say("%(where)s: a Secret of type %(token_secret)s is not allowed.", where=where, token_secret=_TOKEN_SECRET)
        )
    for key, value in _mapping(item, "data", where).items():
        try:
            base64.b64decode(value or "", validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise ChartError(say("%(where)s: data of %(key)s is no base64.", where=where, key=quoted(key))) from error
    for key, value in _mapping(item, "stringData", where).items():
        if not isinstance(value, str | None):
            raise ChartError(
                say("%(where)s: stringData of %(key)s must be text; put it in quotes.", where=where, key=quoted(key))
            )


def _claim(spec: Manifest, where: str) -> None:
    if _mapping(spec, "dataSourceRef", where).get("namespace"):
        raise ChartError(say("%(where)s: dataSourceRef into another namespace is not allowed.", where=where))


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
                raise ChartError(
                    say("%(where)s: %(key)s in %(name)s is reserved.", where=where, key=quoted(key), name=name)
                )
            if not isinstance(value, str | None):
                raise ChartError(
                    say(
                        "%(where)s: %(key)s in %(name)s must be text; put it in quotes.",
                        where=where,
                        key=quoted(key),
                        name=name,
                    )
                )
            if name == "annotations" and key.startswith("container.apparmor.") and value == "unconfined":
                raise ChartError(say("%(where)s: AppArmor may not be unconfined.", where=where))


def _never(holder: Manifest, name: str, where: str) -> None:
    if holder.get(name):
        raise ChartError(say("%(where)s: %(name)s is not allowed.", where=where, name=name))


def _mapping(holder: Manifest, name: str, where: str) -> Manifest:
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ChartError(say("%(where)s: %(name)s must be a mapping.", where=where, name=name))
    return value


def _items(holder: Manifest, name: str, where: str) -> list[Manifest]:
    value = holder.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ChartError(say("%(where)s: %(name)s must be a list of mappings.", where=where, name=name))
    return value
