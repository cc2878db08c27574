"""Trying again where a deployment waits for its next attempt."""

from __future__ import annotations

from django.db import transaction

from clusters import services as fleet
from deployments.models import Deployment
from otestack import trail
from otestack.errors import Conflict
from otestack.sentences import say
from otestack.transactions import retry_deadlock


@retry_deadlock
@transaction.atomic
def retry(deployment: Deployment) -> int:
    """Have its clusters looked at now, without waiting for the next attempt; return how many there are.

    Raises Conflict where no cluster was given anything of it.
    """
    if deployment.bundle is None:
        raise Conflict(say("No cluster was given anything of it yet."))
    number = fleet.retry(deployment.bundle)
    trail.noted("retry", deployment, clusters=number)
    return number
