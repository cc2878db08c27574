"""New users: who registers, members of a business, system administrators."""

from __future__ import annotations

from django.contrib.auth.hashers import make_password
from django.db import models, transaction

from accounts import rules
from accounts.models import Status, User
from accounts.services.checks import businesses, require_name_and_password
from otestack import trail
from otestack.errors import Conflict, Forbidden, Invalid
from otestack.sentences import say
from otestack.transactions import insert


def register(*, user_name: str, password: str, phone: str, real_name: str, is_admin: bool) -> User:
    """Create a pending user. Raises Invalid, also for a taken name. Source: seed, POST /v1/user."""
    user = User(username=user_name, phone=phone, real_name=real_name, is_admin=is_admin, status=Status.PENDING)
    return _create(user, password, verb="register")


def create_sub_user(*, user_name: str, password: str, phone: str, real_name: str, is_admin: bool, by: User) -> User:
    """Create an approved user in the business of `by`; for a system administrator that is `system`.

    Raises Invalid, Forbidden when the business was deleted meanwhile. Source: seed, POST /v1/admin/user.
    """
    user = User(username=user_name, phone=phone, real_name=real_name, is_admin=is_admin, status=Status.APPROVED)
    require_name_and_password(user_name, password)
    user.password = make_password(password)  # slow by intent, so before the transaction
    with transaction.atomic():
        own = businesses().filter(is_system=True) if by.is_superuser else businesses().filter(pk=by.business_id)
        user.business = own.select_for_update().first()
        if user.business is None or not user.business.is_approved:
            raise Forbidden(say("Your business is not approved any more."))
        return _insert(user)


def create_member(
    *,
    user_name: str,
    password: str,
    phone: str = "",
    real_name: str = "",
    is_admin: bool,
    business: models.Model | None,
) -> User:
    """Create an approved user in a business, or in none. For an operator at the command line.

    Raises Invalid, Conflict when the business is not approved.
    """
    user = User(username=user_name, phone=phone, real_name=real_name, is_admin=is_admin, status=Status.APPROVED)
    require_name_and_password(user_name, password)
    if phone and (fault := rules.phone_fault(phone)):
        raise Invalid(phone=fault)
    if len(real_name) > rules.REAL_NAME_LENGTH:
        raise Invalid(realName=say("It must be at most %(length)s characters long.", length=rules.REAL_NAME_LENGTH))
    user.password = make_password(password)
    with transaction.atomic():
        if business is not None:
            user.business = businesses().select_for_update().get(pk=business.pk)
            if not user.business.is_approved:
                raise Conflict(say("The business %(business)s is not approved.", business=business))
        return _insert(user)


def ensure_system_admin(user_name: str, password: str) -> bool:
    """Create a system administrator unless it is there, and return whether it was created.

    Raises Invalid, Conflict when the name belongs to somebody who is no system administrator.
    """
    if _is_system_admin(user_name):
        return False
    user = User(username=user_name, is_superuser=True, is_admin=True, status=Status.APPROVED)
    user.business = businesses().get(is_system=True)
    try:
        _create(user, password, verb="create")
    except Invalid:
        if _is_system_admin(user_name):  # another process was first
            return False
        raise
    return True


def _is_system_admin(user_name: str) -> bool:
    """Return whether the name is a system administrator's. Raises Conflict when it is somebody else's."""
    user = User.objects.living().named(user_name).first()
    if user is not None and not user.is_superuser:
        raise Conflict(say("The user %(user)s exists and is not a system administrator.", user=user))
    return user is not None


def _create(user: User, password: str, *, verb: str) -> User:
    require_name_and_password(user.username, password)
    user.password = make_password(password)
    with transaction.atomic():
        return _insert(user, verb)


def _insert(user: User, verb: str = "create") -> User:
    namesakes = User.objects.living().named(user.username)
    insert(user, taken=namesakes, refusal=Invalid(user=say("This user name is taken.")))
    trail.created(user, verb)
    return user
