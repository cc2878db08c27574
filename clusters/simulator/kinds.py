"""The kinds that a simulated cluster serves, as data."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource of the API: where it lives and what can be done with it."""

    group: str
    version: str
    name: str
    plural: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    generation: bool = False  # counts changes of the spec in metadata.generation
    singular: str = field(default="", compare=False)

    @property
    def api_version(self) -> str:
        """Group and version as objects carry them."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def schema(self) -> str:
        """The type's name in schema/types.json."""
        group = (self.group or "core").removesuffix(".k8s.io").split(".")[0]
        return f"{group}.{self.version}.{self.name}"

    @property
    def qualified(self) -> str:
        """The resource as messages name it: deployments.apps, pods."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def has_status(self) -> bool:
        """Whether the status is written through its own door."""
        return "status" in self.subresources


def _kind(group: str, name: str, plural: str, **options: object) -> Kind:
    version = str(options.pop("version", "v1"))
    return Kind(group, version, name, plural, singular=name.lower(), **options)  # type: ignore[arg-type]


ALL = ("all",)
WORKLOAD = ("status", "scale")

KINDS: tuple[Kind, ...] = (
    _kind("", "Namespace", "namespaces", namespaced=False, short=("ns",), subresources=("status", "finalize")),
    _kind("", "Node", "nodes", namespaced=False, short=("no",), subresources=("status",)),
    _kind(
        "",
        "Pod",
        "pods",
        short=("po",),
        categories=ALL,
        generation=True,
        subresources=("status", "eviction", "log", "binding"),
    ),
    _kind("", "Service", "services", short=("svc",), categories=ALL, subresources=("status",)),
    _kind("", "Secret", "secrets"),
    _kind("", "ConfigMap", "configmaps", short=("cm",)),
    _kind("", "ServiceAccount", "serviceaccounts", short=("sa",)),
    _kind("", "Event", "events", short=("ev",)),
    _kind("", "Endpoints", "endpoints", short=("ep",)),
    _kind("", "PersistentVolumeClaim", "persistentvolumeclaims", short=("pvc",), subresources=("status",)),
    _kind("", "PersistentVolume", "persistentvolumes", namespaced=False, short=("pv",), subresources=("status",)),
    _kind("", "ResourceQuota", "resourcequotas", short=("quota",), subresources=("status",)),
    _kind("", "LimitRange", "limitranges", short=("limits",)),
    _kind(
        "apps", "Deployment", "deployments", short=("deploy",), categories=ALL, subresources=WORKLOAD, generation=True
    ),
    _kind("apps", "ReplicaSet", "replicasets", short=("rs",), categories=ALL, subresources=WORKLOAD, generation=True),
    _kind("apps", "DaemonSet", "daemonsets", short=("ds",), categories=ALL, subresources=("status",), generation=True),
    _kind(
        "apps", "StatefulSet", "statefulsets", short=("sts",), categories=ALL, subresources=WORKLOAD, generation=True
    ),
    _kind("apps", "ControllerRevision", "controllerrevisions"),
    _kind("batch", "Job", "jobs", categories=ALL, subresources=("status",), generation=True),
    _kind("batch", "CronJob", "cronjobs", short=("cj",), categories=ALL, subresources=("status",), generation=True),
    _kind(
        "autoscaling",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        version="v2",
        short=("hpa",),
        categories=ALL,
        subresources=("status",),
        generation=True,
    ),
    _kind("networking.k8s.io", "Ingress", "ingresses", short=("ing",), subresources=("status",), generation=True),
    _kind("networking.k8s.io", "NetworkPolicy", "networkpolicies", short=("netpol",), generation=True),
    _kind("networking.k8s.io", "IngressClass", "ingressclasses", namespaced=False, generation=True),
    _kind(
        "policy",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        short=("pdb",),
        subresources=("status",),
        generation=True,
    ),
    _kind("rbac.authorization.k8s.io", "Role", "roles"),
    _kind("rbac.authorization.k8s.io", "RoleBinding", "rolebindings"),
    _kind("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", namespaced=False),
    _kind("rbac.authorization.k8s.io", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    _kind("discovery.k8s.io", "EndpointSlice", "endpointslices"),
    _kind("coordination.k8s.io", "Lease", "leases"),
    _kind("storage.k8s.io", "StorageClass", "storageclasses", namespaced=False, short=("sc",)),
    _kind("scheduling.k8s.io", "PriorityClass", "priorityclasses", namespaced=False, short=("pc",)),
)

BY_NAME: dict[str, Kind] = {kind.name: kind for kind in KINDS}
BY_PATH: dict[tuple[str, str, str], Kind] = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}
GROUPS: tuple[str, ...] = tuple(dict.fromkeys(kind.group for kind in KINDS if kind.group))
