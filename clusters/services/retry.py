"""Trying again what waits for its next attempt."""

from django.db import transaction

from clusters.engine.marks import mark_due
from clusters.engine.nudge import nudge
from clusters.models import Bundle, Placement
from otestack.errors import Conflict
from otestack.sentences import say
from otestack.transactions import retry_deadlock


@retry_deadlock
@transaction.atomic
def retry(bundle: Bundle) -> int:
    """Have a bundle's clusters looked at now, without waiting for the next attempt; return how many there are.

    Away clusters have their turn when they answer. Raises Conflict where the bundle is on no cluster.
    """
    placements = Placement.objects.filter(bundle_id=bundle.pk)
    clusters = list(placements.values_list("cluster_id", flat=True))
    if not clusters:
        raise Conflict(say("%(bundle)s is on no cluster.", bundle=bundle))
    mark_due(clusters)  # locks them, before their placements
    waiting = placements.filter(next_attempt_at__isnull=False)
    ids = list(waiting.select_for_update().order_by("pk").values_list("pk", flat=True))
    Placement.objects.filter(pk__in=ids).update(next_attempt_at=None)
    nudge()
    return len(clusters)
