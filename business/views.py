"""Business Management 1 to 4 of the seed."""

from rest_framework.request import Request
from rest_framework.response import Response

from business import services
from business.filters import BusinessFilter
from business.models import Business, Status
from business.serializers import ApplicationRequest, AuditRequest, BusinessDetail, BusinessRow
from otestack.api.views import TenantViewSet


class BusinessViewSet(TenantViewSet):
    """Businesses."""

    queryset = Business.objects.all()
    filterset_class = BusinessFilter
    order_fields = {"id": "id"}

    def create(self, request: Request) -> Response:
        """Apply for a business."""
        services.apply(by=self.caller, **self.body(ApplicationRequest))
        return Response()

    def list(self, request: Request) -> Response:
        """List businesses, without the deleted ones."""
        return self.listed(BusinessRow, self.get_queryset().exclude(status=Status.DELETED))

    def retrieve(self, request: Request, id: str) -> Response:
        """Return one business."""
        return Response({"data": BusinessDetail(self.one(id)).data})

    def audit(self, request: Request, id: str) -> Response:
        """Approve or disapprove an application."""
        body = self.body(AuditRequest)
        services.audit(self.one(id), status=body["status"], comment=body["comment"], by=self.caller)
        return Response()
