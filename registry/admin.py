"""External repositories and registry accounts in the back-office: to look at. Passwords are never loaded here."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from otestack.backoffice.records import RecordAdmin
from registry.models import ExternalRepository, RegistryAccount


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
