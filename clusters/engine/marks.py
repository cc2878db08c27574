"""Marking clusters due."""

from collections.abc import Iterable

from django.db.models import Case, F, Value, When

from clusters.engine.clock import db_now
from clusters.models import Cluster


def mark_due(cluster_ids: Iterable[int]) -> None:
    """Mark clusters due now. An away cluster keeps its next probe: it is due when it answers.

    Call inside a transaction. Locks in id order, so that two of these never wait for each other in a ring.
    """
    ids = sorted(set(cluster_ids))
    now = db_now()
    for start in range(0, len(ids), 5000):
        part = ids[start : start + 5000]
        rows = Cluster.objects.filter(pk__in=part)
        if list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk")):
            rows.update(
                change_seq=F("change_seq") + 1,
                change_due_at=Case(When(away_since__isnull=True, then=Value(now)), default=F("change_due_at")),
            )
