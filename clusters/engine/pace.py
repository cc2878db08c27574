"""The effective observation interval: stretched when a full pass over the fleet takes longer, and then shown so."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Min

from clusters.engine.clock import db_now
from clusters.models import Cluster, Heartbeat, Installation, observe_interval

# How far back completed observations are counted, and how long workers must have run for the count to mean something.
WINDOW_SECONDS = 60.0
# How long workers must have run to show that the fleet takes longer than was known before them.
FIRST_SECONDS = 20.0
# Beyond this the fleet is not slow but broken, and freshness must say so.
MOST_STRETCH = 10.0


def stretched(clusters: int, observed: int, *, interval: float, window: float) -> float:
    """Return the interval in which `clusters` can be observed when `observed` of them were within `window` seconds."""
    if observed == 0 or observed >= clusters * min(1.0, window / interval):
        return interval  # no fleet, or one that is not slow but broken, which a longer interval would hide
    return min(max(interval, window * clusters / observed), interval * MOST_STRETCH)


def set_pace() -> float:
    """Measure and store the effective interval; return it.

    Workers that just started measure nothing yet, and what was measured before them stays: a large fleet does not
    become a small one by a restart. But while they have not come to all that was due when they started, they are as
    fast as they can, and a fleet that takes them longer than was known says so.
    """
    now = db_now()
    interval = settings.OTE_OBSERVE_INTERVAL
    window = max(WINDOW_SECONDS, 2 * interval)
    oldest = Heartbeat.objects.filter(beat_at__gte=now - timedelta(seconds=10)).aggregate(at=Min("started_at"))["at"]
    running = (now - oldest).total_seconds() if oldest is not None else 0.0
    here = Cluster.objects.filter(away_since__isnull=True, removing=False, last_error="")
    known = 0.0
    if running < window:
        if running < FIRST_SECONDS or not here.filter(observe_due_at__lt=oldest).exists():
            return observe_interval()
        window, known = running, observe_interval()
    seen = here.filter(observed_at__gte=now - timedelta(seconds=window)).count()
    effective = max(known, stretched(here.count(), seen, interval=interval, window=window))
    Installation.objects.filter(pk=1).exclude(observe_interval=effective).update(observe_interval=effective)
    return effective
