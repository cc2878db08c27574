"""Deployments in the back-office."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.models import AppVersion
from deployments import services
from deployments.admin.parts import judge, kinds, not_on, objects, on_clusters, placements, where
from deployments.freshness import readings, unproven
from deployments.models import Audit, Change, Deployment, Operation, Status
from otestack.backoffice.deeds import Version, deed
from otestack.backoffice.lists import Choice
from otestack.backoffice.records import RecordAdmin
from otestack.backoffice.words import MOST_NAMED, badge, link, list_link, named, table
from otestack.sentences import say, told


class StatusFilter(Choice):
    """By status as it is read: green only with proof."""

    title = _("status")
    parameter_name = "status"
    unchosen = (_("Not deleted"), ~Q(status=Status.DELETED))
    options = {str(status.value): (status.label, Q(status=status)) for status in Status} | {"all": (_("All"), Q())}

    def condition(self, key: str) -> Q:
        """Judge freshness now."""
        if key == str(Status.SUCCESS.value):
            return Q(status=Status.SUCCESS) & ~unproven()
        if key == str(Status.PARTIAL.value):
            return Q(status=Status.PARTIAL) | Q(status=Status.SUCCESS) & unproven()
        return super().condition(key)


@admin.register(Deployment)
class DeploymentAdmin(RecordAdmin):
    """What runs, as it may be said now."""

    tenancy = "business"
    menu = ("Applications", "rocket_launch", 2)
    change_form_template = "admin/deployment.html"
    list_display = (
        "name", "business", "app_name", "version", "cluster", "node_label", "state", "pods", "proven", "running",
        "created_at",
    )  # fmt: skip
    list_filter = (StatusFilter, "running", "editable")
    search_fields = ("name", "app_name", "business__name")
    search_help_text = _("Name, application or business")
    ordering = ("-pk",)
    fields = (
        "name", "business", "app_name", "version", "state", "reason_now", "waiting_change", "proven", "pods",
        "clusters", "each_cluster", "why_not", "history", "cluster", "selector", "selector_value", "node_label",
        "audit_comment", "objects_applied", "running", "editable", "live", "bundle", "id", "created_at", "updated_at",
    )  # fmt: skip
    joined = ("business", "shown", "bundle")
    deferred = ("shown__manifests", "shown__secrets")
    actions = ("upgrade", "roll_back", "retry", "delete")

    def prepare(self, rows: Sequence[Any]) -> None:
        """Judge the status of a page at once."""
        found = readings(rows)
        for row in rows:
            row.reading = found[row.pk]

    @admin.display(description=_("Version"), ordering="shown__version")
    def version(self, row: Deployment) -> str:
        """Return the version shown."""
        return row.shown.version if row.shown is not None else "-"

    @admin.display(description=_("status"))
    def state(self, row: Any) -> str:
        """Return the status as it may be shown now."""
        return badge(row.reading.status.label)

    @admin.display(description=_("pods (running / error / total)"))
    def pods(self, row: Deployment) -> str:
        """Return the pod counts."""
        return f"{row.pods_running} / {row.pods_error} / {row.pods_total}"

    @admin.display(description=_("clusters ready"))
    def proven(self, row: Deployment) -> str:
        """Return how many clusters have it."""
        return told(
            say(
                "%(placements_ready)s of %(placements)s",
                placements_ready=row.placements_ready,
                placements=row.placements,
            )
        )

    @admin.display(description=_("what is wrong"))
    def reason_now(self, row: Any) -> str:
        """Return the reason that the API's errorMessage holds."""
        return told(row.reading.reason) or gettext("nothing")

    @admin.display(description=_("waits for audit"))
    def waiting_change(self, row: Deployment) -> str:
        """Return the way to the change that waits."""
        waiting = row.operations.filter(open=True, audit=Audit.WAITING).defer("manifests", "secrets", "chart_values")
        change = waiting.first()
        if change is None:
            return gettext("nothing")
        text = say("%(kind)s to %(version)s", kind=change.get_kind_display(), version=change.version)
        return link(change, told(text))

    @admin.display(description=_("clusters"))
    def clusters(self, row: Deployment) -> str:
        """Return where it is, by state."""
        return placements(row)

    @admin.display(description=_("on each"))
    def each_cluster(self, row: Deployment) -> str:
        """Return its state on each cluster, what is wrong first."""
        return on_clusters(row)

    @admin.display(description=_("why not elsewhere"))
    def why_not(self, row: Deployment) -> str:
        """Return the clusters that do not have it, and why."""
        return not_on(row)

    @admin.display(description=_("objects applied"))
    def objects_applied(self, row: Deployment) -> str:
        """Return the objects of what runs."""
        current = _current(row)
        return objects(current, unfolded=False) if current is not None else gettext("none")

    @admin.display(description=_("history"))
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
        head = (
            gettext("Change"),
            gettext("Version"),
            gettext("Status"),
            gettext("Comment"),
            gettext("By"),
            gettext("Audit comment"),
            gettext("Decided by"),
            gettext("Submitted (UTC)"),
        )
        return table(head, lines) + list_link(Operation, gettext("all"), f"deployment__id__exact={row.pk}")

    @deed(
        _("Upgrade"), tenants=True, form=Version, about="about_upgrade", offered=lambda row: row.live and row.editable
    )
    def upgrade(self, request: HttpRequest, row: Deployment, *, version: str, comment: str) -> str:
        """Submit another version."""
        by: Any = request.user
        return _submitted(services.submit_upgrade(row, by=by, version=version, comment=comment))

    @deed(
        _("Roll back"),
        tenants=True,
        form=Version,
        about="about_rollback",
        offered=lambda row: row.live and row.editable,
    )
    def roll_back(self, request: HttpRequest, row: Deployment, *, version: str, comment: str) -> str:
        """Submit a version that ran before."""
        by: Any = request.user
        return _submitted(services.submit_rollback(row, by=by, version=version, comment=comment))

    @deed(_("Retry"), tenants=True, about="about_retry", offered=lambda row: row.bundle_id is not None)
    def retry(self, request: HttpRequest, row: Deployment) -> str:
        """Have its clusters try again now."""
        number = services.retry(row)
        if number == 1:
            return say("its %(number)s cluster will be looked at now", number=number)
        return say("its %(number)s clusters will be looked at now", number=number)

    @deed(
        _("Delete"),
        tenants=True,
        about="about_deletion",
        ends=True,
        offered=lambda row: row.status != Status.DELETED and row.editable,
    )
    def delete(self, request: HttpRequest, row: Deployment) -> str:
        """Submit its end."""
        operation = services.submit_delete(row, by=request.user)  # type: ignore[arg-type]
        operation.refresh_from_db(fields=["audit"])
        return say("its deletion waits for audit") if operation.audit == Audit.WAITING else say("it is being deleted")

    def about_upgrade(self, row: Deployment) -> list[str]:
        """Name the versions that there are."""
        versions = AppVersion.objects.filter(business_id=row.business_id, app_name=row.app_name).listed()
        names = versions.order_by("-pk").values_list("version", flat=True)
        return [
            told(say("It runs %(row)s.", row=_running(row))),
            told(
                say("Versions of %(app_name)s: %(names)s", app_name=row.app_name, names=named(list(names[:MOST_NAMED])))
            ),
        ]

    def about_rollback(self, row: Deployment) -> list[str]:
        """Name the versions that it ran."""
        ran = row.operations.filter(audit=Audit.APPROVED, generation__gt=0).exclude(kind=Change.DELETE)
        names = dict.fromkeys(ran.order_by("-pk").values_list("version", flat=True)[:100])
        return [
            told(say("It runs %(row)s.", row=_running(row))),
            told(say("It has run: %(names)s", names=named(list(names)))),
        ]

    def about_retry(self, row: Deployment) -> list[str]:
        """Say where."""
        return [where(row)]

    def about_deletion(self, row: Deployment) -> list[str]:
        """Say what goes."""
        current = _current(row)
        going = kinds(current) if current is not None else gettext("none")
        return [
            told(say("%(row)s Away ones are cleaned when they return.", row=where(row))),
            told(say("Objects that go: %(going)s", going=going)),
        ]


def _current(row: Deployment) -> Operation | None:
    """Return the operation that runs, without its Secrets."""
    return Operation.objects.defer("secrets").filter(pk=row.current_id or 0).first()


def _running(row: Deployment) -> str:
    current = _current(row)
    return current.version if current is not None else gettext("nothing")


def _submitted(operation: Operation) -> str:
    """Say what became of a change."""
    operation.refresh_from_db(fields=["audit", "status"])
    if operation.status == Status.ERROR:
        return say("the objects could not be made")
    what = say("%(operation)s to %(version)s", operation=Change(operation.kind).label, version=operation.version)
    return (
        say("%(what)s waits for audit", what=what)
        if operation.audit == Audit.WAITING
        else say("%(what)s is under way", what=what)
    )
