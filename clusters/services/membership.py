"""Clusters join, get new credentials, and leave. The edge is asked before the transaction, never inside it."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from clusters.drivers.kubernetes.kubeconfig import Credentials, parse
from clusters.drivers.kubernetes.onboarding import ClusterFacts, inspect
from clusters.engine.marks import mark_due
from clusters.engine.nudge import nudge
from clusters.engine.placing import lock_placements, place_clusters, touch_bundles
from clusters.models import Cluster, ClusterLabel, NodeLabel, Placement
from clusters.names import fault
from clusters.services.labels import check_label
from otestack import trail
from otestack.errors import Conflict, Invalid
from otestack.sentences import say
from otestack.transactions import retry_deadlock

log = logging.getLogger(__name__)


def join(
    name: str, kubeconfig_text: str, context: str = "", *, labels: Iterable[str] = (), by: object = None
) -> Cluster:
    """Register a cluster; whatever belongs there is due at once. by: who did it, for the log.

    Raises Invalid for name, labels or kubeconfig, Unavailable when the cluster cannot be asked, Conflict when the name
    is taken or the cluster is registered under another one.
    """
    wanted = sorted(set(labels))
    if sentence := fault(name):
        raise Invalid(clusterName=sentence)
    for label in wanted:
        check_label(label, "clusterLabel")
    if name.lower() in {label.lower() for label in wanted}:
        raise Invalid(clusterLabel=say("A cluster has the name '%(name)s'; a label cannot be the same.", name=name))
    _check_name_free(name)
    credentials = parse(kubeconfig_text, context)
    facts = inspect(credentials)
    with transaction.atomic():
        lock_placements()
        _check_name_free(name)
        for label in wanted:
            _check_no_cluster(label)
        _check_unknown(facts)
        cluster = Cluster.objects.create(
            name=name,
            server=credentials.server,
            credentials=credentials.to_json(),
            uid=facts.uid,
            kubernetes_version=facts.version,
            node_count=facts.node_count,
            observe_due_at=Now(),
        )
        ClusterLabel.objects.bulk_create(ClusterLabel(cluster=cluster, label=label) for label in wanted)
        trail.created(cluster, "join", labels=wanted)
        place_clusters([cluster.pk])
        mark_due([cluster.pk])
        nudge()
    log.info("Cluster %s (%s) joined, by %s", name, facts.uid, by or "a command")
    cluster.refresh_from_db()
    return cluster


def check(cluster: Cluster) -> ClusterFacts:
    """Ask a registered cluster who it is; changes nothing. Raises as inspect() does, and Conflict for another one."""
    facts = inspect(Credentials.from_json(cluster.credentials))
    _check_same(cluster, facts)
    return facts


def update_credentials(cluster: Cluster, kubeconfig_text: str, context: str = "") -> None:
    """Reach the same cluster in another way from now on; workloads are not touched.

    Raises Invalid, Unavailable, and Conflict when another cluster answers.
    """
    credentials = parse(kubeconfig_text, context)
    facts = inspect(credentials)
    _check_same(cluster, facts)
    with transaction.atomic():
        changed = Cluster.objects.filter(pk=cluster.pk, uid=facts.uid).update(
            server=credentials.server,
            credentials=credentials.to_json(),
            credentials_version=F("credentials_version") + 1,
            kubernetes_version=facts.version,
            observe_due_at=Now(),  # an away cluster too: it has just answered
            updated_at=Now(),
        )
        if not changed:
            raise Conflict(say("The cluster '%(name)s' has been removed.", name=cluster.name))
        trail.changed("update credentials", cluster, server=credentials.server)
        mark_due([cluster.pk])
        nudge()
    cluster.refresh_from_db()


@retry_deadlock
@transaction.atomic
def remove(cluster: Cluster, *, force: bool = False) -> None:
    """Take what is ours off a cluster; the engine deletes its row when nothing is left (engine/record.py). Repeatable.

    force: forget it at once, without asking it. Raises Conflict when it is away and not forced.
    """
    lock_placements()
    if force:
        _forget(cluster)
        nudge()
        return
    found = Cluster.objects.filter(pk=cluster.pk).values_list("away_since", flat=True).first()
    if found is not None:
        raise Conflict(
            say(
                "The cluster '%(name)s' has been away since %(found)s UTC, so what is ours there cannot be "
                "removed; --force forgets it and leaves that behind.",
                name=cluster.name,
                found=f"{found:%Y-%m-%d %H:%M:%S}",
            )
        )
    # Bundles before clusters, as a recording worker locks them.
    touch_bundles(Placement.objects.filter(cluster_id=cluster.pk).values_list("bundle_id", flat=True))
    if Cluster.objects.filter(pk=cluster.pk, removing=False).update(removing=True, updated_at=Now()):
        trail.changed("remove", cluster, removing=True)
    labels = NodeLabel.objects.filter(node__cluster_id=cluster.pk).carried()
    labels.update(wanted=False, wanted_seq=F("wanted_seq") + 1, evict=False)
    place_clusters([cluster.pk])
    mark_due([cluster.pk])
    nudge()


@retry_deadlock
@transaction.atomic
def sync(cluster: Cluster) -> None:
    """Have a cluster looked at now; an away one at its next probe."""
    trail.noted("look at now", cluster)
    mark_due([cluster.pk])
    nudge()


@retry_deadlock
@transaction.atomic
def sync_all() -> int:
    """Have all clusters looked at now, away ones at their next probe; return how many there are."""
    ids = list(Cluster.objects.values_list("pk", flat=True))
    trail.write([trail.of("fleet", "", "all clusters", "look at now", after={"clusters": len(ids)})])
    mark_due(ids)
    nudge()
    return len(ids)


def _forget(cluster: Cluster) -> None:
    touch_bundles(Placement.objects.filter(cluster_id=cluster.pk).values_list("bundle_id", flat=True))
    for locked in Cluster.objects.select_for_update().filter(pk=cluster.pk):
        trail.deleted(locked, "forget")
        locked.delete()
        log.info("Cluster %s has been removed by force", locked.name)


def _check_name_free(name: str) -> None:
    taken = Cluster.objects.filter(name__iexact=name).first()
    if taken is not None:
        raise Conflict(say("There is a cluster '%(name)s' already.", name=taken.name))
    if ClusterLabel.objects.filter(label__iexact=name).exists():
        raise Invalid(clusterName=say("'%(name)s' is a label of clusters; a name cannot be the same.", name=name))


def _check_no_cluster(label: str) -> None:
    if Cluster.objects.filter(name__iexact=label).exists():
        raise Invalid(clusterLabel=say("A cluster has the name '%(label)s'; a label cannot be the same.", label=label))


def _check_unknown(facts: ClusterFacts) -> None:
    known = Cluster.objects.filter(uid=facts.uid).first()
    if known is not None:
        state = say("is still being removed") if known.removing else say("is registered already")
        raise Conflict(say("This cluster %(state)s, as '%(name)s'.", state=state, name=known.name))


def _check_same(cluster: Cluster, facts: ClusterFacts) -> None:
    if facts.uid != cluster.uid:
        raise Conflict(
            say(
                "Another cluster than '%(name)s' answers: the uid of its kube-system is %(uid)s, not %(uid_2)s.",
                name=cluster.name,
                uid=facts.uid,
                uid_2=cluster.uid,
            )
        )
