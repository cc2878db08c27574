"""Whether a cluster was seen in time: judged where rows are read, by the database's clock, never stored."""

from datetime import timedelta

from django.db.models import BooleanField, Case, Q, Value, When
from django.db.models.functions import Now

from clusters.models import observe_interval

# An observation is fresh for this many intervals.
FRESH_INTERVALS = 3


def is_fresh(prefix: str = "", interval: float | None = None) -> Q:
    """Return the condition that a cluster is not away and was observed in time.

    prefix: the way to it, 'cluster__'. interval: what observe_interval() has returned, if it was asked before.
    """
    interval = observe_interval() if interval is None else interval
    oldest = Now() - timedelta(seconds=FRESH_INTERVALS * interval)
    return Q(**{f"{prefix}away_since__isnull": True, f"{prefix}observed_at__gt": oldest})


def flag(condition: Q) -> Case:
    """Return a condition as a value to annotate with: true or false, never null."""
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())
