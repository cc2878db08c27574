"""Somebody else at an edge, another field manager, who may do everything there and does what we would not."""

from __future__ import annotations

from typing import Any

from tests.edge.kube import Kube, core, deployments
from tests.faults.edge import Edge

IMAGE = "evil:1"
NOTE = "example.com/note"
_HELD = "held"


class Somebody:
    """At one cluster, in one namespace; `name` is that of a deployment of ours there."""

    def __init__(self, edge: Edge, cluster: str, namespace: str) -> None:
        self._kube, self._namespace = Kube(edge, cluster), namespace

    def finds(self, name: str) -> Any:
        """Return the Deployment."""
        return self._kube.get(deployments(self._namespace, name))

    def edits(self, name: str) -> None:
        """Change what runs, how often, and what is sent there."""
        self._kube.merge(deployments(self._namespace, name), {"spec": self._otherwise(name)})
        self._kube.merge(core("services", self._namespace, name), {"spec": {"selector": {"app": "evil"}}})

    def takes_over(self, name: str, *, force: bool = True) -> None:
        """Apply other values of what we own, and a note, which is nobody's but theirs."""
        meta = {"name": name, "annotations": {NOTE: "mine"}}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": self._otherwise(name)}
        self._kube.apply(deployments(self._namespace, name), body, force=force)

    def _otherwise(self, name: str) -> dict[str, Any]:
        container = self.finds(name)["spec"]["template"]["spec"]["containers"][0]["name"]
        return {"replicas": 5, "template": {"spec": {"containers": [{"name": container, "image": IMAGE}]}}}

    def deletes(self, name: str) -> None:
        """Delete the objects, one by one."""
        self._kube.delete(deployments(self._namespace, name))
        self._kube.delete(core("services", self._namespace, name))

    def deletes_all(self, name: str = "") -> None:
        """Delete the namespace with all that is in it."""
        self._kube.delete(f"/api/v1/namespaces/{self._namespace}")

    def holds(self) -> None:
        """Have the namespace not go, once it is deleted, before something in it is let go."""
        held = {"metadata": {"name": _HELD, "finalizers": ["example.com/wait"]}}
        self._kube.create(core("configmaps", self._namespace), held)

    def lets_go(self) -> None:
        """Undo it."""
        self._kube.merge(core("configmaps", self._namespace, _HELD), {"metadata": {"finalizers": None}})
