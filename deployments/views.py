"""Deployment Management of the seed, and the per-cluster detail."""

from __future__ import annotations

from typing import Any, cast

from django.http import StreamingHttpResponse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from accounts.access import by_token
from accounts.policy import POLICY
from business.services import own_business
from clusters.models import Placement, observe_interval
from clusters.reports import placement_state
from deployments import schema, services
from deployments.filters import AuditFilter, DeploymentFilter
from deployments.freshness import late_clusters, readings
from deployments.live import follow
from deployments.models import AUDITED, WAITING_FIRST, Deployment, Operation
from deployments.serializers import (
    HISTORY,
    AuditAnswer,
    DeploymentAnswer,
    DeploymentAuditRequest,
    DeploymentDetail,
    DeployRequest,
    DetailQuery,
    ListQuery,
    PlacementAnswer,
    ProgressEvent,
    RollbackRequest,
    UpgradeRequest,
    VersionAnswer,
)
from deployments.status import as_read
from otestack.api.renderers import Response
from otestack.api.schema import One, Page, Stream, endpoint
from otestack.api.views import TenantViewSet
from otestack.errors import NotFound

# Objects are large and Secrets cost a decryption; no list needs them.
_HEAVY = ("manifests", "secrets", "chart_values")
# What is shown of one unless other fields are asked for.
_FIELDS = tuple(DeploymentAnswer().fields)
_NO_HELM = "The version is a chart and there is no helm here or it is busy, or the database is not available."
_BUSY = "A change of it is waiting or under way, or it is being deleted."


class DeploymentViewSet(TenantViewSet):
    """/v1/deploy and below."""

    queryset = Deployment.objects.select_related("shown").defer(*(f"shown__{name}" for name in _HEAVY))
    chapter = "Deployment Management"
    path_words = {"id": "The deployment's id.", "name": "The deployment's name."}

    @endpoint(
        "Create deployment",
        body=DeployRequest,
        refuses={409: "An object of the same kind and name is held by another deployment.", 503: _NO_HELM},
        sent=schema.NEW,
    )
    def create(self, request: Request) -> Response:
        """Submit a new deployment in the caller's own business.

        A general user's waits for its audit; an administrator's is approved at once if the installation says so.
        """
        body = self.body()
        services.submit_new(
            by=request.user,  # type: ignore[arg-type]
            deploy_name=body["deployName"],
            app_name=body["appName"],
            version=body["version"],
            cluster=body["cluster"],
            node_label=body["nodeLabel"],
            comment=body["comment"],
            values=body.get("values"),
        )
        return Response()

    @endpoint(
        "List deployments",
        query=ListQuery,
        filters=DeploymentFilter,
        answer=Page(DeploymentAnswer),
        sent=schema.LIST_QUERY,
        answered=schema.DEPLOYMENTS,
    )
    def list(self, request: Request) -> Response:
        """List the deployments that are not deleted."""
        only = self.parameters()["field"]
        page = self.page(lambda: self.get_queryset().listed(), only=only)  # type: ignore[attr-defined]
        return Response(page.answer(readings=readings(page.named())))

    @endpoint("Get deployment", query=DetailQuery, answer=One(DeploymentDetail), answered=schema.DEPLOYMENT)
    def retrieve(self, request: Request, id: str) -> Response:
        """Return one deployment, a deleted one too; with field=historyVersion its changes, the newest first."""
        try:
            only = self.parameters()["field"] or _FIELDS
        except ValidationError:
            self.values(id, "pk")  # that there is none is said first
            raise
        row = self.shown(id, only=only)
        context: dict[str, Any] = {"history": _history(row)} if HISTORY in only else {}
        if list(only) != [HISTORY]:
            context["readings"] = readings([row])
        return self.answer_shown(row, only=only, **context)

    @endpoint(
        "Upgrade deployment",
        body=UpgradeRequest,
        refuses={409: _BUSY, 503: _NO_HELM},
        sent=schema.UPGRADE,
    )
    def upgrade(self, request: Request, id: str) -> Response:
        """Submit the change to another version of the application."""
        row, body = self._deployment(id), self.body()
        services.submit_upgrade(
            row,
            by=request.user,  # type: ignore[arg-type]
            version=body["version"],
            comment=body["comment"],
            values=body.get("values"),
        )
        return Response()

    @endpoint("Roll back deployment", body=RollbackRequest, refuses={409: _BUSY, 503: _NO_HELM}, sent=schema.ROLLBACK)
    def rollback(self, request: Request, id: str) -> Response:
        """Submit the return to a version that ran before."""
        row, body = self._deployment(id), self.body()
        services.submit_rollback(
            row,
            by=request.user,  # type: ignore[arg-type]
            version=body["version"],
            comment=body["comment"],
            values=body.get("values"),
        )
        return Response()

    @endpoint("Delete deployment", refuses={409: _BUSY})
    def destroy(self, request: Request, id: str) -> Response:
        """Submit the end of a deployment. It is deleted (9) when every reachable cluster has let go."""
        services.submit_delete(self._deployment(id), by=request.user)  # type: ignore[arg-type]
        return Response()

    @endpoint("Delete deployment by name", refuses={409: _BUSY})
    def destroy_by_name(self, request: Request, name: str) -> Response:
        """Submit the end of a deployment of the caller's own business, by its name."""
        own = Deployment.objects.filter(business=own_business(request.user), name=name)  # type: ignore[arg-type]
        row = own.listed().order_by("-live", "-pk").first()
        if row is None:
            raise NotFound
        services.submit_delete(row, by=request.user)  # type: ignore[arg-type]
        return Response()

    @endpoint("List clusters of deployment", answer=Page(PlacementAnswer), answered=schema.CLUSTERS)
    def clusters(self, request: Request, id: str) -> Response:
        """List the clusters of a deployment with what is there and what is wrong, by name."""
        (bundle,) = self.values(id, "bundle_id")
        self.order_prefix = ["cluster__name"]
        interval = observe_interval()
        return self.listed(
            lambda bundle: Placement.objects.filter(bundle=bundle),
            bundle or 0,
            also=lambda: {"state": placement_state(interval)},
            fixed=interval,
        )

    @endpoint(
        "Follow deployment",
        answer=Stream(ProgressEvent),
        refuses={
            422: "Last-Event-ID is no id of an event.",
            429: "The caller follows as many streams as one user may.",
            503: "As many streams are open as this server keeps, or the database is not available.",
        },
        answered=schema.PROGRESS,
    )
    def events(self, request: Request, id: str) -> StreamingHttpResponse:
        """Follow how far a deployment is, as server-sent events, for as long as it is there.

        It begins with how things are now; each event says all there is to say. A client that was cut off sends the id
        of the last event it has, in the header Last-Event-ID, and gets what came after. The stream ends with an event
        `end`, which says why, when the deployment is deleted, the token ends, or the caller may not see it any more;
        without one when the server stops: then connect again. Comments keep the connection alive.
        """
        row, user = self._deployment(id), self.caller
        roles = POLICY[f"GET {self.path}"].roles
        return follow(request._request, [row.pk], by_token(user, request.auth, roles))

    def _deployment(self, id: str) -> Deployment:
        return cast(Deployment, self.one(id))


class AuditViewSet(TenantViewSet):
    """/v1/admin/deploy."""

    queryset = Operation.objects.select_related("deployment__business").defer(*_HEAVY).filter(AUDITED)
    chapter = "Deployment Management"
    order_fields = {"id": "id"}
    default_order = "desc"

    @endpoint("List deployment audits", filters=AuditFilter, answer=Page(AuditAnswer), answered=schema.AUDITS)
    def list(self, request: Request) -> Response:
        """List audit records; the waiting ones first unless an order is asked for."""
        if not {"orderBy", "order"} & set(request.query_params):
            self.order_prefix = [WAITING_FIRST]
        return self.listed()

    @endpoint(
        "Audit deployment",
        body=DeploymentAuditRequest,
        refuses={404: "There is no such audit record.", 409: "It was decided before."},
        sent=schema.AUDIT,
    )
    def update(self, request: Request) -> Response:
        """Approve or disapprove a waiting change."""
        body = self.body()
        operation = self.get_queryset().filter(pk=body["id"]).first()
        if operation is None:
            raise NotFound
        services.audit(operation, by=request.user, status=body["status"], comment=body["comment"])  # type: ignore[arg-type]
        return Response()


def _history(row: Any) -> list[dict[str, Any]]:
    operations = Operation.objects.filter(deployment=row.id).defer(*_HEAVY).order_by("-pk")
    late = 0
    if row.bundle_id is not None:
        late, _ = late_clusters([row.bundle_id]).get(row.bundle_id, (0, ""))
    answers = []
    for item in operations:
        status = as_read(item.status, late if item.pk == row.current_id else 0)
        answers.append(dict(VersionAnswer(item, context={"status": status}).data))
    return answers
