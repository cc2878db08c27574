"""Application versions in the back-office: to look at, with their history and what a chart holds."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.charts.problems import ChartError
from apps.charts.unpack import unpack
from apps.models import AppVersion, ChartArchive, Status
from otestack.backoffice.lists import Choice
from otestack.backoffice.records import RecordAdmin
from otestack.backoffice.words import MOST_NAMED, badge, link, list_link, pretty, table
from otestack.sentences import say, told

# Characters of one file that are shown.
_MOST_SHOWN = 20_000
# Bytes of all files together.
_MOST_OF_CHART = 300_000


class StatusFilter(Choice):
    """Deleted ones are out of the way unless asked for."""

    title = _("status")
    parameter_name = "status"
    unchosen = (_("Not deleted"), ~Q(status=Status.DELETED))
    options = {str(status.value): (status.label, Q(status=status)) for status in Status} | {"all": (_("All"), Q())}


@admin.register(AppVersion)
class AppVersionAdmin(RecordAdmin):
    """Versions, newest first."""

    tenancy = "business"
    menu = ("Applications", "apps", 1)
    list_display = ("app_name", "version", "business", "status", "deploy_type", "image", "created_at")
    list_filter = (StatusFilter, "deploy_type")
    search_fields = ("app_name", "version", "business__name", "image")
    search_help_text = _("Application, version, business or image")
    ordering = ("-pk",)
    fields = (
        "id", "app_name", "version", "business", "status", "deploy_type", "image", "repository_id", "history",
        "as_requested", "chart", "created_at", "updated_at",
    )  # fmt: skip
    joined = ("business",)

    @admin.display(description=_("as requested"))
    def as_requested(self, version: AppVersion) -> str:
        """Return what was asked for, with the defaults."""
        return pretty(version.spec)

    @admin.display(description=_("versions of it"))
    def history(self, version: AppVersion) -> str:
        """Return the newest versions of the same application, deleted ones too."""
        rows = AppVersion.objects.filter(business_id=version.business_id, app_name=version.app_name).defer("spec")
        shown = rows.order_by("-pk")[:MOST_NAMED]
        lines = [
            (
                link(row, row.version),
                badge(Status(row.status).label),
                row.image or gettext("chart"),
                f"{row.created_at:%Y-%m-%d %H:%M}",
            )
            for row in shown
        ]
        everything = list_link(
            AppVersion, told(say("all %(rows)s", rows=rows.count())), f"status=all&q={version.app_name}"
        )
        return (
            table((gettext("Version"), gettext("Status"), gettext("Image"), gettext("Created (UTC)")), lines)
            + everything
        )

    @admin.display(description=_("chart"))
    def chart(self, version: AppVersion) -> str:
        """Return the chart's files, each to unfold."""
        archive = ChartArchive.objects.filter(app_version=version).first()
        if archive is None:
            return "-"
        try:
            files = unpack(bytes(archive.packed))
        except ChartError as error:
            return error.told
        lines = []
        left = _MOST_OF_CHART
        for path, content in sorted(files.items()):
            shown = _shown(content) if left > 0 else gettext("not shown: the files before it fill the page")
            left -= min(len(content), _MOST_SHOWN)
            lines.append((path, len(content), shown))
        block = '<details><summary>{} ({} bytes)</summary><pre class="ote-pre" tabindex="0">{}</pre></details>'
        return format_html("SHA-256 {}{}", archive.digest, format_html_join("", block, lines))


def _shown(content: bytes) -> str:
    text = content[:_MOST_SHOWN].decode(errors="replace")
    return text if len(content) <= _MOST_SHOWN else f"{text}\n…"
