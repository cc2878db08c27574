"""The fleet in the back-office. Credentials are never loaded with what is shown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join

from clusters import services
from clusters.forms import Kubeconfig, Label, LeavingNodeLabel, NewCluster
from clusters.forms import NodeLabel as NodeLabelForm
from clusters.freshness import flag, is_fresh
from clusters.models import Bundle, Cluster, Node, NodeLabel, Placement
from clusters.narrowing import implied, of_either
from clusters.reports import STATES, cluster_state, placement_state
from clusters.why import why
from otestack.backoffice.deeds import deed
from otestack.backoffice.lists import Choice
from otestack.backoffice.making import Making
from otestack.backoffice.records import RecordAdmin
from otestack.backoffice.words import MOST_NAMED, badge, list_link, named, pretty

PLACEMENT_STATES = ("waiting", "applying", "progressing", "ready", "failed", "away", "stale", "removing")
_GIB = 2**30


class ClusterState(Choice):
    """By state as it is read."""

    title = "state"
    parameter_name = "state"
    options = {state: (state, Q(state=state)) for state in STATES}


class PlacementState(ClusterState):
    """By state as it is read, narrowed by what the table itself holds: a join of all that is placed takes seconds."""

    options = {state: (state, Q(state=state)) for state in PLACEMENT_STATES}

    def condition(self, key: str) -> Q:
        """Add what the state implies."""
        return super().condition(key) & implied(key)


class NodeReady(Choice):
    """Ready when last seen, on a cluster that is fresh now."""

    title = "ready"
    parameter_name = "ready"
    options = {"yes": ("Yes", Q(alive=True)), "no": ("No", Q(alive=False))}


class BundleEnded(Choice):
    """Ended ones are out of the way."""

    title = "ended"
    parameter_name = "ended"
    unchosen = ("Not ended", Q(ended_at__isnull=True))
    options = {"yes": ("Ended", Q(ended_at__isnull=False)), "all": ("All", Q())}


@admin.register(Cluster)
class ClusterAdmin(RecordAdmin):
    """Clusters and how they are."""

    menu = ("Fleet", "dns", 1)
    list_display = (
        "name", "state", "away_since", "observed_at", "node_count", "label_names", "kubernetes_version", "last_error",
    )  # fmt: skip
    list_filter = (ClusterState,)
    search_fields = ("name", "labels__label__exact", "server")
    search_help_text = "Name, whole label or server"
    ordering = ("name", "pk")
    fields = (
        "id", "name", "state", "away_since", "failed_probes", "last_error", "observed_at", "full_list_at", "server",
        "driver", "uid", "kubernetes_version", "label_names", "nodes_of_it", "placements_on_it", "orphans", "removing",
        "change_due_at", "observe_due_at", "lease_until", "created_at", "updated_at",
    )  # fmt: skip
    deferred = ("credentials",)
    making = Making("Register a cluster", NewCluster, "registered")
    actions = ("look_now", "ask_now", "add_label", "remove_label", "new_credentials", "remove", "forget")

    def make(self, request: HttpRequest, **answers: Any) -> Cluster:
        """Register a cluster after it has answered."""
        labels = answers["clusterLabel"]
        return services.join(
            answers["clusterName"], answers["kubeconfig"], answers["context"], labels=labels, by=request.user
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Judge the state now."""
        return super().get_queryset(request).annotate(state=cluster_state()).prefetch_related("labels")

    @admin.display(ordering="state")
    def state(self, cluster: Any) -> str:
        """Return the state as of now."""
        return badge(cluster.state)

    @admin.display(description="labels")
    def label_names(self, cluster: Cluster) -> str:
        """Return the labels."""
        return _joined(label.label for label in cluster.labels.all())

    @admin.display(description="nodes")
    def nodes_of_it(self, cluster: Cluster) -> str:
        """Return the way to its nodes."""
        return list_link(Node, str(cluster.node_count), f"cluster__id__exact={cluster.pk}")

    @admin.display(description="placements")
    def placements_on_it(self, cluster: Cluster) -> str:
        """Return what is on it, by state."""
        return placements_by_state(Placement.objects.filter(cluster=cluster), f"cluster__id__exact={cluster.pk}")

    @deed("Look now", ask=False)
    def look_now(self, request: HttpRequest, cluster: Cluster) -> str:
        """Have the cluster looked at."""
        services.sync(cluster)
        return f"will be looked at {'at its next probe, since it is away' if cluster.away_since else 'now'}"

    @deed("Check the connection", ask=False)
    def ask_now(self, request: HttpRequest, cluster: Cluster) -> str:
        """Ask it who it is; changes nothing."""
        facts = services.check(Cluster.objects.get(pk=cluster.pk))
        return f"it answers: Kubernetes {facts.version}, {facts.node_count} nodes"

    @deed("Add a label", form=Label)
    def add_label(self, request: HttpRequest, cluster: Cluster, *, clusterLabel: str) -> str:
        """Put a label on it; what is meant for the label goes there."""
        services.add_label([cluster.name], clusterLabel)
        return f"label {clusterLabel} added; what is meant for it goes there"

    @deed("Remove a label", form=Label, about="about_labels", offered=lambda cluster: bool(cluster.labels.all()))
    def remove_label(self, request: HttpRequest, cluster: Cluster, *, clusterLabel: str) -> str:
        """Take a label off; what is there because of it leaves."""
        services.delete_label([cluster.name], clusterLabel)
        return f"label {clusterLabel} removed; what was there because of it leaves"

    @deed("New kubeconfig", form=Kubeconfig)
    def new_credentials(self, request: HttpRequest, cluster: Cluster, *, kubeconfig: str, context: str) -> str:
        """Reach the same cluster in another way."""
        services.update_credentials(Cluster.objects.get(pk=cluster.pk), kubeconfig, context)
        return "reached by the new kubeconfig from now on"

    @deed("Remove", about="about_removal", ends=True, offered=lambda cluster: not cluster.removing)
    def remove(self, request: HttpRequest, cluster: Cluster) -> str:
        """Take what is ours off it."""
        services.remove(cluster)
        return "what is ours leaves it; then it is gone from here"

    @deed("Forget", about="about_forgetting", ends=True)
    def forget(self, request: HttpRequest, cluster: Cluster) -> str:
        """Drop it without asking it."""
        services.remove(cluster, force=True)
        return "forgotten; what is ours is still there"

    def about_labels(self, cluster: Cluster) -> list[str]:
        """Name its labels."""
        return [f"Its labels: {_joined(label.label for label in cluster.labels.all())}"]

    def about_removal(self, cluster: Cluster) -> list[str]:
        """Say what goes."""
        placed = Placement.objects.filter(cluster=cluster, present=True).order_by("bundle__title")
        names = list(placed.values_list("bundle__title", flat=True)[:MOST_NAMED])
        return [
            f"What leaves it: {named(names, placed.count())}",
            f"Nodes not shown any more: {cluster.node_count}",
        ]

    def about_forgetting(self, cluster: Cluster) -> list[str]:
        """Say what stays behind."""
        return ["Nothing is deleted there: all that is ours stays on it.", *self.about_removal(cluster)]


@admin.register(Node)
class NodeAdmin(RecordAdmin):
    """Nodes as they were last observed."""

    menu = ("Fleet", "memory", 2)
    list_display = (
        "name", "cluster", "is_ready", "label_names", "ip", "cpu", "memory_gib", "disk_gib", "gpu_gib",
        "kernel_version",
    )  # fmt: skip
    list_filter = (NodeReady,)
    search_fields = ("name", "cluster__name", "ip", "labels__label__exact")
    search_help_text = "Name, cluster, address or whole label"
    ordering = ("cluster__name", "name", "pk")
    fields = (
        "id", "name", "cluster", "is_ready", "label_names", "ip", "cpu", "memory_gib", "disk_gib", "gpu_gib",
        "operating_system", "kernel_version", "created_at", "updated_at",
    )  # fmt: skip
    joined = ("cluster",)
    deferred = ("cluster__credentials",)
    actions = ("add_label", "remove_label")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Judge readiness now, and bring the labels that count."""
        labels = Prefetch("labels", NodeLabel.objects.carried().order_by("label"))
        alive = flag(is_fresh("cluster__") & Q(ready=True))
        return super().get_queryset(request).annotate(alive=alive).prefetch_related(labels)

    @admin.display(description="ready", boolean=True)
    def is_ready(self, node: Any) -> bool:
        """Tell whether it is ready now."""
        return bool(node.alive)

    @admin.display(description="labels")
    def label_names(self, node: Node) -> str:
        """Return the labels; one that the node does not show yet is marked."""
        return _joined(f"{label.label}{'' if label.observed else ' (asked for)'}" for label in node.labels.all())

    @admin.display(description="memory (GiB)", ordering="memory")
    def memory_gib(self, node: Node) -> str:
        """Return the memory."""
        return f"{node.memory / _GIB:.1f}"

    @admin.display(description="disk (GiB)", ordering="disk")
    def disk_gib(self, node: Node) -> str:
        """Return the disk."""
        return f"{node.disk / _GIB:.1f}"

    @admin.display(description="GPU (GiB)", ordering="gpu")
    def gpu_gib(self, node: Node) -> str:
        """Return the memory of its GPUs."""
        return f"{node.gpu / _GIB:.1f}"

    @deed("Add a label", form=NodeLabelForm)
    def add_label(self, request: HttpRequest, node: Node, *, nodeLabel: str) -> str:
        """Put a label on it; pods that are meant for the label may run there."""
        services.add_node_label(node.cluster.name, [node.name], nodeLabel)
        return f"label {nodeLabel} is asked for; the node shows it as soon as its cluster has taken it"

    @deed("Remove a label", form=LeavingNodeLabel, about="about_labels", offered=lambda node: bool(node.labels.all()))
    def remove_label(self, request: HttpRequest, node: Node, *, nodeLabel: str, deleteDeploy: bool) -> str:
        """Take a label off it."""
        services.delete_node_label(node.cluster.name, [node.name], nodeLabel, delete_deploy=deleteDeploy)
        return f"label {nodeLabel} leaves it"

    def about_labels(self, node: Node) -> list[str]:
        """Name its labels."""
        return [f"On the cluster {node.cluster}. Its labels: {self.label_names(node)}"]


@admin.register(Bundle)
class BundleAdmin(RecordAdmin):
    """What the fleet is meant to hold."""

    tenancy = "deployment__business"
    menu = ("Fleet", "inventory_2", 4)
    list_display = (
        "title", "owner_text", "namespace", "generation", "selector", "selector_value", "node_label", "ended_at",
        "created_at",
    )  # fmt: skip
    list_filter = (BundleEnded, "selector")
    search_fields = ("title", "owner_text", "namespace")
    search_help_text = "Title, owner or namespace"
    ordering = ("-pk",)
    fields = (
        "id", "uid", "title", "owner_text", "namespace", "generation", "selector", "selector_value", "node_label",
        "placements_of_it", "objects_of_it", "ended_at", "dirty_at", "created_at", "updated_at",
    )  # fmt: skip

    @admin.display(description="placements")
    def placements_of_it(self, bundle: Bundle) -> str:
        """Return where it is, by state."""
        return placements_by_state(Placement.objects.filter(bundle=bundle), f"bundle__id__exact={bundle.pk}")

    @admin.display(description="objects")
    def objects_of_it(self, bundle: Bundle) -> str:
        """Return the objects that go out; of a Secret only the name."""
        rows = bundle.objects_wanted.defer("secret").order_by("position")
        return objects_in_full((str(row), json.loads(row.body) if row.body else "not shown") for row in rows)


@admin.register(Placement)
class PlacementAdmin(RecordAdmin):
    """Bundle by cluster: wanted, applied, ready."""

    tenancy = "bundle__deployment__business"
    menu = ("Fleet", "grid_view", 3)
    list_display = (
        "bundle", "cluster", "state", "generation", "applied", "ready", "pods", "last_error", "attempts",
        "next_attempt_at",
    )  # fmt: skip
    list_filter = (PlacementState,)
    search_fields = ("bundle__title", "bundle__namespace", "cluster__name")
    search_help_text = "Bundle, namespace or cluster"
    ordering = ("-pk",)
    fields = (
        "id", "bundle", "cluster", "state", "why_here", "present", "generation", "applied_generation",
        "ready_generation", "pods", "failed", "last_error", "cluster_error", "attempts", "next_attempt_at",
        "applied_at",
    )  # fmt: skip
    joined = ("bundle", "cluster")
    deferred = ("cluster__credentials", "bundle__kinds", "marks")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Judge the state now."""
        return super().get_queryset(request).annotate(state=placement_state())

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search the small tables first: what a few of them hold is found by index, what many hold is found at once."""
        for word in search_term.split():
            bundles = Bundle.objects.filter(Q(title__icontains=word) | Q(namespace__icontains=word))
            queryset = of_either(queryset, bundles, Cluster.objects.filter(name__icontains=word))
        return queryset, False

    @admin.display()
    def state(self, placement: Any) -> str:
        """Return the state as of now."""
        return badge(placement.state)

    @admin.display(description="why")
    def why_here(self, placement: Placement) -> str:
        """Return why it is there, or is leaving."""
        return why(placement.bundle, placement.cluster)

    @admin.display(ordering="applied_generation")
    def applied(self, placement: Placement) -> int:
        """Return the generation that was applied."""
        return placement.applied_generation

    @admin.display(ordering="ready_generation")
    def ready(self, placement: Placement) -> int:
        """Return the generation that was seen ready."""
        return placement.ready_generation

    @admin.display(description="pods (running / error / total)")
    def pods(self, placement: Placement) -> str:
        """Return the pod counts."""
        return f"{placement.running} / {placement.error} / {placement.total}"

    @admin.display(description="last error of the cluster")
    def cluster_error(self, placement: Placement) -> str:
        """Return what is wrong with the cluster itself."""
        return placement.cluster.last_error or "-"


def placements_by_state(rows: QuerySet[Any], query: str) -> str:
    """Return '3 ready, 1 failed', each a link to those."""
    counted = rows.annotate(state=placement_state()).order_by().values_list("state").annotate(number=Count("pk"))
    numbers = dict(counted)
    links = [
        list_link(Placement, f"{numbers[state]} {state}", f"{query}&state={state}")
        for state in PLACEMENT_STATES
        if state in numbers
    ]
    return format_html_join(", ", "{}", ((item,) for item in links)) or "none"


def objects_in_full(objects: Iterable[tuple[str, Any]], *, unfolded: bool = True) -> str:
    """Return named objects as JSON that can be folded away."""
    fold = "<details open>" if unfolded else "<details>"
    lines = ((name, pretty(body)) for name, body in objects)
    return format_html_join("", fold + "<summary>{}</summary>{}</details>", lines) or "none"


def _joined(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "-"
