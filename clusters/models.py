"""What the fleet engine works on: clusters, nodes, bundles, placements. It knows nothing of tenants."""

from __future__ import annotations

import uuid
from functools import lru_cache

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from otestack.crypto import EncryptedTextField
from otestack.models import Timestamped, Trailed
from otestack.sentences import SentenceField, told
from otestack.statements import Statement


class Installation(models.Model):
    """One row: who this centre is, and the lock that placement changes take first."""

    centre = models.UUIDField(default=uuid.uuid4, editable=False)
    # Seconds. OTE_OBSERVE_INTERVAL, or longer while a full pass over the fleet takes longer (engine/pace.py).
    observe_interval = models.FloatField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_installation")]


class Heartbeat(models.Model):
    """A worker process that is alive, and the queues it serves."""

    worker = models.CharField(max_length=255, primary_key=True)
    queues = models.JSONField(default=list)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()


# Clusters that did not answer the last time, whether they count as away already or not.
SILENT = Q(failed_probes__gt=0) | Q(away_since__isnull=False)


class Cluster(Timestamped):
    """One edge cluster: how to reach it, what is due there, who drives it, when it was last seen whole."""

    name = models.CharField(max_length=63)
    driver = models.CharField(max_length=32, default="kubernetes")
    server = models.CharField(max_length=2000)
    # The kubeconfig, reduced to what the driver reads (drivers/kubernetes/kubeconfig.py), as JSON.
    credentials = EncryptedTextField()
    credentials_version = models.PositiveIntegerField(default=1)
    # uid of the namespace kube-system: tells one cluster from another behind the same address.
    uid = models.CharField(max_length=64)
    kubernetes_version = models.CharField(max_length=64, blank=True)
    removing = models.BooleanField(default=False)

    change_due_at = models.DateTimeField(null=True, blank=True)
    observe_due_at = models.DateTimeField(null=True, blank=True)
    change_seq = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_epoch = models.BigIntegerField(default=0)
    # The process that drove it last, and so holds the open connection to it; null: anybody's (engine/claim.py).
    kept_by = models.BigIntegerField(null=True, blank=True)
    # Claims since something was recorded; three mean that a worker died each time.
    claims_unrecorded = models.PositiveSmallIntegerField(default=0)

    observed_at = models.DateTimeField(null=True, blank=True)
    full_list_at = models.DateTimeField(null=True, blank=True)
    failed_probes = models.PositiveIntegerField(default=0)
    away_since = models.DateTimeField(null=True, blank=True)
    last_error = SentenceField(blank=True)
    orphans = models.PositiveIntegerField(default=0)
    node_count = models.PositiveIntegerField(default=0)
    # Of the last node list: an equal one is not compared row by row.
    nodes_digest = models.CharField(max_length=64, blank=True)

    trailed = Trailed(("name", "server", "uid", "removing", "credentials_version"))

    class Meta:
        constraints = [models.UniqueConstraint(Lower("name"), name="cluster_name")]
        indexes = [
            models.Index(fields=["change_due_at"], condition=Q(change_due_at__isnull=False), name="cluster_change_due"),
            models.Index(fields=["observe_due_at"], name="cluster_observe_due"),
            models.Index(fields=["observe_due_at"], condition=SILENT, name="cluster_probe_due"),
            models.Index(fields=["observed_at"], name="cluster_observed"),
            # Names are unique without regard to case, and looked up as they are written.
            models.Index(fields=["name"], name="cluster_by_name"),
        ]

    def __str__(self) -> str:
        return self.name


class ClusterLabel(models.Model):
    """A label on a cluster: placements select by it."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="labels")
    label = models.CharField(max_length=63)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cluster", "label"], name="cluster_label")]
        indexes = [models.Index(fields=["label", "cluster"], name="cluster_by_label")]

    def __str__(self) -> str:
        return self.label


class Node(Timestamped):
    """A node as it was last observed."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="nodes")
    name = models.CharField(max_length=253)
    operating_system = models.CharField(max_length=255, blank=True)
    kernel_version = models.CharField(max_length=255, blank=True)
    ip = models.CharField(max_length=64, blank=True)
    # Bytes, whole cores, bytes, bytes of GPU memory.
    memory = models.BigIntegerField(default=0)
    cpu = models.IntegerField(default=0)
    disk = models.BigIntegerField(default=0)
    gpu = models.BigIntegerField(default=0)
    ready = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cluster", "name"], name="node_name")]
        indexes = [models.Index(fields=["cluster"], condition=Q(ready=True), name="node_ready")]

    def __str__(self) -> str:
        return self.name


class NodeLabelQuerySet(models.QuerySet["NodeLabel"]):
    """Reads of node labels."""

    def carried(self) -> NodeLabelQuerySet:
        """Labels that count: what was asked for, until the node shows it; else what the node shows."""
        return self.filter(Q(wanted=True) | Q(wanted__isnull=True, observed=True))


class NodeLabel(models.Model):
    """A label of ours on a node. `wanted` is what was asked for and not yet seen; null: the node is the truth."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="labels")
    label = models.CharField(max_length=63)
    observed = models.BooleanField(default=False)
    wanted = models.BooleanField(null=True, blank=True)
    # Raised by each request, so that an answer to an older one cannot settle a newer one.
    wanted_seq = models.PositiveIntegerField(default=0)
    # With wanted=False: the pods of bundles that select this label leave the node too.
    evict = models.BooleanField(default=False)

    objects = NodeLabelQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["node", "label"], name="node_label")]
        indexes = [
            models.Index(fields=["label", "node"], name="node_by_label"),
            models.Index(fields=["node"], condition=Q(wanted__isnull=False), name="node_label_wanted"),
        ]

    def __str__(self) -> str:
        return self.label


class Selector(models.TextChoices):
    """Which clusters a bundle is meant for."""

    ALL = "all", _("every cluster")
    LABEL = "label", _("clusters with a label")
    CLUSTER = "cluster", _("one cluster by name")
    NONE = "none", _("no cluster")


class Bundle(Timestamped):
    """One wish for the fleet: the objects of one owner, and the clusters that should hold them."""

    # On the edge's objects; not the id, which a restored database may give out again.
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    title = SentenceField()
    owner_text = SentenceField(blank=True)
    namespace = models.CharField(max_length=63)
    generation = models.PositiveIntegerField(default=1)
    selector = models.CharField(max_length=10, choices=Selector.choices)
    selector_value = models.CharField(max_length=63, blank=True)
    node_label = models.CharField(max_length=63, blank=True)
    # Every kind that any generation held ("apps/v1/Deployment"), so that what is left over is found.
    kinds = models.JSONField(default=list)
    ended_at = models.DateTimeField(null=True, blank=True)
    # Placements changed and the owner has not settled it yet.
    dirty_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["dirty_at"], condition=Q(dirty_at__isnull=False), name="bundle_dirty"),
            models.Index(
                fields=["selector", "selector_value"], condition=Q(ended_at__isnull=True), name="bundle_selector"
            ),
            models.Index(fields=["node_label"], condition=~Q(node_label=""), name="bundle_node_label"),
        ]

    def __str__(self) -> str:
        return told(self.title)


class BundleObject(models.Model):
    """One Kubernetes object of a bundle's current generation. Rows go when the bundle ends."""

    bundle = models.ForeignKey(Bundle, on_delete=models.CASCADE, related_name="objects_wanted")
    position = models.PositiveSmallIntegerField()
    api_version = models.CharField(max_length=100)
    kind = models.CharField(max_length=63)
    namespace = models.CharField(max_length=63, blank=True)
    name = models.CharField(max_length=253)
    # The JSON that goes out, labels included; a Secret's lies in `secret` instead.
    body = models.TextField(blank=True)
    secret = EncryptedTextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["namespace", "kind", "name"], name="object_of_one_bundle"),
            models.UniqueConstraint(fields=["bundle", "position"], name="object_position"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class Placement(models.Model):
    """Bundle x cluster: what should be there, and what was last seen. Written only when its content changes."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="placements")
    bundle = models.ForeignKey(Bundle, on_delete=models.CASCADE, related_name="placements")
    # False: nothing of the bundle should be there; the row goes when a later pass found none of it.
    present = models.BooleanField(default=True)
    generation = models.PositiveIntegerField(default=1)
    applied_generation = models.PositiveIntegerField(default=0)
    applied_at = models.DateTimeField(null=True, blank=True)
    # The generation that was observed ready; green where it is the wanted one and the cluster is fresh.
    ready_generation = models.PositiveIntegerField(default=0)
    failed = models.BooleanField(default=False)
    deleted_once = models.BooleanField(default=False)

    running = models.PositiveIntegerField(default=0)
    error = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    # Belongs to `generation`: a change of generation clears both.
    last_error = SentenceField(blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    # "kind/name" to [uid, metadata.generation] as our last apply left it: what moved since is drift.
    marks = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cluster", "bundle"], name="placement")]
        indexes = [models.Index(fields=["bundle", "cluster"], name="placement_by_bundle")]

    def __str__(self) -> str:
        return gettext("%(bundle)s on %(cluster)s") % {"bundle": self.bundle, "cluster": self.cluster}


def observe_interval() -> float:
    """Return the effective observation interval in seconds."""
    stored = [interval for (interval,) in _stored_interval().run()] or [0]
    return max(*stored, settings.OTE_OBSERVE_INTERVAL)


@lru_cache(maxsize=1)
def _stored_interval() -> Statement:
    return Statement(Installation.objects.values_list("observe_interval"))
