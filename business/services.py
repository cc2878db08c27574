"""Every change of businesses. Callers have established who may call; what the state allows is checked here.

Locks: a business before its users, users in the order of their ids, then whatever the fleet engine locks.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.models import Status as UserStatus
from accounts.models import User
from business.models import Business, Status
from clusters.engine.bundles import Wish, end, put
from clusters.engine.placing import lock_ends
from clusters.models import Bundle, Selector
from otestack import trail
from otestack.errors import Conflict, Forbidden, Invalid
from otestack.models import TrailEntry
from otestack.sentences import say
from otestack.transactions import insert, retry_deadlock

# What else goes when a business is deleted. Imports run one way, from deployments down to here, so an app above
# appends its part in its AppConfig.ready(). Called inside the deletion's transaction with the business locked and
# before its namespace ends; `by` is None for an operator at the command line.
on_delete: list[Callable[[Business, User | None], None]] = []


def lock_approved(pk: int) -> Business:
    """Lock and return a business that may work, until the transaction ends.

    Whatever an app above creates for a business begins with this, or it could outlive a deletion at the same moment.
    Raises Forbidden when it is not approved any more.
    """
    business = Business.objects.select_for_update().filter(pk=pk, status=Status.APPROVED).first()
    if business is None:
        raise Forbidden(say("The business is not approved any more."))
    return business


def own_business(user: User) -> Business:
    """Return the business that the user acts in by name: a system administrator always in the built-in one."""
    if user.is_superuser or user.business is None:
        return Business.objects.get(is_system=True)
    return user.business


@retry_deadlock
@transaction.atomic
def apply(*, by: User, name: str, introduce: str, objective: str, scale: str) -> Business:
    """Put in a user's application for a business.

    Raises Conflict while another one of the user waits or when the user has a business, Invalid for a taken name.
    Source: seed, POST /v1/business.
    """
    applicant = User.objects.select_for_update().get(pk=by.pk)
    if _has_business(applicant):
        raise Conflict(say("You belong to a business already."))
    if Business.objects.filter(applicant=applicant, status=Status.PENDING).exists():
        raise Conflict(say("Your earlier application is still waiting."))
    business = Business(name=name, introduce=introduce, objective=objective, scale=scale, applicant=applicant)
    taken = Business.objects.filter(name=name, status__in=[Status.PENDING, Status.APPROVED])
    insert(business, taken=taken, refusal=Invalid(name=say("This business name is taken.")))
    trail.created(business, "apply")
    return business


def audit(business: Business, *, status: int, comment: str, by: User | None = None) -> None:
    """Approve (1) or refuse (2) a waiting application. Source: seed, PUT /v1/business/id/[id]."""
    decide = approve if status == Status.APPROVED else refuse
    decide(business, comment=comment, by=by)


@retry_deadlock
@transaction.atomic
def approve(business: Business, *, comment: str = "", by: User | None = None) -> None:
    """Approve an application: its applicant becomes the administrator, its namespace goes to every cluster.

    Calls no edge. Raises Conflict when it was decided before or the applicant cannot take it any more.
    """
    entry = _decide(business, Status.APPROVED, comment)
    business.refresh_from_db()
    applicant = User.objects.select_for_update().get(applications=business)
    if applicant.deleted_at is not None or applicant.status != UserStatus.APPROVED:
        raise Conflict(say("The applicant %(applicant)s is not an approved user any more.", applicant=applicant))
    if _has_business(applicant):
        raise Conflict(say("The applicant %(applicant)s belongs to a business already.", applicant=applicant))
    User.objects.filter(pk=applicant.pk).update(business=business, is_admin=True, updated_at=Now())
    joins = trail.change("give a business", applicant, business_id=business.pk, is_admin=True)
    joins.business_id = business.pk
    trail.write([entry, joins])
    business.namespace = f"ns{business.pk}"
    business.bundle = put(None, _namespace(business))
    business.save(update_fields=["namespace", "bundle", "updated_at"])


@retry_deadlock
@transaction.atomic
def refuse(business: Business, *, comment: str = "", by: User | None = None) -> None:
    """Disapprove an application; its applicant may apply again. Raises Conflict when it was decided before."""
    trail.write([_decide(business, Status.REFUSED, comment)])


@retry_deadlock
@transaction.atomic
def delete(business: Business, *, by: User | None = None) -> None:
    """Delete an approved business with all that it has; its users are approved users without a business again.

    Calls no edge: its namespace ends, so it leaves every cluster, the ones that are away when they return.
    Raises Conflict for the built-in one and one that is not approved.
    """
    business = Business.objects.select_for_update().get(pk=business.pk)
    check_deletable(business)
    entries = [trail.change("delete", business, status=Status.DELETED)]
    business.status = Status.DELETED
    business.save(update_fields=["status", "updated_at"])
    users = list(User.objects.living().filter(business=business).order_by("id").select_for_update())
    ids = [user.pk for user in users]
    User.objects.filter(pk__in=ids).update(business=None, token_epoch=F("token_epoch") + 1, updated_at=Now())
    trail.write([*entries, *(trail.change("take the business", user, business_id=None) for user in users)])
    bundles = Bundle.objects.filter(namespace=business.namespace, ended_at__isnull=True)
    lock_ends(bundles.values_list("pk", flat=True))
    for end_part in on_delete:
        end_part(business, by)
    if business.bundle is not None:
        end(business.bundle)


def check_deletable(business: Business) -> None:
    """Raise Conflict where delete() would, so that an operator is asked only what can be done."""
    if business.is_system:
        raise Conflict(say("The built-in business cannot be deleted."))
    if business.status != Status.APPROVED:
        raise Conflict(
            say(
                "The business %(business)s is %(status)s; only an approved one is deleted.",
                business=business,
                status=Status(business.status).label,
            )
        )


def _decide(business: Business, status: Status, comment: str) -> TrailEntry:
    """Decide, and return what the audit trail gets."""
    waiting = Business.objects.filter(pk=business.pk, status=Status.PENDING)
    if not waiting.update(status=status, comment=comment, updated_at=Now()):
        raise Conflict(say("The business %(business)s was decided before.", business=business))
    verb = "approve" if status == Status.APPROVED else "refuse"
    after = {"status": status, "comment": comment}
    return trail.entry(verb, business, before={"status": Status.PENDING}, after=after)


def _has_business(user: User) -> bool:
    return user.business is not None and user.business.is_approved


def _namespace(business: Business) -> Wish:
    return Wish(
        namespace=business.namespace,
        objects=[{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": business.namespace}}],
        selector=Selector.ALL,
        title=say("namespace %(name)s", name=business.namespace),
        owner_text=say("business %(name)s", name=business.name),
    )
