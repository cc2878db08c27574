"""Real clusters behind the same calls as `clusters.simulator.Simulator`, so that one suite runs on both.

A test gets a control plane for each cluster that it adds, and leaves it; what it put there is cleared away before
the next one gets it. Between us and each API server lies a line that can be cut.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import jwt
from urllib3.exceptions import HTTPError

from clusters.drivers.kubernetes import rbac
from clusters.drivers.kubernetes.kinds import KINDS
from clusters.simulator import seed
from tests.clusters.pki import Authority
from tests.kubernetes.line import Line
from tests.kubernetes.plane import FAKE, ISSUER, OWNER, Keys, Plane, Refused

SYSTEM = ("default", "kube-node-lease", "kube-public", "kube-system", rbac.NAMESPACE)
VOLUMES = 6
CLEAR_SECONDS = 120.0
METHODS = {"list": "GET", "get": "GET", "create": "POST", "patch": "PATCH", "update": "PUT", "delete": "DELETE"}
PATHS = {name.rpartition("/")[2]: kind for name, kind in KINDS.items()}
ALSO = {"Node": "/api/v1/nodes", "Pod": "/api/v1/pods"}
NAMES = {kind.plural: name for name, kind in PATHS.items()} | {"nodes": "Node", "pods": "Pod"}


@dataclass
class Member:
    """A control plane, the line to it, and what it needs to be one of ours."""

    plane: Plane
    line: Line
    login: str
    token: str
    uid: str
    counted_from: int = 0


@dataclass
class KubernetesEdge:
    """programs: folder of the binaries; folder: where everything else lies."""

    programs: Path
    folder: Path
    _keys: Keys = field(init=False)
    _free: list[Member] = field(default_factory=list)
    _taken: dict[str, Member] = field(default_factory=dict)
    _made: int = 0

    def __post_init__(self) -> None:
        self._keys = Keys.make(self.folder)

    def stop(self) -> None:
        """End every control plane."""
        for member in [*self._free, *self._taken.values()]:
            member.line.stop()
            member.plane.stop()

    @property
    def ca_file(self) -> Path:
        """The CA that signed the servers' certificates."""
        return self._keys.ca_file

    @property
    def authority(self) -> Authority:
        """Signs the clients' certificates that the API servers accept."""
        return self._keys.authority

    def add_cluster(self, name: str, nodes: int | None = None, *, without: str = "") -> None:
        """Give the test a cluster of that name, with nodes that are ready and volumes to claim.

        without: an API that its server does not serve, as one of another minor would not; it is not used again.
        """
        member = self._free.pop(0) if self._free and not without else self._new(without)
        self._taken[name] = member  # also when it is of no use, so that it is swept again
        _cleared(member.plane)
        plane = member.plane
        for number in range(1, (nodes or 2) + 1):
            body = seed.node(f"{name}-node-{number}", number, 0, "")
            key, _, value = FAKE.partition("=")
            body["metadata"]["annotations"] = {key: value}
            body["status"]["conditions"] = []
            plane.call("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node"} | body)
        for number in range(VOLUMES):
            plane.call("POST", "/api/v1/persistentvolumes", _volume(f"{name}-{number}"))
        _until(lambda: all(_ready(node) for node in plane.items("/api/v1/nodes")), "nodes are ready")
        self.reset_requests(name)

    def release(self) -> None:
        """The test is over: what it had is swept, and waited for when somebody else wants the cluster."""
        for member in self._taken.values():
            member.line.set("")
            usable = not member.plane.without
            if usable:
                try:
                    _sweep(member.plane)
                except (Refused, HTTPError):  # a test that failed may have left it without its API server
                    usable = False
            if usable:
                self._free.append(member)
            else:
                member.line.stop()
                member.plane.stop()
        self._taken.clear()

    def _new(self, without: str = "") -> Member:
        self._made += 1
        plane = Plane(self.programs, self.folder / f"plane{self._made}", self._keys, without)
        try:
            plane.start()
        except BaseException:
            plane.stop()
            raise
        for document in rbac.manifests():
            plane.apply(document)
        plane.call("POST", "/apis/storage.k8s.io/v1/storageclasses", _STORAGE)
        line = Line(plane.port)
        login, token = _login(plane, line)
        uid = plane.call("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]
        return Member(plane, line, login, token, uid)

    def plane(self, name: str) -> Plane:
        """The control plane that plays this cluster."""
        return self._taken[name].plane

    def server(self, name: str) -> str:
        """The URL of a cluster."""
        return f"https://127.0.0.1:{self._taken[name].line.port}"

    def token(self, name: str) -> str:
        """What we log in with: the token of a service account that may do what the engine needs, and no more."""
        return self._taken[name].token

    def token_that_ends(self, name: str, seconds: float) -> str:
        """A token of our service account with so little life left; API servers allow clocks to differ by a minute."""
        account = self.plane(name).call("GET", f"/api/v1/namespaces/{rbac.NAMESPACE}/serviceaccounts/{rbac.NAME}")
        bound = {"namespace": rbac.NAMESPACE, "serviceaccount": {"name": rbac.NAME, "uid": account["metadata"]["uid"]}}
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": [ISSUER],
            "sub": f"system:serviceaccount:{rbac.NAMESPACE}:{rbac.NAME}",
            "iat": now - 3600,
            "nbf": now - 3600,
            "exp": int(now + seconds - 60),
            "kubernetes.io": bound,
        }
        return jwt.encode(claims, (self._keys.folder / "tokens.key").read_text(), algorithm="ES256")

    def owner_token(self, name: str) -> str:
        """What somebody who may do everything logs in with."""
        assert name in self._taken
        return OWNER

    def kubeconfig(self, name: str) -> str:
        """The service account's kubeconfig, as `cluster kubeconfig` prints it."""
        return self._taken[name].login

    def uid(self, name: str) -> str:
        """The uid of kube-system: what identifies a cluster."""
        return self._taken[name].uid

    def set_away(self, name: str, away: bool | Literal["hang", "refuse"] = True) -> None:
        """Away clusters take connections and never answer ("hang", True) or cut them ("refuse")."""
        self._taken[name].line.set("hang" if away is True else away or "")

    def set_node_ready(self, name: str, node: str, ready: bool) -> None:
        """Have a node report, or lose it: nobody answers for it any more."""
        plane = self.plane(name)
        key, _, value = FAKE.partition("=")
        path = f"/api/v1/nodes/{node}"
        plane.call("PATCH", path, {"metadata": {"annotations": {key: value if ready else None}}}, kind="merge")
        if not ready:
            status = {"status": {"conditions": seed.node_conditions(False, _now())}}
            plane.call("PATCH", f"{path}/status", status, kind="merge")
        _until(lambda: _ready(plane.call("GET", path)) is ready, f"node {node} is what it was told to be")

    def autoscale(self, name: str, namespace: str, autoscaler: str, replicas: int) -> None:
        """Scale the autoscaler's target as its controller would under load."""
        plane = self.plane(name)
        path = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers/{autoscaler}"
        target = plane.call("GET", path)["spec"]["scaleTargetRef"]
        scale = f"{PATHS[target['kind']].path(namespace, target['name'])}/scale"
        body = plane.call("GET", scale)
        body["spec"]["replicas"] = replicas
        del body["metadata"]["resourceVersion"]  # whatever its status said meanwhile
        plane.call("PUT", scale, body, fieldManager="kube-controller-manager")

    def objects(self, name: str, kind: str, namespace: str = "") -> list[dict[str, Any]]:
        """A cluster's objects."""
        path = ALSO.get(kind) or PATHS[kind].path(namespace)
        if kind == "Pod" and namespace:
            path = f"/api/v1/namespaces/{namespace}/pods"
        return self.plane(name).items(path)

    def requests(self, name: str) -> Counter[tuple[str, str]]:
        """How often we asked for each (HTTP method, kind) since reset_requests; kind "" is discovery."""
        return Counter(
            (METHODS.get(line["verb"], line["verb"]), NAMES.get(line.get("objectRef", {}).get("resource", ""), ""))
            for line in self._ours(name)
        )

    def rights_used(self, name: str) -> set[tuple[str, str]]:
        """(verb, resource) of what we asked for since reset_requests, in the words of a role; a path has no dot."""
        found = set()
        for line in self._ours(name):
            what = line.get("objectRef", {})
            resource = ".".join(filter(None, (what.get("resource"), what.get("apiGroup"))))
            found.add((line["verb"], resource or line["requestURI"].partition("?")[0]))
        return found

    def _ours(self, name: str) -> Iterator[dict[str, Any]]:
        member = self._taken[name]
        user = f"system:serviceaccount:{rbac.NAMESPACE}:{rbac.NAME}"
        return (line for line in member.plane.asked(member.counted_from) if line["user"].get("username") == user)

    def reset_requests(self, name: str) -> None:
        """Start counting requests anew."""
        member = self._taken[name]
        log = member.plane.audit_log
        member.counted_from = log.stat().st_size if log.exists() else 0


_STORAGE = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "kubernetes.io/no-provisioner",
    "volumeBindingMode": "Immediate",
}


def _volume(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": f"/var/volumes/{name}"},
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "standard",
        },
    }


def _login(plane: Plane, line: Line) -> tuple[str, str]:
    """The service account's kubeconfig by way of the line, and its token."""
    import yaml

    from clusters.drivers.kubernetes.kubeconfig import parse
    from otestack.errors import Invalid

    owner = parse(plane.kubeconfig("owner", OWNER, f"https://127.0.0.1:{line.port}"))
    found: list[str] = []

    def there() -> bool:
        with contextlib.suppress(Invalid):  # the token controller writes it a moment after the Secret
            found.append(rbac.login(owner).kubeconfig)
        return bool(found)

    _until(there, "the service account has its token")
    return found[0], yaml.safe_load(found[0])["users"][0]["user"]["token"]


def _spaces(plane: Plane) -> list[str]:
    names = [item["metadata"]["name"] for item in plane.items("/api/v1/namespaces")]
    return [name for name in names if name not in SYSTEM]


def _sweep(plane: Plane) -> None:
    """Delete all that a test may have left. A namespace with pods waits for their grace, so they go first."""
    for name in _spaces(plane):
        for api in ("apps/v1", "batch/v1"):
            plurals = {"apps/v1": ("deployments", "daemonsets", "statefulsets", "replicasets"), "batch/v1": ("jobs",)}
            for plural in plurals[api]:
                plane.call("DELETE", f"/apis/{api}/namespaces/{name}/{plural}", propagationPolicy="Background")
        plane.call("DELETE", f"/api/v1/namespaces/{name}/pods", gracePeriodSeconds="0")
        for item in plane.items(f"/api/v1/namespaces/{name}/configmaps"):
            if item["metadata"].get("finalizers"):
                path = f"/api/v1/namespaces/{name}/configmaps/{item['metadata']['name']}"
                plane.call("PATCH", path, {"metadata": {"finalizers": None}}, kind="merge")
        with contextlib.suppress(Refused):
            plane.call("DELETE", f"/api/v1/namespaces/{name}")
    plane.call("DELETE", "/api/v1/nodes")
    for item in plane.items("/api/v1/persistentvolumes"):
        path = f"/api/v1/persistentvolumes/{item['metadata']['name']}"
        plane.call("DELETE", path)
        with contextlib.suppress(Refused):
            plane.call("PATCH", path, {"metadata": {"finalizers": None}}, kind="merge")


def _cleared(plane: Plane) -> None:
    _until(lambda: not _spaces(plane), "what the test before left is gone", CLEAR_SECONDS)


def _ready(node: dict[str, Any]) -> bool:
    """Reports, and takes pods."""
    kinds = {item["type"]: item["status"] for item in node["status"].get("conditions", ())}
    return kinds.get("Ready") == "True" and not node["spec"].get("taints")


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _until(condition: Any, what: str, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)
