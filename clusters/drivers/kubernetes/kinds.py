"""The kinds that we may put on an edge, and where the API has them."""

from dataclasses import dataclass
from typing import Literal

# How much of a listed object the engine reads: metadata only, a whole workload, or metadata and a digest of the spec.
Reading = Literal["metadata", "workload", "spec"]


@dataclass(frozen=True)
class Kind:
    """api: path of group and version; plural: resource name; reading: see above."""

    api: str
    plural: str
    namespaced: bool = True
    reading: Reading = "metadata"

    @property
    def everywhere(self) -> bool:
        """Every Kubernetes has it."""
        return self.api in {"/api/v1", "/apis/apps/v1"}

    @property
    def version(self) -> str:
        """The apiVersion of its objects."""
        return self.api.split("/", 2)[2]

    def path(self, namespace: str = "", name: str = "") -> str:
        """Return the path of a collection, or of an object when a name is given."""
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.api}{scope}/{self.plural}" + (f"/{name}" if name else "")


KINDS: dict[str, Kind] = {
    "v1/Namespace": Kind("/api/v1", "namespaces", namespaced=False),
    "v1/Secret": Kind("/api/v1", "secrets"),
    "v1/ConfigMap": Kind("/api/v1", "configmaps"),
    "v1/Service": Kind("/api/v1", "services"),
    "v1/PersistentVolumeClaim": Kind("/api/v1", "persistentvolumeclaims", reading="spec"),
    "apps/v1/Deployment": Kind("/apis/apps/v1", "deployments", reading="workload"),
    "apps/v1/DaemonSet": Kind("/apis/apps/v1", "daemonsets", reading="workload"),
    "apps/v1/StatefulSet": Kind("/apis/apps/v1", "statefulsets", reading="workload"),
    "batch/v1/Job": Kind("/apis/batch/v1", "jobs", reading="workload"),
    "autoscaling/v2/HorizontalPodAutoscaler": Kind("/apis/autoscaling/v2", "horizontalpodautoscalers", reading="spec"),
    "networking.k8s.io/v1/Ingress": Kind("/apis/networking.k8s.io/v1", "ingresses", reading="spec"),
}

# Without an object of ours, every cluster is asked for these: namespaces order everything else.
ALWAYS = ("v1/Namespace",)
