"""A business's user in our registry: made, and given another password (seed: Repository Management 5 and 6).

The registry is asked between two transactions, never inside one. The first reserves: it writes the row and says until
when nobody else may change it. The second completes. Whatever ends between them leaves a reservation, and the same
call once more carries on from there: our user is known by an e-mail address that only its row has.
"""

from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from business.models import Business
from business.services import lock_approved, own_business
from clusters.engine.clock import db_now
from otestack import trail
from otestack.errors import Conflict, DomainError, Forbidden, Invalid
from otestack.sentences import say
from otestack.transactions import retry_deadlock
from registry.harbor import Harbor, Login, connect
from registry.harbor.trouble import Missing, Taken, Unacceptable
from registry.models import RegistryAccount
from registry.services.whose import NO_ACCOUNT

if TYPE_CHECKING:
    from accounts.models import User

log = logging.getLogger(__name__)

# Who keeps copies of the password lies above this app and is not imported here: whoever does adds a function when
# Django starts (deployments.apps). It gets the account with the new password, inside the transaction that stores it.
on_password: list[Callable[[RegistryAccount], None]] = []

# Seconds that a reservation outlives the time in which the registry must have answered.
_MARGIN = 20
_BUSY = say("The registry account is being changed; try again in a moment.")
# Never delivered to: nobody but us has it, and nothing but us needs it.
_EMAIL = "{}@otestack.invalid"


def create_account(by: User, *, user: str, password: str, business: Business | None = None) -> None:
    """Create the registry account of a business, without one of the caller's own.

    Raises Conflict when the business has one or the name is taken there, Invalid where the registry's own rules are
    stricter than ours, Unavailable when it does not answer: then the same call once more finds out what came of it.
    Source: seed, POST /v1/repository/user.
    """
    harbor = connect()
    account, first = _reserve(business or own_business(by), user)
    try:
        user_id = _make(harbor, account, user, password, first=first)
        _complete(account, user_id, user, password)
    except Forbidden:  # the business was deleted meanwhile
        harbor.delete_user(user_id)
        _forget(account)
        raise
    finally:
        _let_go(account)
    log.info("Business %s has the registry account %s (%s)", account.business_id, user, user_id)


def change_password(by: User, *, password: str, business: Business | None = None) -> None:
    """Give the account of a business, without one of the caller's own, another password.

    All that pulls by it gets it too. The registry comes first: a failure after that is mended by the same call, which
    then finds the password in place.
    Raises Conflict without an account or while it is being changed, Invalid, Unavailable.
    Source: seed, PUT /v1/repository/user.
    """
    harbor = connect()
    account = _take(business or own_business(by))
    try:
        _set_password(harbor, account, account.harbor_user_id or 0, account.user, password)
        _store(account, password)
    finally:
        _let_go(account)
    log.info("The registry account %s of business %s has a new password", account.user, account.business_id)


def close_account(business: Business, by: User | None) -> None:
    """Lock a business's users out of the registry, once its deletion is committed. Its projects stay.

    Called inside the deletion of the business. The account's password becomes one that nobody knows but us, so that
    system administrators can still delete what it owns.
    """
    account = RegistryAccount.objects.ready().filter(business=business).first()
    if account is not None:
        transaction.on_commit(lambda: _lock_out(account), robust=True)


def _lock_out(account: RegistryAccount) -> None:
    password = f"Aa0{secrets.token_urlsafe(30)}"
    try:
        connect().set_password(account.harbor_user_id or 0, password)
    except DomainError as error:
        log.error("The registry's user %s of a deleted business must be disabled by hand: %s", account.user, error)
        return
    with transaction.atomic():
        RegistryAccount.objects.filter(pk=account.pk).update(password=password)
        trail.noted("lock out", account)


def _make(harbor: Harbor, account: RegistryAccount, user: str, password: str, *, first: bool) -> int:
    """Make the user, or find the one that an earlier try made. Return its id."""
    earlier = None if first else harbor.user_by_email(account.email)
    if earlier is not None and earlier.name != user:  # a name cannot be changed
        harbor.delete_user(earlier.id)
        earlier = None
    try:
        if earlier is None:
            return harbor.create_user(user, password, account.email)
    except Taken:
        earlier = None if first else harbor.user_by_email(account.email)  # an earlier try that came through just now
        if earlier is None or earlier.name != user:
            _forget(account)
            raise Conflict(say("The name '%(user)s' is taken in the registry.", user=user)) from None
    except Unacceptable:
        _forget(account)
        raise Invalid(user=say("The registry does not accept this name or this password.")) from None
    _set_password(harbor, account, earlier.id, user, password)
    return earlier.id


def _set_password(harbor: Harbor, account: RegistryAccount, user_id: int, user: str, password: str) -> None:
    try:
        harbor.set_password(user_id, password)
    except Unacceptable:  # also said of the password that it has already
        if not harbor.accepts(Login(user, password)):
            raise Invalid(password=say("The registry does not accept this password.")) from None
    except Missing:
        log.error("The registry's user %s of business %s is gone", user_id, account.business_id)
        raise Conflict(say("The registry account does not exist any more; ask the operator.")) from None


@retry_deadlock
@transaction.atomic
def _reserve(business: Business, user: str) -> tuple[RegistryAccount, bool]:
    """Return the row, reserved for us, and whether nothing was tried before."""
    business = lock_approved(business.pk)
    row = RegistryAccount.objects.filter(business=business).first()
    change, until = uuid.uuid4(), _until()
    if row is None:
        email = _EMAIL.format(uuid.uuid4().hex)
        row = RegistryAccount(business=business, user=user, email=email, change=change, changing_until=until)
        row.save(force_insert=True)
        return row, True
    if row.harbor_user_id is not None:
        raise Conflict(say("The business has a registry account already."))
    if row.changing_until is not None and row.changing_until > db_now():
        raise Conflict(_BUSY)
    row.change, row.changing_until = change, until
    row.save(update_fields=["change", "changing_until", "updated_at"])
    return row, False


@retry_deadlock
@transaction.atomic
def _complete(account: RegistryAccount, user_id: int, user: str, password: str) -> None:
    lock_approved(account.business_id)
    row = RegistryAccount.objects.select_for_update().filter(pk=account.pk, change=account.change).first()
    if row is None:
        raise Conflict(_BUSY)
    row.harbor_user_id, row.user, row.password = user_id, user, password
    row.change = row.changing_until = None
    row.save()
    trail.created(row)


def _take(business: Business) -> RegistryAccount:
    """Reserve an account for a change. Raises Conflict."""
    accounts = RegistryAccount.objects.ready().filter(business=business)
    free = accounts.filter(Q(changing_until=None) | Q(changing_until__lt=db_now()))
    change = uuid.uuid4()
    if not free.update(change=change, changing_until=_until()):
        raise Conflict(_BUSY if accounts.exists() else NO_ACCOUNT)
    return accounts.get(change=change)


@retry_deadlock
@transaction.atomic
def _store(account: RegistryAccount, password: str) -> None:
    """Store the password and have all copies of it renewed."""
    lock_approved(account.business_id)
    row = RegistryAccount.objects.select_for_update().filter(pk=account.pk, change=account.change).first()
    if row is None:
        raise Conflict(_BUSY)
    row.password = password
    row.save(update_fields=["password", "updated_at"])
    trail.noted("change password", row)
    for renew in on_password:
        renew(row)


def _let_go(account: RegistryAccount) -> None:
    """End the reservation; the row stays."""
    RegistryAccount.objects.filter(pk=account.pk, change=account.change).update(change=None, changing_until=None)


def _forget(account: RegistryAccount) -> None:
    """Delete the row of a user that does not exist."""
    RegistryAccount.objects.filter(pk=account.pk, change=account.change, harbor_user_id=None).delete()


def _until() -> datetime:
    return db_now() + timedelta(seconds=settings.OTE_REGISTRY_SECONDS + _MARGIN)
