"""Housekeeping."""

from celery import shared_task

from accounts import tokens


@shared_task(name="accounts.tasks.tidy", ignore_result=True)
def tidy() -> None:
    """Forget revoked tokens that have expired by themselves. Safe to run twice, late or never."""
    tokens.forget_expired()
