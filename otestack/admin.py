"""The audit trail in the back-office: to read, to filter, to take away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from otestack.backoffice.records import RecordAdmin
from otestack.backoffice.words import link, pretty
from otestack.caller import current
from otestack.models import TrailEntry
from otestack.trail.reading import FORMS, business_names, records


@admin.register(TrailEntry)
class TrailAdmin(RecordAdmin):
    """The newest first. What is filtered is what is exported."""

    list_display = ("at", "who", "verb", "kind", "object_name", "business", "channel", "address", "short_id")
    list_filter = ("channel", "at")
    search_fields = ("actor_name__exact", "object_name__exact", "request_id__exact", "kind__exact")  # by indexes
    search_help_text = _("A whole user name, object, request id or kind")
    ordering = ("-pk",)
    date_hierarchy = None
    fields = (
        "id", "at", "who", "channel", "address", "request_id", "kind", "object_id", "record", "business", "verb", "was",
        "became",
    )  # fmt: skip
    change_list_template = "admin/trail.html"
    actions = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrailEntry]:
        """Return what the reader may know of."""
        rows: Any = super().get_queryset(request)
        return rows.visible_to(request.user)

    def prepare(self, rows: Sequence[TrailEntry]) -> None:
        """Hang on the businesses' names."""
        names = business_names(list(rows))
        for row in rows:
            row.business_name = names.get(row.business_id or 0, "")  # type: ignore[attr-defined]

    @admin.display(description=_("who"), ordering="actor_name")
    def who(self, row: TrailEntry) -> str:
        """Return the user, or who ran the command."""
        return row.actor_name or "-"

    @admin.display(description=_("business"), ordering="business_id")
    def business(self, row: TrailEntry) -> str:
        """Return the business's name."""
        return getattr(row, "business_name", "") or "-"

    @admin.display(description=_("request"))
    def short_id(self, row: TrailEntry) -> str:
        """Return the beginning of the request's id; the whole one is on the entry's page."""
        return row.request_id[:8] or "-"

    @admin.display(description=_("object"))
    def record(self, row: TrailEntry) -> str:
        """Return the object's name: a link, while there is such a record and the reader may open it."""
        found = next((one for model, one in self.admin_site._registry.items() if _kind(model) == row.kind), None)
        request = current().request
        number = row.object_id if row.object_id.isascii() and row.object_id.isdecimal() else ""
        if isinstance(found, RecordAdmin) and request is not None and number:
            rows = found.get_queryset(request).filter(pk=number)
            if found.has_view_permission(request) and rows.exists():
                return link(rows.model(pk=number), row.object_name)
        return row.object_name or "-"

    @admin.display(description=_("before"))
    def was(self, row: TrailEntry) -> str:
        """Return what was there."""
        return pretty(row.before) if row.before is not None else "-"

    @admin.display(description=_("after"))
    def became(self, row: TrailEntry) -> str:
        """Return what came instead."""
        return pretty(row.after) if row.after is not None else "-"

    def get_urls(self) -> list[URLPattern]:
        """Put the exports before Django's own routes, which would take their path for an id."""
        view = self.admin_site.admin_view(self.export)
        return [path("export/<str:form>/", view, name="audit_trail_export"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, with links that export what it shows."""
        return super().changelist_view(request, {"forms": list(FORMS), **(extra_context or {})})

    def export(self, request: HttpRequest, form: str) -> StreamingHttpResponse:
        """Stream all entries that the filters in the address leave."""
        if form not in FORMS or not self.has_view_permission(request):
            raise Http404
        kind, lines = FORMS[form]
        try:
            found = records(self.get_changelist_instance(request).get_queryset(request))
        except IncorrectLookupParameters:
            raise Http404 from None
        answer = StreamingHttpResponse(lines(found), content_type=kind)
        answer["Content-Disposition"] = f'attachment; filename="audit-trail.{form}"'
        answer["Cache-Control"] = "no-store"
        return answer


def _kind(model: type[Model]) -> str:
    """Return what the trail calls records of a model."""
    return str(model._meta.model_name)
