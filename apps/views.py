"""Application Management of the seed."""

from rest_framework.request import Request

from apps import schema, services
from apps.filters import AppFilter
from apps.models import AppVersion
from apps.serializers import AppAnswer, AppDeleteRequest, AppRequest, ChartRequest
from otestack.api.parsers import FormParser
from otestack.api.renderers import Response
from otestack.api.schema import One, Page, endpoint
from otestack.api.views import TenantViewSet


class AppViewSet(TenantViewSet):
    """/v1/app and /v1/app/id/[id]."""

    queryset = AppVersion.objects.all()
    chapter = "Application Management"
    path_words = {"id": "The id of the application's version."}

    @endpoint("Create application", body=AppRequest, sent=schema.APPLICATION)
    def create(self, request: Request) -> Response:
        """Create the next version of an application in the caller's own business. A version never changes."""
        services.create(request.user, self.body())  # type: ignore[arg-type]
        return Response()

    @endpoint(
        "List applications", filters=AppFilter, answer=Page(AppAnswer, under="apps"), answered=schema.APPLICATIONS
    )
    def list(self, request: Request) -> Response:
        """List the versions that are not deleted, under `apps`."""
        return self.listed(lambda: self.get_queryset().listed())  # type: ignore[attr-defined]

    @endpoint("Get application", answer=One(AppAnswer), answered=schema.ONE_APPLICATION)
    def retrieve(self, request: Request, id: str) -> Response:
        """Show one version, a deleted one too."""
        return self.answer_shown(self.shown(id))

    @endpoint(
        "Delete applications",
        body=AppDeleteRequest,
        refuses={409: "A live deployment runs one of them; nothing is deleted."},
        sent=schema.DELETION,
    )
    def destroy(self, request: Request) -> Response:
        """Delete versions, all or none."""
        services.delete(request.user, self.body()["appId"])  # type: ignore[arg-type]
        return Response()


class ChartViewSet(TenantViewSet):
    """/v1/app/chart."""

    queryset = AppVersion.objects.all()
    parser_classes = (FormParser,)
    chapter = "Application Management"

    @endpoint(
        "Upload chart",
        body=ChartRequest,
        refuses={503: "There is no helm here, it is busy with other charts, or the database is not available."},
    )
    def create(self, request: Request) -> Response:
        """Create the next version of an application in the caller's own business from a Helm chart.

        The chart is rendered with its default values. What does not render is refused with the reason, and so is what
        a tenant may not deploy: objects of other kinds or in another namespace, hooks other than tests, privileges.
        """
        body = self.body()
        services.create_from_chart(self.caller, app_name=body["appName"], line=body["version"], packed=body["chart"])
        return Response()
