"""Businesses in the back-office."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Case, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Status as UserStatus
from accounts.models import User
from business import services
from business.models import Business, Status
from clusters.admin import placements_by_state
from clusters.models import Placement
from otestack.backoffice.deeds import Comment, deed
from otestack.backoffice.lists import Choice
from otestack.backoffice.records import RecordAdmin
from otestack.backoffice.words import MOST_NAMED, badge, link, list_link, named, table
from otestack.sentences import say, told


class StatusFilter(Choice):
    """Deleted ones are out of the way unless asked for."""

    title = _("status")
    parameter_name = "status"
    unchosen = (_("Not deleted"), ~Q(status=Status.DELETED))
    options = {str(status.value): (status.label, Q(status=status)) for status in Status} | {"all": (_("All"), Q())}


def _waits(business: Business) -> bool:
    return business.status == Status.PENDING


@admin.register(Business)
class BusinessAdmin(RecordAdmin):
    """Applications that wait first."""

    tenancy = "pk"
    menu = ("Tenants", "business", 1)
    list_display = ("name", "state", "applicant", "namespace", "scale", "comment", "created_at")
    list_filter = (StatusFilter,)
    search_fields = ("name", "namespace", "applicant__username")
    search_help_text = _("Name, namespace or applicant")
    ordering = (Case(When(status=Status.PENDING, then=Value(0)), default=Value(1)), "-pk")
    fields = (
        "id", "name", "state", "applicant", "introduce", "objective", "scale", "comment", "namespace",
        "namespace_in_clusters", "registry_account_of_it", "users_in_it", "deployments_of_it", "is_system",
        "created_at", "updated_at",
    )  # fmt: skip
    joined = ("applicant", "bundle")
    deferred = ("applicant__password",)
    waiting = (_("Businesses"), "status=0", Q(status=Status.PENDING))
    actions = ("approve", "refuse", "delete")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Offer only approved ones where a business is chosen for a user."""
        if request.resolver_match is not None and request.resolver_match.url_name == "autocomplete":
            queryset = queryset.filter(status=Status.APPROVED)
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description=_("status"), ordering="status")
    def state(self, business: Business) -> str:
        """Return the status."""
        return badge(Status(business.status).label)

    @admin.display(description=_("namespace in the clusters"))
    def namespace_in_clusters(self, business: Business) -> str:
        """Return where it stands, by state."""
        if business.bundle is None:
            return "-"
        rows = Placement.objects.filter(bundle=business.bundle)
        states = placements_by_state(rows, f"bundle__id__exact={business.bundle_id}")
        return format_html("{}: {}", link(business.bundle), states)

    @admin.display(description=_("registry account"))
    def registry_account_of_it(self, business: Business) -> str:
        """Return the way to its account in our registry."""
        return link(_registry_account(business))

    @admin.display(description=_("users"))
    def users_in_it(self, business: Business) -> str:
        """Return the way to its users."""
        users = User.objects.living().filter(business=business).order_by("-is_admin", "username")
        rows = users.select_related("business").defer("password")[:MOST_NAMED]
        shown = [(link(user), user.role.label, badge(UserStatus(user.status).label)) for user in rows]
        everybody = list_link(
            User, told(say("all %(users)s", users=users.count())), f"business__id__exact={business.pk}"
        )
        return table((gettext("User"), gettext("Role"), gettext("Status")), shown) + everybody

    @admin.display(description=_("deployments"))
    def deployments_of_it(self, business: Business) -> str:
        """Return the way to its deployments."""
        rows = business.deployments.listed()
        return list_link(rows.model, str(rows.count()), f"business__id__exact={business.pk}")

    @deed(_("Approve"), form=Comment, about="about_approval", offered=_waits)
    def approve(self, request: HttpRequest, business: Business, *, comment: str) -> str:
        """Approve an application."""
        services.approve(business, comment=comment, by=request.user)  # type: ignore[arg-type]
        return say("approved; its namespace %(namespace)s goes to every cluster", namespace=business.namespace)

    @deed(_("Refuse"), form=Comment, offered=_waits)
    def refuse(self, request: HttpRequest, business: Business, *, comment: str) -> str:
        """Disapprove an application."""
        services.refuse(business, comment=comment, by=request.user)  # type: ignore[arg-type]
        return say("disapproved")

    @deed(
        _("Delete"),
        about="about_deletion",
        ends=True,
        offered=lambda business: business.status == Status.APPROVED and not business.is_system,
    )
    def delete(self, request: HttpRequest, business: Business) -> str:
        """Delete a business with all that it has."""
        services.delete(business, by=request.user)  # type: ignore[arg-type]
        return say("deleted; its namespace leaves every cluster")

    def about_approval(self, business: Business) -> list[str]:
        """Say what approval brings."""
        return [
            told(say("%(applicant)s becomes its administrator.", applicant=business.applicant)),
            told(say("The namespace ns%(business)s goes to every cluster.", business=business.pk)),
        ]

    def about_deletion(self, business: Business) -> list[str]:
        """Say what goes, by name."""
        users = User.objects.living().filter(business=business).order_by("username")
        deployments = business.deployments.listed().order_by("name")
        account = _registry_account(business)
        holding = Placement.objects.filter(bundle=business.bundle_id or 0).count()
        return [
            told(
                say(
                    "Namespace that leaves every cluster with all that it holds: %(value)s",
                    value=business.namespace or "none",
                )
            ),
            told(say("Clusters that have it now: %(number)s", number=holding)),
            told(say("Deployments that end: %(deployments)s", deployments=_some(deployments, "name"))),
            told(
                say(
                    "Users whose tokens end and who have no business afterwards: %(users)s",
                    users=_some(users, "username"),
                )
            ),
            told(
                say(
                    "Account in our registry that nobody can use any more, its projects stay: %(account)s",
                    account=account or gettext("none"),
                )
            ),
        ]


def _registry_account(business: Business) -> Any:
    """Return its account in our registry, if it has one; the model lies above this app."""
    accounts: Any = Business._meta.get_field("registry_account").related_model
    return accounts._default_manager.defer("password").filter(business=business).first()


def _some(rows: QuerySet[Any], field: str) -> str:
    return named(list(rows.values_list(field, flat=True)[:MOST_NAMED]), rows.count())
