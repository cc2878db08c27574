"""Adding up placements: one statement for many bundles."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Max, Min, Q, Sum, Value
from django.db.models.functions import Concat

from clusters.freshness import is_fresh
from clusters.models import Placement
from deployments.models import Change
from deployments.placements import bounded, clusters_named
from deployments.status import Counts
from otestack.sentences import Sentence, SentenceField, joined, say

HERE = Q(present=True)
READY = HERE & Q(ready_generation=F("generation"))
REACHABLE = Q(cluster__away_since__isnull=True)
AWAY = Q(cluster__away_since__isnull=False)
TAKEN = HERE & Q(applied_generation=F("generation"))
LEAVING = Q(present=False)

_AWAY = say("away")
# What stands before an error: a cluster's name, in text of before their number too.
_PLACE = re.compile(r"^(?:\d+ clusters: )?[A-Za-z0-9-]+: ")


@dataclass(frozen=True)
class Tally:
    """What the placements of one bundle add up to. `leaving` ones are those that should not be there any more."""

    total: int = 0
    taken: int = 0
    ready: int = 0
    proven: int = 0
    failed: int = 0
    away: int = 0
    leaving: int = 0
    leaving_taken: int = 0
    leaving_failed: int = 0
    leaving_away: int = 0
    running: int = 0
    error: int = 0
    pods: int = 0
    last_taken_at: datetime | None = None
    errors: int = 0
    first_error: str | None = None
    first_away: str | None = None

    def counts(self, kind: int, meant: int = 0) -> Counts:
        """Return the counts of an operation. meant: for a delete, how many clusters held the deployment."""
        if kind != Change.DELETE:
            return Counts(self.total, self.taken, self.ready, self.proven, self.failed, self.away)
        total = max(meant, self.leaving)
        gone = total - self.leaving
        return Counts(total, self.leaving_taken + gone, gone, gone, self.leaving_failed, self.leaving_away)

    def reason(self, kind: int) -> str:
        """Return what there is to say about them, in one line of bounded length."""
        parts = []
        if self.first_error:
            several = say("%(number)s clusters: %(first)s, …", number=self.errors, first=self.first_error)
            parts.append(self.first_error if self.errors == 1 else several)
        away = self.leaving_away if kind == Change.DELETE else self.away
        if away:
            parts.append(clusters_named(away, _AWAY, self.first_away))
        if kind != Change.DELETE and not self.total:
            parts.append(say("no cluster matches"))
        return bounded(joined(parts, "; "))


def cause(reason: str) -> str:
    """Return what a Tally's reason is about, without the numbers and names of the clusters on which it is so."""
    if not isinstance(reason, Sentence):
        return _PLACE.sub("", reason)
    values = reason.values
    if values.keys() == {"number", "first"}:  # on several clusters
        return cause(values["first"])
    if values.get("what") == _AWAY:
        return say("clusters are away")
    if "0" in values:  # a cluster's name and its error, or an error and what else there is to say
        return values["1"] if _PLACE.fullmatch(values["0"]) else cause(values["0"])
    return reason


def tally(bundle_ids: Collection[int]) -> dict[int, Tally]:
    """Add up the placements of these bundles, freshness judged now."""
    broken = ~Q(last_error="")
    rows: Any = (
        Placement.objects.filter(bundle_id__in=bundle_ids)
        .order_by()
        .values("bundle_id")
        .annotate(
            sum_total=Count("id", filter=HERE),
            sum_taken=Count("id", filter=TAKEN),
            sum_ready=Count("id", filter=READY),
            sum_proven=Count("id", filter=READY & is_fresh("cluster__")),
            sum_failed=Count("id", filter=HERE & REACHABLE & Q(failed=True) & ~Q(ready_generation=F("generation"))),
            sum_away=Count("id", filter=HERE & AWAY),
            sum_leaving=Count("id", filter=LEAVING),
            sum_leaving_taken=Count("id", filter=LEAVING & Q(deleted_once=True)),
            sum_leaving_failed=Count("id", filter=LEAVING & REACHABLE & Q(failed=True)),
            sum_leaving_away=Count("id", filter=LEAVING & AWAY),
            sum_running=Sum("running", filter=HERE, default=0),
            sum_error=Sum("error", filter=HERE, default=0),
            sum_pods=Sum("total", filter=HERE, default=0),
            sum_last_taken_at=Max("applied_at", filter=TAKEN & REACHABLE),
            sum_errors=Count("id", filter=REACHABLE & broken),
            sum_first_error=Min(
                Concat("cluster__name", Value(": "), "last_error", output_field=SentenceField()),
                filter=REACHABLE & broken,
            ),
            sum_first_away=Min("cluster__name", filter=AWAY),
        )
    )
    # The prefix only keeps the sums' names apart from the model's.
    found = dict.fromkeys(bundle_ids, Tally())
    for row in rows:
        sums = {name.removeprefix("sum_"): value for name, value in row.items() if name != "bundle_id"}
        found[row["bundle_id"]] = Tally(**sums)
    return found


def stored(kind: int, sums: Tally) -> dict[str, int]:
    """Return the counts that a deployment's row should hold."""
    pods = {"pods_running": sums.running, "pods_error": sums.error, "pods_total": sums.pods}
    if kind == Change.DELETE:  # the number of clusters that held it is what its end is measured by
        return pods
    return pods | {"placements": sums.total, "placements_ready": sums.ready}
