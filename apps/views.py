"""Application Management 1 to 4 of the seed."""

from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response

from apps import services
from apps.filters import AppFilter
from apps.models import AppVersion
from apps.serializers import AppAnswer, AppRequest, DeleteRequest
from otestack.api.views import TenantViewSet


class AppViewSet(TenantViewSet):
    """/v1/app and /v1/app/id/[id]."""

    queryset = AppVersion.objects.all()
    filterset_class = AppFilter

    def create(self, request: Request) -> Response:
        """Create the next version of an application."""
        services.create(request.user, self.body(AppRequest))  # type: ignore[arg-type]
        return Response()

    def list(self, request: Request) -> Response:
        """List the versions that are not deleted, under `apps`."""
        page = self.listed(AppAnswer, self.get_queryset().listed())  # type: ignore[attr-defined]
        page.data["apps"] = page.data.pop("data")
        return page

    def retrieve(self, request: Request, id: str) -> Response:
        """Show one version, a deleted one too."""
        version = cast(AppVersion, self.one(id))
        return Response({"data": AppAnswer(version).data})

    def destroy(self, request: Request) -> Response:
        """Delete versions, all or none."""
        services.delete(request.user, self.body(DeleteRequest)["appId"])  # type: ignore[arg-type]
        return Response()
