"""Celery tasks of deployments: load, call, done."""

from celery import shared_task

from deployments import settle as settling
from deployments.services.telling import trim_events


@shared_task(ignore_result=True)
def settle() -> None:
    """Settle what changed. Safe to run twice, late or never."""
    settling.settle()


@shared_task(ignore_result=True)
def trim() -> None:
    """Keep the number of events of each deployment bounded. Safe to run twice, late or never."""
    trim_events()
