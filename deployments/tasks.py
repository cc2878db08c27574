"""Celery tasks of deployments: load, call, done."""

from celery import shared_task

from deployments import settle as settling


@shared_task(ignore_result=True)
def settle() -> None:
    """Settle what changed. Safe to run twice, late or never."""
    settling.settle()
