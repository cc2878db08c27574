"""Deployments in the back-office."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest

from clusters import services as fleet
from clusters.freshness import is_fresh
from clusters.models import Placement
from deployments import services
from deployments.admin.parts import judge, kinds, objects, placements, where
from deployments.counts import READY
from deployments.freshness import readings
from deployments.models import Audit, Deployment, Operation, Status
from otestack.backoffice.deeds import deed
from otestack.backoffice.lists import Choice
from otestack.backoffice.records import RecordAdmin
from otestack.backoffice.words import MOST_NAMED, badge, link, list_link, table
from otestack.errors import Conflict


class StatusFilter(Choice):
    """By status as it is read: green only with proof."""

    title = "status"
    parameter_name = "status"
    unchosen = ("Not deleted", ~Q(status=Status.DELETED))
    options = {str(status.value): (status.label, Q(status=status)) for status in Status} | {"all": ("All", Q())}

    def condition(self, key: str) -> Q:
        """Judge freshness now."""
        late = Placement.objects.filter(READY, bundle=OuterRef("bundle")).exclude(is_fresh("cluster__"))
        if key == str(Status.SUCCESS.value):
            return Q(status=Status.SUCCESS) & ~Q(Exists(late))
        if key == str(Status.PARTIAL.value):
            return Q(status=Status.PARTIAL) | Q(status=Status.SUCCESS) & Q(Exists(late))
        return super().condition(key)


@admin.register(Deployment)
class DeploymentAdmin(RecordAdmin):
    """What runs, as it may be said now."""

    menu = ("Applications", "rocket_launch", 2)
    list_display = (
        "name", "business", "app_name", "version", "cluster", "node_label", "state", "pods", "proven", "running",
        "created_at",
    )  # fmt: skip
    list_filter = (StatusFilter, "running", "editable")
    search_fields = ("name", "app_name", "business__name")
    search_help_text = "Name, application or business"
    ordering = ("-pk",)
    fields = (
        "id", "name", "business", "app_name", "version", "cluster", "selector", "selector_value", "node_label", "state",
        "error_message", "audit_comment", "running", "editable", "live", "clusters", "objects_applied", "history",
        "bundle", "created_at", "updated_at",
    )  # fmt: skip
    joined = ("business", "shown", "bundle")
    deferred = ("shown__manifests", "shown__secrets")
    actions = ("retry", "delete")

    def prepare(self, rows: Sequence[Any]) -> None:
        """Judge the status of a page at once."""
        found = readings(rows)
        for row in rows:
            row.reading = found[row.pk]

    @admin.display(ordering="shown__version")
    def version(self, row: Deployment) -> str:
        """Return the version shown."""
        return row.shown.version if row.shown is not None else "-"

    @admin.display(description="status")
    def state(self, row: Any) -> str:
        """Return the status as it may be shown now."""
        return badge(row.reading.status.label)

    @admin.display(description="pods (running / error / total)")
    def pods(self, row: Deployment) -> str:
        """Return the pod counts."""
        return f"{row.pods_running} / {row.pods_error} / {row.pods_total}"

    @admin.display(description="clusters ready")
    def proven(self, row: Deployment) -> str:
        """Return how many clusters have it."""
        return f"{row.placements_ready} of {row.placements}"

    @admin.display(description="error message")
    def error_message(self, row: Any) -> str:
        """Return what the API says."""
        return str(row.reading.error_message)

    @admin.display(description="clusters")
    def clusters(self, row: Deployment) -> str:
        """Return where it is, by state."""
        return placements(row)

    @admin.display(description="objects applied")
    def objects_applied(self, row: Deployment) -> str:
        """Return the objects of what runs."""
        current = _current(row)
        return objects(current, unfolded=False) if current is not None else "none"

    @admin.display(description="history")
    def history(self, row: Deployment) -> str:
        """Return the changes, newest first."""
        operations = row.operations.defer("manifests", "secrets", "chart_values")
        operations = operations.select_related("submitted_by", "decided_by")
        shown = list(operations.order_by("-pk")[:MOST_NAMED])
        judge(shown, {row.pk: row})
        lines = (
            (
                link(item, item.get_kind_display()),
                item.version,
                badge(item.as_read.label),  # type: ignore[attr-defined]
                item.comment,
                item.submitted_by or "-",
                item.audit_comment,
                item.decided_by or "-",
                f"{item.created_at:%Y-%m-%d %H:%M:%S}",
            )
            for item in shown
        )
        head = ("Change", "Version", "Status", "Comment", "By", "Audit comment", "Decided by", "Submitted (UTC)")
        return table(head, lines) + list_link(Operation, "all", f"deployment__id__exact={row.pk}")

    @deed("Retry", about="about_retry", offered=lambda row: row.bundle_id is not None)
    def retry(self, request: HttpRequest, row: Deployment) -> str:
        """Have its clusters try again now."""
        if row.bundle is None:
            raise Conflict("No cluster was given anything of it yet.")
        number = fleet.retry(row.bundle)
        return f"its {number} {'cluster' if number == 1 else 'clusters'} will be looked at now"

    @deed(
        "Delete",
        about="about_deletion",
        ends=True,
        offered=lambda row: row.status != Status.DELETED and row.editable,
    )
    def delete(self, request: HttpRequest, row: Deployment) -> str:
        """Submit its end."""
        operation = services.submit_delete(row, by=request.user)  # type: ignore[arg-type]
        operation.refresh_from_db(fields=["audit"])
        return "its deletion waits for audit" if operation.audit == Audit.WAITING else "it is being deleted"

    def about_retry(self, row: Deployment) -> list[str]:
        """Say where."""
        return [where(row)]

    def about_deletion(self, row: Deployment) -> list[str]:
        """Say what goes."""
        current = _current(row)
        going = kinds(current) if current is not None else "none"
        return [f"{where(row)} Away ones are cleaned when they return.", f"Objects that go: {going}"]


def _current(row: Deployment) -> Operation | None:
    """Return the operation that runs, without its Secrets."""
    return Operation.objects.defer("secrets").filter(pk=row.current_id or 0).first()
