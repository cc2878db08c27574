"""The fleet in the back-office. Credentials are never loaded with what is shown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Count, F, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

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
from otestack.sentences import say, told

PLACEMENT_STATES = ("waiting", "applying", "progressing", "ready", "failed", "away", "stale", "removing")
_GIB = 2**30


class ClusterState(Choice):
    """By state as it is read."""

    title = _("state")
    parameter_name = "state"
    options = {state: (state, Q(state=state)) for state in STATES}


class PlacementState(ClusterState):
    """By state as it is read, narrowed by what the table itself holds: a join of all that is placed takes seconds."""

    options = {state: (state, Q(state=state)) for state in PLACEMENT_STATES}

    def condition(self, key: str) -> Q:
        """Add what the state implies. Most are ready, and PostgreSQL takes an equality of two columns to be rare."""
        if key == "ready":
            return Q(present=True, ready_generation__gte=F("generation")) & is_fresh("cluster__")
        return super().condition(key) & implied(key)


class NodeReady(Choice):
    """Ready when last seen, on a cluster that is fresh now."""

    title = _("ready")
    parameter_name = "ready"
    options = {"yes": (_("Yes"), Q(alive=True)), "no": (_("No"), Q(alive=False))}


class BundleEnded(Choice):
    """Ended ones are out of the way."""

    title = _("ended")
    parameter_name = "ended"
    unchosen = (_("Not ended"), Q(ended_at__isnull=True))
    options = {"yes": (_("Ended"), Q(ended_at__isnull=False)), "all": (_("All"), Q())}


@admin.register(Cluster)
class ClusterAdmin(RecordAdmin):
    """Clusters and how they are."""

    menu = ("Fleet", "dns", 1)
    list_display = (
        "name", "state", "away_since", "observed_at", "node_count", "label_names", "kubernetes_version", "trouble",
    )  # fmt: skip
    list_filter = (ClusterState,)
    search_fields = ("name", "labels__label__exact", "server")
    search_help_text = _("Name, whole label or server")
    ordering = ("name", "pk")
    fields = (
        "id", "name", "state", "away_since", "failed_probes", "trouble", "observed_at", "full_list_at", "server",
        "driver", "uid", "kubernetes_version", "label_names", "nodes_of_it", "placements_on_it", "orphans", "removing",
        "change_due_at", "observe_due_at", "lease_until", "created_at", "updated_at",
    )  # fmt: skip
    deferred = ("credentials",)
    making = Making(_("Register a cluster"), NewCluster, say("registered"))
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

    @admin.display(description=_("State"), ordering="state")
    def state(self, cluster: Any) -> str:
        """Return the state as of now."""
        return badge(cluster.state)

    @admin.display(description=_("labels"))
    def label_names(self, cluster: Cluster) -> str:
        """Return the labels."""
        return _joined(label.label for label in cluster.labels.all())

    @admin.display(description=_("nodes"))
    def nodes_of_it(self, cluster: Cluster) -> str:
        """Return the way to its nodes."""
        return list_link(Node, str(cluster.node_count), f"cluster__id__exact={cluster.pk}")

    @admin.display(description=_("placements"))
    def placements_on_it(self, cluster: Cluster) -> str:
        """Return what is on it, by state."""
        return placements_by_state(Placement.objects.filter(cluster=cluster), f"cluster__id__exact={cluster.pk}")

    @admin.display(description=_("last error"), ordering="last_error")
    def trouble(self, cluster: Cluster) -> str:
        """Return what was wrong in the last pass."""
        return told(cluster.last_error) or "-"

    @deed(_("Look now"), ask=False)
    def look_now(self, request: HttpRequest, cluster: Cluster) -> str:
        """Have the cluster looked at."""
        services.sync(cluster)
        return say(
            "will be looked at %(value)s",
            value=say("at its next probe, since it is away") if cluster.away_since else say("now"),
        )

    @deed(_("Check the connection"), ask=False)
    def ask_now(self, request: HttpRequest, cluster: Cluster) -> str:
        """Ask it who it is; changes nothing."""
        facts = services.check(Cluster.objects.get(pk=cluster.pk))
        return say(
            "it answers: Kubernetes %(version)s, %(node_count)s nodes",
            version=facts.version,
            node_count=facts.node_count,
        )

    @deed(_("Add a label"), form=Label)
    def add_label(self, request: HttpRequest, cluster: Cluster, *, clusterLabel: str) -> str:
        """Put a label on it; what is meant for the label goes there."""
        services.add_label([cluster.name], clusterLabel)
        return say("label %(cluster_label)s added; what is meant for it goes there", cluster_label=clusterLabel)

    @deed(_("Remove a label"), form=Label, about="about_labels", offered=lambda cluster: bool(cluster.labels.all()))
    def remove_label(self, request: HttpRequest, cluster: Cluster, *, clusterLabel: str) -> str:
        """Take a label off; what is there because of it leaves."""
        services.delete_label([cluster.name], clusterLabel)
        return say("label %(cluster_label)s removed; what was there because of it leaves", cluster_label=clusterLabel)

    @deed(_("New kubeconfig"), form=Kubeconfig)
    def new_credentials(self, request: HttpRequest, cluster: Cluster, *, kubeconfig: str, context: str) -> str:
        """Reach the same cluster in another way."""
        services.update_credentials(Cluster.objects.get(pk=cluster.pk), kubeconfig, context)
        return say("reached by the new kubeconfig from now on")

    @deed(_("Remove"), about="about_removal", ends=True, offered=lambda cluster: not cluster.removing)
    def remove(self, request: HttpRequest, cluster: Cluster) -> str:
        """Take what is ours off it."""
        services.remove(cluster)
        return say("what is ours leaves it; then it is gone from here")

    @deed(_("Forget"), about="about_forgetting", ends=True)
    def forget(self, request: HttpRequest, cluster: Cluster) -> str:
        """Drop it without asking it."""
        services.remove(cluster, force=True)
        return say("forgotten; what is ours is still there")

    def about_labels(self, cluster: Cluster) -> list[str]:
        """Name its labels."""
        return [told(say("Its labels: %(value)s", value=_joined(label.label for label in cluster.labels.all())))]

    def about_removal(self, cluster: Cluster) -> list[str]:
        """Say what goes."""
        placed = Placement.objects.filter(cluster=cluster, present=True).order_by("bundle__title")
        names = list(placed.values_list("bundle__title", flat=True)[:MOST_NAMED])
        return [
            told(say("What leaves it: %(names)s", names=named(names, placed.count()))),
            told(say("Nodes not shown any more: %(node_count)s", node_count=cluster.node_count)),
        ]

    def about_forgetting(self, cluster: Cluster) -> list[str]:
        """Say what stays behind."""
        return [gettext("Nothing is deleted there: all that is ours stays on it."), *self.about_removal(cluster)]


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
    search_help_text = _("Name, cluster, address or whole label")
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

    @admin.display(description=_("ready"), boolean=True)
    def is_ready(self, node: Any) -> bool:
        """Tell whether it is ready now."""
        return bool(node.alive)

    @admin.display(description=_("labels"))
    def label_names(self, node: Node) -> str:
        """Return the labels; one that the node does not show yet is marked."""
        return _joined(
            label.label if label.observed else told(say("%(label)s (asked for)", label=label.label))
            for label in node.labels.all()
        )

    @admin.display(description=_("memory (GiB)"), ordering="memory")
    def memory_gib(self, node: Node) -> str:
        """Return the memory."""
        return f"{node.memory / _GIB:.1f}"

    @admin.display(description=_("disk (GiB)"), ordering="disk")
    def disk_gib(self, node: Node) -> str:
        """Return the disk."""
        return f"{node.disk / _GIB:.1f}"

    @admin.display(description=_("GPU (GiB)"), ordering="gpu")
    def gpu_gib(self, node: Node) -> str:
        """Return the memory of its GPUs."""
        return f"{node.gpu / _GIB:.1f}"

    @deed(_("Add a label"), form=NodeLabelForm)
    def add_label(self, request: HttpRequest, node: Node, *, nodeLabel: str) -> str:
        """Put a label on it; pods that are meant for the label may run there."""
        services.add_node_label(node.cluster.name, [node.name], nodeLabel)
        return say(
            "label %(label)s is asked for; the node shows it as soon as its cluster has taken it", label=nodeLabel
        )

    @deed(
        _("Remove a label"), form=LeavingNodeLabel, about="about_labels", offered=lambda node: bool(node.labels.all())
    )
    def remove_label(self, request: HttpRequest, node: Node, *, nodeLabel: str, deleteDeploy: bool) -> str:
        """Take a label off it."""
        services.delete_node_label(node.cluster.name, [node.name], nodeLabel, delete_deploy=deleteDeploy)
        return say("label %(label)s leaves it", label=nodeLabel)

    def about_labels(self, node: Node) -> list[str]:
        """Name its labels."""
        return [
            told(
                say(
                    "On the cluster %(cluster)s. Its labels: %(labels)s",
                    cluster=str(node.cluster),
                    labels=self.label_names(node),
                )
            )
        ]


@admin.register(Bundle)
class BundleAdmin(RecordAdmin):
    """What the fleet is meant to hold."""

    tenancy = "deployment__business"
    menu = ("Fleet", "inventory_2", 4)
    list_display = (
        "named", "owner", "namespace", "generation", "selector", "selector_value", "node_label", "ended_at",
        "created_at",
    )  # fmt: skip
    list_filter = (BundleEnded, "selector")
    search_fields = ("title", "owner_text", "namespace")
    search_help_text = _("Title, owner or namespace")
    ordering = ("-pk",)
    fields = (
        "id", "uid", "named", "owner", "namespace", "generation", "selector", "selector_value", "node_label",
        "placements_of_it", "objects_of_it", "ended_at", "dirty_at", "created_at", "updated_at",
    )  # fmt: skip

    @admin.display(description=_("title"), ordering="title")
    def named(self, bundle: Bundle) -> str:
        """Return what it is, in the reader's language."""
        return str(bundle)

    @admin.display(description=_("owner text"), ordering="owner_text")
    def owner(self, bundle: Bundle) -> str:
        """Return whose it is."""
        return told(bundle.owner_text) or "-"

    @admin.display(description=_("placements"))
    def placements_of_it(self, bundle: Bundle) -> str:
        """Return where it is, by state."""
        return placements_by_state(Placement.objects.filter(bundle=bundle), f"bundle__id__exact={bundle.pk}")

    @admin.display(description=_("objects"))
    def objects_of_it(self, bundle: Bundle) -> str:
        """Return the objects that go out; of a Secret only the name."""
        rows = bundle.objects_wanted.defer("secret").order_by("position")
        return objects_in_full((str(row), json.loads(row.body) if row.body else gettext("not shown")) for row in rows)


@admin.register(Placement)
class PlacementAdmin(RecordAdmin):
    """Bundle by cluster: wanted, applied, ready."""

    tenancy = "bundle__deployment__business"
    menu = ("Fleet", "grid_view", 3)
    list_display = (
        "bundle", "cluster", "state", "generation", "applied", "ready", "pods", "trouble", "attempts",
        "next_attempt_at",
    )  # fmt: skip
    list_filter = (PlacementState,)
    search_fields = ("bundle__title", "bundle__namespace", "cluster__name")
    search_help_text = _("Bundle, namespace or cluster")
    ordering = ("-pk",)
    fields = (
        "id", "bundle", "cluster", "state", "why_here", "present", "generation", "applied_generation",
        "ready_generation", "pods", "failed", "trouble", "cluster_error", "attempts", "next_attempt_at",
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

    @admin.display(description=_("State"))
    def state(self, placement: Any) -> str:
        """Return the state as of now."""
        return badge(placement.state)

    @admin.display(description=_("why"))
    def why_here(self, placement: Placement) -> str:
        """Return why it is there, or is leaving."""
        return told(why(placement.bundle, placement.cluster))

    @admin.display(description=_("Applied"), ordering="applied_generation")
    def applied(self, placement: Placement) -> int:
        """Return the generation that was applied."""
        return placement.applied_generation

    @admin.display(description=_("Ready"), ordering="ready_generation")
    def ready(self, placement: Placement) -> int:
        """Return the generation that was seen ready."""
        return placement.ready_generation

    @admin.display(description=_("pods (running / error / total)"))
    def pods(self, placement: Placement) -> str:
        """Return the pod counts."""
        return f"{placement.running} / {placement.error} / {placement.total}"

    @admin.display(description=_("last error"), ordering="last_error")
    def trouble(self, placement: Placement) -> str:
        """Return what is wrong with it there."""
        return told(placement.last_error) or "-"

    @admin.display(description=_("last error of the cluster"))
    def cluster_error(self, placement: Placement) -> str:
        """Return what is wrong with the cluster itself."""
        return told(placement.cluster.last_error) or "-"


def placements_by_state(rows: QuerySet[Any], query: str) -> str:
    """Return '3 ready, 1 failed', each a link to those."""
    counted = rows.annotate(state=placement_state()).order_by().values_list("state").annotate(number=Count("pk"))
    numbers = dict(counted)
    links = [
        list_link(Placement, f"{numbers[state]} {gettext(state)}", f"{query}&state={state}")
        for state in PLACEMENT_STATES
        if state in numbers
    ]
    return format_html_join(", ", "{}", ((item,) for item in links)) or gettext("none")


def objects_in_full(objects: Iterable[tuple[str, Any]], *, unfolded: bool = True) -> str:
    """Return named objects as JSON that can be folded away."""
    fold = "<details open>" if unfolded else "<details>"
    lines = ((name, pretty(body)) for name, body in objects)
    return format_html_join("", fold + "<summary>{}</summary>{}</details>", lines) or gettext("none")


def _joined(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "-"
