"""Users in the back-office."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth.models import Group
from django.db.models import Case, Q, Value, When
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import services
from accounts.models import Role, Status, User
from otestack.backoffice.deeds import Comment, Deed, Password, deed
from otestack.backoffice.lists import Choice
from otestack.backoffice.records import RecordAdmin
from otestack.backoffice.words import badge
from otestack.sentences import say, told

_LIVING = Q(deleted_at__isnull=True)
_APPROVED = Q(status=Status.APPROVED, is_superuser=False)
# The app of businesses lies above this one: its model and its number for 'approved' are known by name only.
_BUSINESS = User._meta.get_field("business")
_IN_BUSINESS = Q(business__status=1)

# Rights come from roles, never from Django's groups.
admin.site.unregister(Group)


class UserComment(Comment):
    """The API has no place for a comment on users, so it stays here and in the audit trail."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["comment"].help_text = gettext("Kept in the user's history here; the user does not see it.")


class GiveBusiness(forms.Form):
    """Which business, and as what."""

    business = forms.ModelChoiceField(
        label=_("Business"),
        queryset=_BUSINESS.related_model._default_manager.filter(status=1),
        widget=AutocompleteSelect(_BUSINESS, admin.site, attrs={"style": "width: 30em"}),
    )
    is_admin = forms.BooleanField(label=_("As its administrator"), required=False)


class Move(GiveBusiness):
    """Which business from now on, and as what."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["business"].required = False
        self.fields["business"].help_text = gettext("Empty: none.")


class RoleFilter(Choice):
    """By role, which is not stored."""

    title = _("role")
    parameter_name = "role"
    options = {
        "0": (Role.REGISTERED.label, ~Q(status=Status.APPROVED)),
        "1": (Role.APPROVED.label, _APPROVED & (Q(business__isnull=True) | ~_IN_BUSINESS)),
        "2": (Role.MEMBER.label, _APPROVED & _IN_BUSINESS & Q(is_admin=False)),
        "3": (Role.ADMIN.label, _APPROVED & _IN_BUSINESS & Q(is_admin=True)),
        "4": (Role.SYSTEM.label, Q(status=Status.APPROVED, is_superuser=True)),
    }


class DeletedFilter(Choice):
    """Deleted users stay as records, out of the way."""

    title = _("deleted")
    parameter_name = "deleted"
    unchosen = (_("Not deleted"), _LIVING)
    options = {"yes": (_("Deleted"), ~_LIVING), "all": (_("All"), Q())}


def _lives(user: User) -> bool:
    return user.deleted_at is None


def _may_get_business(user: User) -> bool:
    return _lives(user) and user.role == Role.APPROVED


def _in_business(user: User) -> bool:
    return _lives(user) and user.role in {Role.MEMBER, Role.ADMIN}


@admin.register(User)
class UserAdmin(RecordAdmin):
    """Who waits for audit first."""

    tenancy = "business"
    menu = ("Tenants", "group", 2)
    list_display = ("username", "state", "role_in_words", "business", "phone", "real_name", "wants", "created_at")
    list_filter = ("status", RoleFilter, DeletedFilter)
    search_fields = ("username", "real_name", "phone", "business__name")
    search_help_text = _("User name, real name, phone or business")
    ordering = (Case(When(status=Status.PENDING, then=Value(0)), default=Value(1)), "-pk")
    fields = (
        "id", "username", "state", "role_in_words", "business", "is_admin", "phone", "real_name", "created_at",
        "updated_at", "last_login", "deleted_at",
    )  # fmt: skip
    joined = ("business",)
    deferred = ("password",)
    waiting = (_("Users"), "status__exact=0", _LIVING & Q(status=Status.PENDING))
    actions = (
        "approve", "refuse", "forbid", "reset_password", "give_business", "move", "make_system_admin",
        "remove_system_admin", "delete",
    )  # fmt: skip

    @admin.display(description=_("status"), ordering="status")
    def state(self, user: User) -> str:
        """Return the status, or that it was deleted."""
        return badge(Status(user.status).label if _lives(user) else gettext("deleted"))

    @admin.display(description=_("role"))
    def role_in_words(self, user: User) -> str:
        """Return the role."""
        return str(user.role.label) if _lives(user) else "-"

    @admin.display(description=_("administrator"), boolean=True, ordering="is_admin")
    def wants(self, user: User) -> bool:
        """Tell whether it is, or asked to be, an administrator of its business."""
        return user.is_admin

    @deed(_("Approve"), form=UserComment, offered=lambda user: _lives(user) and user.status != Status.APPROVED)
    def approve(self, request: HttpRequest, user: User, *, comment: str, **_: Any) -> str:
        """Let the user work."""
        services.audit(user, status=Status.APPROVED, by=request.user, comment=comment)  # type: ignore[arg-type]
        return say("approved")

    @deed(_("Refuse"), form=UserComment, offered=lambda user: _lives(user) and user.status == Status.PENDING)
    def refuse(self, request: HttpRequest, user: User, *, comment: str, **_: Any) -> str:
        """Do not approve the user."""
        services.audit(user, status=Status.REFUSED, by=request.user, comment=comment)  # type: ignore[arg-type]
        return say("not approved")

    @deed(_("Forbid"), form=UserComment, offered=lambda user: _lives(user) and user.status != Status.FORBIDDEN)
    def forbid(self, request: HttpRequest, user: User, *, comment: str, **_: Any) -> str:
        """Keep the user out; its tokens end."""
        services.audit(user, status=Status.FORBIDDEN, by=request.user, comment=comment)  # type: ignore[arg-type]
        return say("forbidden; its tokens have ended")

    @deed(_("Reset password"), tenants=True, form=Password, offered=_lives)
    def reset_password(self, request: HttpRequest, user: User, *, password: str, **_: Any) -> str:
        """Give the user a new password."""
        services.reset_password(user, password, by=request.user)  # type: ignore[arg-type]
        return say("password reset; its tokens have ended")

    @deed(_("Give a business"), form=GiveBusiness, offered=_may_get_business)
    def give_business(self, request: HttpRequest, user: User, *, business: Any, is_admin: bool) -> str:
        """Put an approved user into a business."""
        services.set_business(user, business, is_admin=is_admin, by=request.user)  # type: ignore[arg-type]
        return say(
            "now %(value)s of %(business)s",
            value=say("an administrator") if is_admin else say("a general user"),
            business=business,
        )

    @deed(_("Change role or business"), form=Move, about="about_place", offered=_in_business)
    def move(self, request: HttpRequest, user: User, *, business: Any, is_admin: bool) -> str:
        """Give it another role or business."""
        services.move(user, business, is_admin=is_admin, by=request.user)  # type: ignore[arg-type]
        if business is None:
            return say("without a business now; its tokens have ended")
        return say(
            "now %(value)s of %(business)s",
            value=say("an administrator") if is_admin else say("a general user"),
            business=business,
        )

    @deed(
        _("Make system administrator"),
        about="about_system_admin",
        offered=lambda user: _lives(user) and user.status == Status.APPROVED and not user.is_superuser,
    )
    def make_system_admin(self, request: HttpRequest, user: User) -> str:
        """Let the user administer the system."""
        services.make_system_admin(user, by=request.user)  # type: ignore[arg-type]
        return say("now a system administrator")

    @deed(_("Remove system administrator"), offered=lambda user: _lives(user) and user.is_superuser)
    def remove_system_admin(self, request: HttpRequest, user: User) -> str:
        """Make a system administrator an approved user without a business."""
        services.remove_system_admin(user, by=request.user)  # type: ignore[arg-type]
        return say("not a system administrator any more, without a business")

    @deed(_("Delete"), tenants=True, about="about_deletion", ends=True, offered=_lives)
    def delete(self, request: HttpRequest, user: User) -> str:
        """Delete the user; the record stays."""
        services.delete(user, by=request.user)  # type: ignore[arg-type]
        return say("deleted")

    def starting(self, what: Deed, records: Sequence[Any]) -> dict[str, Any]:
        """Begin a move with where the user is."""
        if what.name != "move" or len(records) != 1:
            return {}
        return {"business": records[0].business_id, "is_admin": records[0].is_admin}

    def about_place(self, user: User) -> list[str]:
        """Say what it is now."""
        return [
            told(
                say(
                    "Now: %(label)s, business %(value)s. Its tokens end where it leaves that.",
                    label=user.role.label,
                    value=user.business or gettext("none"),
                )
            )
        ]

    def about_system_admin(self, user: User) -> list[str]:
        """Say what it means."""
        lines = [gettext("It may do everything, here and in the API, and belongs to the built-in business.")]
        return lines + (
            [told(say("It leaves the business %(business)s.", business=user.business))]
            if user.business is not None
            else []
        )

    def about_deletion(self, user: User) -> list[str]:
        """Say what goes."""
        lines = [gettext("Its tokens end at once, and its name is free again; the record stays for the audit trail.")]
        if user.business is not None:
            what = gettext("administrator") if user.is_admin else gettext("general user")
            lines.append(
                told(
                    say(
                        "The business %(business)s loses it as %(what)s; what it deployed there stays.",
                        business=user.business,
                        what=what,
                    )
                )
            )
        lines += [
            told(
                say(
                    "Its application for the business %(application)s waits, and cannot be approved afterwards.",
                    application=application,
                )
            )
            for application in user.applications.filter(status=0)
        ]
        return lines
