"""External repositories in the back-office: to look at. Passwords are never loaded here."""

from django.contrib import admin

from otestack.backoffice.records import RecordAdmin
from registry.models import ExternalRepository


@admin.register(ExternalRepository)
class ExternalRepositoryAdmin(RecordAdmin):
    """Where tenants' images come from."""

    list_display = ("repository_id", "business", "address", "user", "created_at")
    search_fields = ("repository_id", "business__name", "address")
    search_help_text = "Name, business or address"
    ordering = ("-pk",)
    fields = ("id", "repository_id", "business", "address", "user", "created_at", "updated_at")
    joined = ("business",)
    deferred = ("password",)
