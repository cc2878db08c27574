"""Accounts of registries that are not ours (seed: Repository Management 10 to 13). Nothing here asks them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import transaction

from business.services import lock_approved, own_business
from otestack import trail
from otestack.errors import Conflict, NotFound
from otestack.sentences import say
from otestack.transactions import insert, retry_deadlock
from registry.models import ExternalRepository
from registry.services.batches import Deletion

if TYPE_CHECKING:
    from accounts.models import User
    from business.models import Business


@retry_deadlock
@transaction.atomic
def create_external(by: User, *, repository_id: str, address: str, user: str, password: str) -> ExternalRepository:
    """Keep an account for the caller's own business.

    Raises Conflict when the business has one of that name. Source: seed, POST /v1/repository/third.
    """
    business = lock_approved(own_business(by).pk)
    row = ExternalRepository(
        business=business, repository_id=repository_id, address=address, user=user, password=password
    )
    taken = ExternalRepository.objects.filter(business=business, repository_id=repository_id)
    insert(
        row,
        taken=taken,
        refusal=Conflict(say("There is a repository '%(repository_id)s' already.", repository_id=repository_id)),
    )
    trail.created(row)
    return row


@retry_deadlock
@transaction.atomic
def delete_external(by: User, names: Sequence[str], *, business: Business | None = None) -> Deletion[str]:
    """Delete accounts of a business by name, without one of the caller's own. What runs keeps its pull secret.

    Source: seed, DELETE /v1/repository/third.
    """
    rows = ExternalRepository.objects.filter(business=business or own_business(by), repository_id__in=names)
    locked = list(rows.select_for_update().order_by("pk").defer("password"))
    found = {row.repository_id for row in locked}
    trail.write([trail.gone(row) for row in locked])
    rows.filter(repository_id__in=found).delete()
    outcome: Deletion[str] = Deletion([name for name in names if name in found])
    outcome.failed = {name: NotFound() for name in names if name not in found}
    return outcome
