"""Comparing what deployments keep with what their placements add up to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clusters.models import Bundle
from deployments.counts import stored, tally
from deployments.models import Deployment, Status
from deployments.settle import BATCH, settle_bundles
from deployments.status import after_end
from otestack import trail


@dataclass(frozen=True)
class Difference:
    """One value of one deployment that is not what the placements say."""

    deployment_id: int
    bundle_id: int
    name: str
    what: str
    stored: int
    counted: int

    def __str__(self) -> str:
        text = f"{self.what} is {self.stored}, counted {self.counted}"
        return f"deployment {self.deployment_id} ({self.name}): {text}"


def differences() -> list[Difference]:
    """Recompute all counts. Bundles that wait to be settled are left out: theirs may differ."""
    rows = Deployment.objects.filter(current__isnull=False, bundle__dirty_at__isnull=True, current__open=False)
    rows = rows.filter(current__renewed_at__isnull=True)
    ids = list(rows.exclude(status=Status.DELETED).order_by("pk").values_list("pk", flat=True))
    found: list[Difference] = []
    for start in range(0, len(ids), BATCH):
        found += _differences(ids[start : start + BATCH])
    return found


def fix(found: list[Difference]) -> None:
    """Settle the deployments that differ. The trail has it before: settling is many transactions, and repeatable."""
    ids = sorted({difference.deployment_id for difference in found})
    after = {"differences": len(found), "first": ids[0], "last": ids[-1]}
    trail.write([trail.of("deployment", "", "counts", "recount", after=after)])
    settle_bundles(sorted({difference.bundle_id for difference in found}))


def _differences(ids: list[int]) -> Iterator[Difference]:
    rows = Deployment.objects.filter(pk__in=ids).select_related("current").order_by("pk")
    rows = rows.defer("current__manifests", "current__secrets")
    sums = tally([row.bundle_id for row in rows if row.bundle_id is not None])
    # What was marked while we counted is about to be settled anyway.
    dirty = set(Bundle.objects.filter(pk__in=sums, dirty_at__isnull=False).values_list("pk", flat=True))
    for row in rows:
        if row.current is None or row.bundle_id is None or row.bundle_id in dirty:
            continue
        counted = stored(row.current.kind, sums[row.bundle_id])
        if row.shown_id == row.current_id:
            counts = sums[row.bundle_id].counts(row.current.kind, row.placements)
            counted["status"] = after_end(row.current.kind, counts)
        for what, value in counted.items():
            if getattr(row, what) != value:
                yield Difference(row.pk, row.bundle_id, row.name, what, getattr(row, what), value)
