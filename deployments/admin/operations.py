"""The audit queue in the back-office."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Case, Q, Value, When
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from deployments import services
from deployments.admin.difference import difference
from deployments.admin.parts import judge, kinds, meant, placements, where
from deployments.models import Audit, Change, Operation
from deployments.services.noting import content
from otestack.backoffice.deeds import Comment, deed
from otestack.backoffice.lists import Choice
from otestack.backoffice.records import RecordAdmin
from otestack.backoffice.words import badge, link
from otestack.sentences import say, told

# A change whose objects could not be made was never up for audit.
_WAITING = Q(open=True, audit=Audit.WAITING)


def _waits(operation: Operation) -> bool:
    return operation.open and operation.audit == Audit.WAITING


class AuditFilter(Choice):
    """By decision."""

    title = _("audit")
    parameter_name = "audit"
    options = {
        "waiting": (_("Waiting"), _WAITING),
        "approved": (_("Approved"), Q(audit=Audit.APPROVED)),
        "refused": (_("Disapproved"), Q(audit=Audit.REFUSED)),
    }


@admin.register(Operation)
class OperationAdmin(RecordAdmin):
    """The audit queue: waiting changes first."""

    tenancy = "deployment__business"
    menu = ("Applications", "history", 3)
    list_display = (
        "id", "deployment", "business", "kind", "version", "cluster", "audit_state", "state", "comment", "submitted_by",
        "audit_comment", "created_at",
    )  # fmt: skip
    list_display_links = ("id", "deployment")
    list_filter = (AuditFilter, "kind")
    search_fields = ("deployment__name", "deployment__app_name", "deployment__business__name", "version")
    search_help_text = _("Deployment, application, business or version")
    ordering = (Case(When(_WAITING, then=Value(0)), default=Value(1)), "-pk")
    fields = (
        "id", "deployment", "business", "kind", "app_version", "version", "comment", "submitted_by", "created_at",
        "audit_state", "audit_comment", "decided_by", "decided_at", "state", "ended_at", "generation", "cluster",
        "node_label", "clusters", "changes", "content_hash",
    )  # fmt: skip
    joined = ("deployment__business", "deployment__bundle", "app_version", "submitted_by", "decided_by")
    deferred = (
        *("manifests", "secrets", "chart_values", "app_version__spec"),
        *("submitted_by__password", "decided_by__password"),
    )
    waiting = (_("Deployments (new, upgrade, rollback, delete)"), "audit=waiting", _WAITING)
    actions = ("approve", "refuse")

    def prepare(self, rows: Sequence[Any]) -> None:
        """Judge the status of a page at once."""
        judge(rows, {row.deployment_id: row.deployment for row in rows})

    @admin.display(description=_("Business"), ordering="deployment__business__name")
    def business(self, row: Operation) -> str:
        """Return the business."""
        return link(row.deployment.business)

    @admin.display(description=_("cluster"))
    def cluster(self, row: Operation) -> str:
        """Return what was asked for."""
        return row.deployment.cluster or gettext("all")

    @admin.display(description=_("node label"))
    def node_label(self, row: Operation) -> str:
        """Return the node label."""
        return row.deployment.node_label or gettext("all")

    @admin.display(description=_("audit"), ordering="audit")
    def audit_state(self, row: Operation) -> str:
        """Return the decision; a change without objects was never up for one."""
        return "-" if row.audit == Audit.WAITING and not row.open else badge(Audit(row.audit).label)

    @admin.display(description=_("status"))
    def state(self, row: Any) -> str:
        """Return the status as it may be shown now."""
        return badge(row.as_read.label)

    @admin.display(description=_("clusters"))
    def clusters(self, row: Operation) -> str:
        """Return where its objects will be applied, or are."""
        return meant(row) if _waits(row) and row.kind != Change.DELETE else placements(row.deployment)

    @admin.display(description=_("what changes"))
    def changes(self, row: Operation) -> str:
        """Return the objects before and after, exactly what is applied; Secrets masked."""
        return difference(row)

    @admin.display(description=_("SHA-256 of its objects"))
    def content_hash(self, row: Operation) -> str:
        """Return what the audit trail holds of its content, to compare: Secrets left out."""
        return content(row).get("content", "-")

    @deed(_("Approve"), tenants=True, form=Comment, about="about", offered=_waits)
    def approve(self, request: HttpRequest, row: Operation, *, comment: str) -> str:
        """Approve a waiting change."""
        services.approve(row, by=request.user, comment=comment)  # type: ignore[arg-type]
        return say("approved")

    @deed(_("Refuse"), tenants=True, form=Comment, about="about", offered=_waits)
    def refuse(self, request: HttpRequest, row: Operation, *, comment: str) -> str:
        """Refuse a waiting change."""
        services.refuse(row, by=request.user, comment=comment)  # type: ignore[arg-type]
        return say("disapproved")

    def more(self, row: Operation) -> str:
        """Return what changes, to read before it is decided."""
        return difference(row)

    def about(self, row: Operation) -> list[str]:
        """Say what is decided."""
        if row.kind == Change.DELETE:
            return [where(row.deployment)]
        return [
            told(
                say(
                    "Version %(version)s of %(app_name)s, business %(business)s",
                    version=row.version,
                    app_name=row.deployment.app_name,
                    business=row.deployment.business,
                )
            ),
            told(say("Clusters: %(row)s", row=meant(row))),
            told(say("Objects: %(row)s", row=kinds(row))),
        ]
