"""Deployment Management of the seed, and the per-cluster detail."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import Case, Value, When
from rest_framework.request import Request
from rest_framework.response import Response

from apps.services import own_business
from clusters.models import Placement
from clusters.reports import placement_state
from deployments import services
from deployments.filters import AuditFilter, DeploymentFilter
from deployments.freshness import late_clusters, readings
from deployments.models import Audit, Deployment, Operation, Status
from deployments.serializers import (
    HISTORY,
    AuditAnswer,
    AuditRequest,
    DeploymentAnswer,
    DeployRequest,
    DetailQuery,
    ListQuery,
    PlacementAnswer,
    RollbackRequest,
    UpgradeRequest,
    VersionAnswer,
)
from deployments.status import as_read
from otestack.api.views import TenantViewSet
from otestack.errors import NotFound

# Objects are large and Secrets cost a decryption; no list needs them.
_HEAVY = ("manifests", "secrets")


class DeploymentViewSet(TenantViewSet):
    """/v1/deploy and below."""

    queryset = Deployment.objects.select_related("shown").defer(*(f"shown__{name}" for name in _HEAVY))
    filterset_class = DeploymentFilter

    def create(self, request: Request) -> Response:
        """Submit a new deployment in the caller's own business."""
        body = self.body(DeployRequest)
        services.submit_new(
            by=request.user,  # type: ignore[arg-type]
            deploy_name=body["deployName"],
            app_name=body["appName"],
            version=body["version"],
            cluster=body["cluster"],
            node_label=body["nodeLabel"],
            comment=body["comment"],
        )
        return Response()

    def list(self, request: Request) -> Response:
        """List the deployments that are not deleted."""
        only = self.parameters(ListQuery)["field"]
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset().listed()))  # type: ignore[attr-defined]
        return self.get_paginated_response(_answers(rows or [], only))

    def retrieve(self, request: Request, id: str) -> Response:
        """Show one deployment, a deleted one too; with field=historyVersion its changes, newest first."""
        row = self._deployment(id)
        only = self.parameters(DetailQuery)["field"]
        history = HISTORY in only
        only = [name for name in only if name != HISTORY]
        data = _answers([row], only)[0] if only or not history else {}
        return Response({"data": data | ({HISTORY: _history(row)} if history else {})})

    def upgrade(self, request: Request, id: str) -> Response:
        """Submit another version."""
        row, body = self._deployment(id), self.body(UpgradeRequest)
        services.submit_upgrade(row, by=request.user, version=body["version"], comment=body["comment"])  # type: ignore[arg-type]
        return Response()

    def rollback(self, request: Request, id: str) -> Response:
        """Submit a version that ran before."""
        row, body = self._deployment(id), self.body(RollbackRequest)
        services.submit_rollback(row, by=request.user, version=body["version"], comment=body["comment"])  # type: ignore[arg-type]
        return Response()

    def destroy(self, request: Request, id: str) -> Response:
        """Submit the end of a deployment."""
        services.submit_delete(self._deployment(id), by=request.user)  # type: ignore[arg-type]
        return Response()

    def destroy_by_name(self, request: Request, name: str) -> Response:
        """Submit the end of a deployment of the caller's own business."""
        own = Deployment.objects.filter(business=own_business(request.user), name=name)  # type: ignore[arg-type]
        row = own.listed().order_by("-live", "-pk").first()
        if row is None:
            raise NotFound
        services.submit_delete(row, by=request.user)  # type: ignore[arg-type]
        return Response()

    def clusters(self, request: Request, id: str) -> Response:
        """List the clusters of a deployment with what is there and what is wrong."""
        placements = Placement.objects.filter(bundle__deployment=self._deployment(id))
        self.order_prefix = ["cluster__name"]
        placements = placements.select_related("cluster").defer("marks", "cluster__credentials")
        rows = self.paginate_queryset(placements.annotate(state=placement_state()))
        return self.get_paginated_response(PlacementAnswer(rows, many=True).data)  # type: ignore[arg-type]

    def _deployment(self, id: str) -> Deployment:
        return cast(Deployment, self.one(id))


class AuditViewSet(TenantViewSet):
    """/v1/admin/deploy."""

    # A change whose objects could not be made was never up for audit.
    queryset = (
        Operation.objects.select_related("deployment__business")
        .defer(*_HEAVY)
        .exclude(status=Status.ERROR, audit=Audit.WAITING)
    )
    filterset_class = AuditFilter
    order_fields = {"id": "id"}
    default_order = "desc"

    def list(self, request: Request) -> Response:
        """List audit records; the waiting ones first unless an order is asked for."""
        if not {"orderBy", "order"} & set(request.query_params):
            self.order_prefix = [Case(When(audit=Audit.WAITING, then=Value(0)), default=Value(1))]
        return self.listed(AuditAnswer)

    def update(self, request: Request) -> Response:
        """Approve or refuse a waiting change."""
        body = self.body(AuditRequest)
        operation = self.get_queryset().filter(pk=body["id"]).first()
        if operation is None:
            raise NotFound
        services.audit(operation, by=request.user, status=body["status"], comment=body["comment"])  # type: ignore[arg-type]
        return Response()


def _answers(rows: list[Deployment], only: list[str]) -> list[dict[str, Any]]:
    context = {"only": only, "readings": readings(rows)}
    return list(DeploymentAnswer(rows, many=True, context=context).data)  # type: ignore[arg-type]


def _history(row: Deployment) -> list[dict[str, Any]]:
    operations = row.operations.defer(*_HEAVY).order_by("-pk")
    late = 0
    if row.bundle_id is not None:
        late, _ = late_clusters([row.bundle_id]).get(row.bundle_id, (0, ""))
    answers = []
    for item in operations:
        status = as_read(item.status, late if item.pk == row.current_id else 0)
        answers.append(dict(VersionAnswer(item, context={"status": status}).data))
    return answers
