"""Celery tasks of the engine: load, call, done."""

import logging

from celery import shared_task
from django.conf import settings

from clusters.engine.claim import release_stranded
from clusters.engine.drive import drive_due
from clusters.engine.pace import set_pace
from clusters.engine.placing import place_all

log = logging.getLogger(__name__)


@shared_task(ignore_result=True)
def drive() -> None:
    """Drive due clusters. Safe to run twice, late or never."""
    # The first look at what was just applied need not wait for the next sweep.
    drive_due(stay=settings.OTE_SWEEP_SECONDS)


@shared_task(ignore_result=True)
def pace() -> None:
    """Measure how fast the fleet can be observed, and let others do what nobody comes for."""
    set_pace()
    release_stranded()


@shared_task(ignore_result=True)
def recheck() -> None:
    """Recompute all placements, mend and report any difference: there should be none."""
    if wrong := place_all():
        log.error("Placements were not what they should be and were mended: %s", sorted(wrong)[:20])
