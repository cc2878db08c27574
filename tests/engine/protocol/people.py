"""Who wishes, labels, ends, retries and removes: what is asked for anew has its time at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from clusters import models, services
from clusters.engine.bundles import end, put
from clusters.engine.clock import db_now
from clusters.engine.marks import mark_due
from clusters.engine.placing import lock_placements, place_clusters
from tests.engine.protocol.books import LABEL, NODE_LABEL, WHICH, pick
from tests.engine.protocol.edges import Edge
from tests.engine.protocol.gated import CONFIGMAP
from tests.engine.protocol.promises import Promises
from tests.engine.things import DEPLOYMENT, cluster, configmap, ref, wish


class People(Promises):
    """Each call is one transaction of a service."""

    @initialize()
    def begin(self) -> None:
        self.join()
        self.want("a", "all", True)

    def join(self) -> None:
        with transaction.atomic():  # as services.join, once the edge has said who it is
            lock_placements()
            one = cluster(observe_due_at=db_now())
            place_clusters([one.pk])
            mark_due([one.pk])
        self.edges[one.pk] = Edge(one.name)

    @rule(name=st.sampled_from("ab"), selector=st.sampled_from(["all", "label"]), config=st.booleans())
    def want(self, name: str, selector: str, config: bool) -> None:
        self.counter += 1
        objects = [_deployment(name, self.counter)]
        objects += [configmap(name, value=str(self.counter))] if config else []
        old = self.wishes.get(name)
        value = LABEL if selector == "label" else ""
        made = put(old and old[0], wish(name, selector, value, objects=objects))
        assert made.generation == (old[0].generation + 1 if old else 1)
        refs = {ref(name, DEPLOYMENT), ref(name, CONFIGMAP)} if config else {ref(name, DEPLOYMENT)}
        self.wishes[name] = made, refs
        self.is_due_now(made.placements.filter(present=True))

    @precondition(lambda self: self.here())
    @rule(which=WHICH)
    def label_or_unlabel(self, which: int) -> None:
        pk = pick(self.here(), which)
        change = services.delete_label if pk in self.labelled else services.add_label
        change([self.edges[pk].name], LABEL)
        self.labelled ^= {pk}
        moved = models.Placement.objects.filter(cluster=pk, bundle__selector="label")
        self.is_due_now(moved)
        early = moved.filter(present=True).exclude(applied_generation=0, ready_generation=0)
        assert not early.exists(), "there before it was wanted"

    @rule(which=WHICH, what=st.sampled_from(["end", "end", "retry", "node label", "join", "remove", "forget"]))
    def ask_for_something_rare(self, which: int, what: str) -> None:
        if what == "join" and len(self.edges) < 3:
            self.join()
        elif what == "end":
            self.end(which)
        elif what == "retry":
            self.retry(which)
        elif what == "node label":
            self.label_or_unlabel_the_node(which)
        elif what in {"remove", "forget"}:
            self.remove(which, force=what == "forget")

    def end(self, which: int) -> None:
        if self.wishes:
            bundle, _ = self.wishes.pop(pick(sorted(self.wishes), which))
            withdrawn = list(bundle.placements.filter(present=True).values_list("pk", flat=True))
            end(bundle)
            self.is_due_now(models.Placement.objects.filter(pk__in=withdrawn))

    def retry(self, which: int) -> None:
        if self.wishes:
            bundle, _ = self.wishes[pick(sorted(self.wishes), which)]
            if bundle.placements.exists():
                services.retry(bundle)
                self.is_due_now(bundle.placements.all())

    def label_or_unlabel_the_node(self, which: int) -> None:
        if self.with_nodes():
            pk = pick(self.with_nodes(), which)
            carried = models.NodeLabel.objects.carried().filter(node__cluster=pk).exists()
            change = services.delete_node_label if carried else services.add_node_label
            change(self.edges[pk].name, ["n1"], NODE_LABEL)
            self.node_wishes[pk] = not carried
            self.edges[pk].labelled_late = False
            self.is_marked([pk])

    def remove(self, which: int, *, force: bool) -> None:
        if not self.here():
            return
        pk = pick(self.here(), which)
        one = models.Cluster.objects.get(pk=pk)
        if force:
            services.remove(one, force=True)
            self.forget(pk)
        elif one.away_since is None:
            services.remove(one)
            self.leaving.add(pk)
            self.node_wishes[pk] = False
            self.edges[pk].labelled_late = False
            self.is_marked([pk])

    def is_due_now(self, placements: Any) -> None:
        """Nothing waits for the end of an older wish's pause, and somebody looks there."""
        self.note_wanted()
        found = dict(placements.values_list("cluster_id", "next_attempt_at"))
        assert set(found.values()) <= {None}, "waits out the pause of what is not wanted any more"
        self.is_marked(found)

    def is_marked(self, cluster_ids: Iterable[int]) -> None:
        now = db_now()
        marked = models.Cluster.objects.filter(pk__in=list(cluster_ids), away_since__isnull=True)
        for due in marked.values_list("change_due_at", flat=True):
            assert due is not None and due <= now, "due at once"


def _deployment(name: str, number: int) -> dict[str, Any]:
    meta = {"name": name, "namespace": "ns1"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"number": number}}
