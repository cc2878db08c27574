"""External repositories and registry accounts in the back-office. Passwords are never loaded here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from otestack.backoffice.deeds import Password, deed
from otestack.backoffice.records import RecordAdmin
from otestack.backoffice.words import named
from otestack.sentences import say, told
from registry import services
from registry.harbor.names import password_fault
from registry.models import ExternalRepository, RegistryAccount


class AccountPassword(Password):
    """A new password that follows the registry's rule."""

    def clean_password(self) -> str:
        """Judge it as the API does."""
        password: str = self.cleaned_data["password"]
        if fault := password_fault(password):
            raise forms.ValidationError(told(fault))
        return password


@admin.register(ExternalRepository)
class ExternalRepositoryAdmin(RecordAdmin):
    """Where tenants' images come from."""

    tenancy = "business"
    menu = ("Registry", "cloud", 2)
    list_display = ("repository_id", "business", "address", "user", "created_at")
    search_fields = ("repository_id", "business__name", "address")
    search_help_text = _("Name, business or address")
    ordering = ("-pk",)
    fields = ("id", "repository_id", "business", "address", "user", "created_at", "updated_at")
    joined = ("business",)
    deferred = ("password",)
    actions = ("delete",)

    @deed(_("Delete"), about="about_deletion", ends=True, tenants=True)
    def delete(self, request: HttpRequest, repository: ExternalRepository) -> str:
        """Delete the account; what runs keeps its pull secret."""
        name, user = repository.repository_id, request.user
        outcome = services.delete_external(user, [name], business=repository.business)  # type: ignore[arg-type]
        for error in outcome.failed.values():
            raise error
        return say("deleted")

    def about_deletion(self, repository: ExternalRepository) -> list[str]:
        """Say what goes with it, and what cannot be deployed any more. By name: the app of versions lies above."""
        versions = apps.get_model("apps", "AppVersion")._default_manager.filter(
            business_id=repository.business_id, repository_id=repository.repository_id, status=1
        )
        some = [str(row) for row in versions.only("app_name", "version").order_by("app_name", "pk")[:20]]
        place = {"user": repository.user, "address": repository.address, "business": repository.business.name}
        return [
            told(say("The login of %(user)s at %(address)s, of the business %(business)s.", **place)),
            told(
                say(
                    "Versions that cannot be deployed anew without it: %(versions)s. What runs keeps its pull secret.",
                    versions=named(some, versions.count()),
                )
            ),
        ]


@admin.register(RegistryAccount)
class RegistryAccountAdmin(RecordAdmin):
    """The businesses' users in our own registry. Without a registry id, the registry has not confirmed it yet."""

    tenancy = "business"
    menu = ("Registry", "key", 1)
    list_display = ("user", "business", "harbor_user_id", "created_at", "updated_at")
    search_fields = ("user", "business__name")
    search_help_text = _("User or business")
    ordering = ("-pk",)
    fields = ("id", "user", "business", "harbor_user_id", "email", "changing_until", "created_at", "updated_at")
    joined = ("business",)
    deferred = ("password",)
    actions = ("new_password", "try_again")

    @deed(
        _("New password"),
        form=AccountPassword,
        about="about_password",
        tenants=True,
        offered=lambda account: account.harbor_user_id is not None,
    )
    def new_password(self, request: HttpRequest, account: RegistryAccount, *, password: str, **_: Any) -> str:
        """Give the business's user another password, and with it all that pulls by it."""
        services.change_password(request.user, password=password, business=account.business)  # type: ignore[arg-type]
        return say("new password; what pulls by it gets it too")

    @deed(
        _("Try again to create it"),
        form=AccountPassword,
        about="about_trying",
        tenants=True,
        offered=lambda account: account.harbor_user_id is None,
    )
    def try_again(self, request: HttpRequest, account: RegistryAccount, *, password: str, **_: Any) -> str:
        """Create the user of whom the registry has not said that it is there."""
        services.create_account(
            request.user,  # type: ignore[arg-type]
            user=account.user,
            password=password,
            business=account.business,
        )
        return say("created")

    def about_password(self, account: RegistryAccount) -> list[str]:
        """Say what changes with it."""
        return [told(say("Whoever of the business %(business)s logs in with the old one cannot any more.",
                         business=account.business.name))]  # fmt: skip

    def about_trying(self, account: RegistryAccount) -> list[str]:
        """Say what was left half done."""
        return [told(say("The registry has not confirmed this user yet: what was begun is looked up there and ended."))]
