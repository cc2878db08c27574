"""Every change of users and tokens. Callers have established who may call; what the state allows is checked here.

Locks: a business before users, users in the order of their ids.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from rest_framework_simplejwt.tokens import Token

from accounts import rules, tokens
from accounts.models import Status, User
from accounts.throttles import login_failures
from otestack import trail
from otestack.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from otestack.models import TrailEntry
from otestack.sentences import say
from otestack.transactions import insert, retry_deadlock

# What the audit trail calls each decision about a user.
_DECIDED = {
    Status.PENDING: "let wait again",
    Status.APPROVED: "approve",
    Status.REFUSED: "refuse",
    Status.FORBIDDEN: "forbid",
}
_REFUSED_AT_LOGIN = {
    Status.REFUSED: say("The system administrator did not approve this user."),
    Status.FORBIDDEN: say("This user is forbidden to log in."),
}


def login(user_name: str, password: str, *, address: str) -> str:
    """Return a new token.

    Raises Unauthorized (one sentence for an unknown user and a wrong password), Forbidden for a user that was refused
    or forbidden, after the right password only, TooMany. Source: seed, POST /v1/authorization.
    """
    throttle = login_failures(user_name, address)
    throttle.check()
    user = User.objects.living().named(user_name).first()
    if user is None:
        make_password(password)  # as long as checking one takes, so that time does not tell which names exist
    if user is None or not user.check_password(password):
        throttle.take()
        raise Unauthorized(say("The user name or the password is wrong."))
    throttle.check()  # others may have failed meanwhile: guesses sent at once gain nothing
    if sentence := _REFUSED_AT_LOGIN.get(Status(user.status)):
        raise Forbidden(sentence)
    return tokens.issue(user)


def renew(user: User) -> str:
    """Return another token; the one at hand lives out its time. Source: seed, PUT /v1/authorization."""
    return tokens.issue(user)


@transaction.atomic
def logout(user: User, token: Token) -> None:
    """End the presented token. Source: seed, DELETE /v1/authorization."""
    tokens.revoke(token)
    trail.noted("log out", user)


def register(*, user_name: str, password: str, phone: str, real_name: str, is_admin: bool) -> User:
    """Create a pending user. Raises Invalid, also for a taken name. Source: seed, POST /v1/user."""
    user = User(username=user_name, phone=phone, real_name=real_name, is_admin=is_admin, status=Status.PENDING)
    return _create(user, password, verb="register")


def create_sub_user(*, user_name: str, password: str, phone: str, real_name: str, is_admin: bool, by: User) -> User:
    """Create an approved user in the business of `by`; for a system administrator that is `system`.

    Raises Invalid, Forbidden when the business was deleted meanwhile. Source: seed, POST /v1/admin/user.
    """
    user = User(username=user_name, phone=phone, real_name=real_name, is_admin=is_admin, status=Status.APPROVED)
    _require_name_and_password(user_name, password)
    user.password = make_password(password)  # slow by intent, so before the transaction
    with transaction.atomic():
        own = _businesses().filter(is_system=True) if by.is_superuser else _businesses().filter(pk=by.business_id)
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
    _require_name_and_password(user_name, password)
    if phone and (fault := rules.phone_fault(phone)):
        raise Invalid(phone=fault)
    if len(real_name) > rules.REAL_NAME_LENGTH:
        raise Invalid(realName=say("It must be at most %(length)s characters long.", length=rules.REAL_NAME_LENGTH))
    user.password = make_password(password)
    with transaction.atomic():
        if business is not None:
            user.business = _businesses().select_for_update().get(pk=business.pk)
            if not user.business.is_approved:
                raise Conflict(say("The business %(business)s is not approved.", business=business))
        return _insert(user)


def change_password(user: User, *, old: str, new: str, address: str) -> None:
    """Change the user's own password and end its tokens.

    A wrong old one counts as a failed login from `address`: whoever found a token or a session must not guess on here.
    Raises Invalid for a wrong old or an unfit new one, TooMany, Conflict when it was changed at the same time.
    Source: seed, PUT /v1/user.
    """
    throttle = login_failures(user.username, address)
    throttle.check()
    if not user.check_password(old):
        throttle.take()
        raise Invalid(oldPassword=say("It is not the current password."))
    _require_password(new)
    hashed = make_password(new)
    with transaction.atomic():
        same = User.objects.living().filter(pk=user.pk, password=user.password)
        if not _set_password(same, hashed):
            raise Conflict(say("The password was changed at the same time."))
        trail.noted("change password", user, tokens="ended")


def reset_password(user: User, password: str, *, by: User | None = None) -> None:
    """Give a user a new password and end its tokens. by: None for an operator at the command line.

    Raises Invalid, NotFound when it was deleted, Forbidden for a system administrator's unless `by` is one.
    Source: seed, PUT /v1/admin/user/[userId]/password.
    """
    _require_password(password)
    if user.is_superuser:
        _require_rank(by)
    hashed = make_password(password)
    with transaction.atomic():
        # The flag again in the statement: the user may be made a system administrator at the same time.
        if not _set_password(User.objects.living().filter(pk=user.pk, is_superuser=user.is_superuser), hashed):
            raise NotFound
        trail.noted("reset password", user, tokens="ended")


@retry_deadlock
@transaction.atomic
def audit(user: User, *, status: int, by: User | None = None, comment: str = "") -> None:
    """Set a user's status, from any to any; one that may not log in any more loses its tokens. comment: for the trail.

    Raises Conflict for oneself and the last system administrator, NotFound. Source: seed, PUT /v1/admin/user/[userId].
    """
    user = _lock(user, by)
    if status != Status.APPROVED:
        _require_not_self(user, by, say("You cannot take your own approval away."))
        _require_another_system_admin(user)
    ends_tokens = status in {Status.REFUSED, Status.FORBIDDEN}
    User.objects.filter(pk=user.pk).update(
        status=status, token_epoch=F("token_epoch") + (1 if ends_tokens else 0), updated_at=Now()
    )
    trail.changed(_DECIDED[Status(status)], user, facts={"comment": comment} if comment else None, status=status)


@retry_deadlock
@transaction.atomic
def delete(user: User, *, by: User | None = None) -> None:
    """Delete a user: its tokens end, its name is free again, its record stays.

    Raises Conflict for oneself and the last system administrator, Forbidden, NotFound.
    Source: seed, DELETE /v1/admin/user/[userid].
    """
    user = _lock(user, by)
    _require_not_self(user, by, say("You cannot delete yourself."))
    if user.is_superuser:
        _require_rank(by)
    _require_another_system_admin(user)
    User.objects.filter(pk=user.pk).update(deleted_at=Now(), token_epoch=F("token_epoch") + 1, updated_at=Now())
    trail.deleted(user)


@retry_deadlock
@transaction.atomic
def set_business(user: User, business: models.Model, *, is_admin: bool | None = None, by: User | None = None) -> None:
    """Put an approved user that has no business into one. is_admin: None leaves it to what the user registered as.

    Raises Conflict when the user has a business or is not approved, or the business is not. For the back-office.
    """
    locked = _businesses().select_for_update().get(pk=business.pk)
    if not locked.is_approved:
        raise Conflict(say("The business %(locked)s is not approved.", locked=locked))
    user = _lock(user, by)
    if user.is_superuser or user.status != Status.APPROVED:
        raise Conflict(say("%(user)s is not an approved user without a business.", user=user))
    if user.business is not None and user.business.is_approved:
        raise Conflict(say("%(user)s belongs to the business %(business)s.", user=user, business=user.business))
    is_admin = user.is_admin if is_admin is None else is_admin
    User.objects.filter(pk=user.pk).update(business_id=locked.pk, is_admin=is_admin, updated_at=Now())
    entry = trail.change("give a business", user, business_id=locked.pk, is_admin=is_admin)
    entry.business_id = locked.pk  # so that its administrators see it
    trail.write([entry])


@retry_deadlock
@transaction.atomic
def move(user: User, business: models.Model | None, *, is_admin: bool, by: User | None = None) -> None:
    """Give an approved user another role or business, or none (business: None); leaving one ends the tokens.

    Raises Conflict for a system administrator, a user or a business that is not approved, NotFound.
    """
    locked = None if business is None else _businesses().select_for_update().get(pk=business.pk)
    if locked is not None and not locked.is_approved:
        raise Conflict(say("The business %(locked)s is not approved.", locked=locked))
    user = _lock(user, by)
    if user.is_superuser:
        raise Conflict(say("%(user)s is a system administrator.", user=user))
    if user.status != Status.APPROVED:
        raise Conflict(say("%(user)s is not approved.", user=user))
    wanted = None if locked is None else locked.pk
    leaves = user.business_id is not None and user.business_id != wanted
    User.objects.filter(pk=user.pk).update(
        business_id=wanted, is_admin=is_admin, token_epoch=F("token_epoch") + int(leaves), updated_at=Now()
    )
    trail.write(_moved(user, wanted, is_admin=is_admin))


def _moved(user: User, wanted: int | None, *, is_admin: bool) -> list[TrailEntry]:
    """Return what the trail says of a move: to the business that is left, and to the one that is joined."""
    if user.business_id == wanted:
        return [trail.change("change role", user, is_admin=is_admin)]
    entries = []
    if user.business_id is not None:
        entries.append(trail.change("take the business", user, facts={"tokens": "ended"}, business_id=None))
        user.business_id = None  # where it came from is not the next one's
    if wanted is not None:
        joined = trail.change("give a business", user, business_id=wanted, is_admin=is_admin)
        joined.business_id = wanted  # so that its administrators see it
        entries.append(joined)
    return entries


@retry_deadlock
@transaction.atomic
def make_system_admin(user: User, *, by: User | None = None) -> None:
    """Make an approved user a system administrator, in the built-in business. Raises Conflict, NotFound."""
    system = _businesses().select_for_update().get(is_system=True)
    user = _lock(user, by)
    if user.status != Status.APPROVED:
        raise Conflict(say("%(user)s is not approved.", user=user))
    now = {"is_superuser": True, "is_admin": True, "business_id": system.pk}
    User.objects.filter(pk=user.pk).update(**now, updated_at=Now())
    trail.changed("make system administrator", user, **now)


@retry_deadlock
@transaction.atomic
def remove_system_admin(user: User, *, by: User | None = None) -> None:
    """Make a system administrator an approved user without a business.

    Raises Conflict for oneself and the last one, NotFound.
    """
    user = _lock(user, by)
    _require_not_self(user, by, say("You cannot take your own role away."))
    _require_another_system_admin(user)
    now: dict[str, Any] = {"is_superuser": False, "business_id": None}
    rows = User.objects.filter(pk=user.pk, is_superuser=True)
    if rows.update(**now, token_epoch=F("token_epoch") + 1, updated_at=Now()):
        trail.changed("remove system administrator", user, **now)


def ensure_system_admin(user_name: str, password: str) -> bool:
    """Create a system administrator unless it is there, and return whether it was created.

    Raises Invalid, Conflict when the name belongs to somebody who is no system administrator.
    """
    if _is_system_admin(user_name):
        return False
    user = User(username=user_name, is_superuser=True, is_admin=True, status=Status.APPROVED)
    user.business = _businesses().get(is_system=True)
    try:
        _create(user, password, verb="create")
    except Invalid:
        if _is_system_admin(user_name):  # another process was first
            return False
        raise
    return True


def _businesses() -> models.Manager[Any]:
    """Return the manager of the app above this one, which may not be imported here."""
    manager: models.Manager[Any] = apps.get_model("business", "Business")._default_manager
    return manager


def _is_system_admin(user_name: str) -> bool:
    """Return whether the name is a system administrator's. Raises Conflict when it is somebody else's."""
    user = User.objects.living().named(user_name).first()
    if user is not None and not user.is_superuser:
        raise Conflict(say("The user %(user)s exists and is not a system administrator.", user=user))
    return user is not None


def _create(user: User, password: str, *, verb: str) -> User:
    _require_name_and_password(user.username, password)
    user.password = make_password(password)
    with transaction.atomic():
        return _insert(user, verb)


def _insert(user: User, verb: str = "create") -> User:
    namesakes = User.objects.living().named(user.username)
    insert(user, taken=namesakes, refusal=Invalid(user=say("This user name is taken.")))
    trail.created(user, verb)
    return user


def _set_password(users: models.QuerySet[User], hashed: str) -> bool:
    return bool(users.update(password=hashed, token_epoch=F("token_epoch") + 1, updated_at=Now()))


def _lock(user: User, by: User | None) -> User:
    """Lock and return the user as it is now, with `by` and all system administrators.

    So two who act on each other go one after the other. Raises NotFound when the user is gone or not in the business
    of `by` any more, Unauthorized when `by` is gone.
    """
    ids = [user.pk] if by is None else [user.pk, by.pk]
    rows = User.objects.living().filter(Q(pk__in=ids) | Q(is_superuser=True))
    locked = {row.pk: row for row in rows.order_by("id").select_for_update()}
    if by is not None and (by.pk not in locked or not locked[by.pk].is_active):
        raise Unauthorized(say("You may not log in any more."))
    if user.pk not in locked or (by is not None and not _reaches(locked[by.pk], locked[user.pk])):
        raise NotFound
    return locked[user.pk]


def _reaches(by: User, user: User) -> bool:
    """Return whether `by`, who may administer, has this user to administer: its business may just have ended."""
    return by.is_superuser or (by.business_id is not None and by.business_id == user.business_id)


def _require_not_self(user: User, by: User | None, sentence: str) -> None:
    if by is not None and user.pk == by.pk:
        raise Conflict(sentence)


def _require_rank(by: User | None) -> None:
    if by is not None and not by.is_superuser:
        raise Forbidden(say("Only a system administrator may do this to a system administrator."))


def _require_another_system_admin(user: User) -> None:
    """Raise Conflict where the locked `user` is the only one that can administer the system."""
    if not user.is_superuser:
        return
    able = User.objects.living().filter(is_superuser=True, status=Status.APPROVED)
    if not able.exclude(pk=user.pk).exists():
        raise Conflict(say("This is the last system administrator."))


def _require_password(password: str) -> None:
    if fault := rules.password_fault(password):
        raise Invalid(password=fault)


def _require_name_and_password(user_name: str, password: str) -> None:
    if fault := rules.user_name_fault(user_name):
        raise Invalid(user=fault)
    _require_password(password)
