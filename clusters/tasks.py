"""Celery tasks of the engine: load, call, done."""

import logging

from celery import shared_task

from clusters.engine.drive import drive_due
from clusters.engine.pace import set_pace
from clusters.engine.placing import place_all

log = logging.getLogger(__name__)


@shared_task(ignore_result=True)
def drive() -> None:
    """Drive due clusters. Safe to run twice, late or never."""
    drive_due()


@shared_task(ignore_result=True)
def pace() -> None:
    """Measure how fast the fleet can be observed."""
    set_pace()


@shared_task(ignore_result=True)
def recheck() -> None:
    """Recompute all placements, mend and report any difference: there should be none."""
    if wrong := place_all():
        log.error("Placements were not what they should be and were mended: %s", sorted(wrong)[:20])
