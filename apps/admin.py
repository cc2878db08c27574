"""Application versions in the back-office: to look at."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q

from apps.models import AppVersion, Status
from otestack.backoffice.lists import Choice
from otestack.backoffice.records import RecordAdmin
from otestack.backoffice.words import pretty


class StatusFilter(Choice):
    """Deleted ones are out of the way unless asked for."""

    title = "status"
    parameter_name = "status"
    unchosen = ("Not deleted", ~Q(status=Status.DELETED))
    options = {str(status.value): (status.label, Q(status=status)) for status in Status} | {"all": ("All", Q())}


@admin.register(AppVersion)
class AppVersionAdmin(RecordAdmin):
    """Versions, newest first."""

    tenancy = "business"
    menu = ("Applications", "apps", 1)
    list_display = ("app_name", "version", "business", "status", "deploy_type", "image", "created_at")
    list_filter = (StatusFilter, "deploy_type")
    search_fields = ("app_name", "version", "business__name", "image")
    search_help_text = "Application, version, business or image"
    ordering = ("-pk",)
    fields = (
        "id", "app_name", "version", "business", "status", "deploy_type", "image", "repository_id", "request",
        "created_at", "updated_at",
    )  # fmt: skip
    joined = ("business",)

    @admin.display(description="as requested")
    def request(self, version: AppVersion) -> str:
        """Return what was asked for, with the defaults."""
        return pretty(version.spec)
