"""Business Management 1 to 4 of the seed."""

from rest_framework.request import Request

from business import schema, services
from business.filters import BusinessFilter
from business.models import Business, Status
from business.serializers import BusinessAuditRequest, BusinessDetail, BusinessRequest, BusinessRow
from otestack.api.renderers import Response
from otestack.api.schema import One, Page, endpoint
from otestack.api.views import TenantViewSet


class BusinessViewSet(TenantViewSet):
    """Businesses."""

    queryset = Business.objects.all()
    chapter = "Business Management"
    path_words = {"id": "The business's id."}
    order_fields = {"id": "id"}

    @endpoint(
        "Create business",
        body=BusinessRequest,
        refuses={409: "An earlier application of the caller still waits, or the caller belongs to a business already."},
        sent=schema.APPLICATION,
    )
    def create(self, request: Request) -> Response:
        """Apply for a business. Once it is approved, the applicant is its administrator."""
        services.apply(by=self.caller, **self.body())
        return Response()

    @endpoint("List businesses", filters=BusinessFilter, answer=Page(BusinessRow), answered=schema.BUSINESSES)
    def list(self, request: Request) -> Response:
        """List businesses without the deleted ones: the caller's own, or all for a system administrator."""
        return self.listed(lambda: self.get_queryset().exclude(status=Status.DELETED))

    @endpoint("Get business", answer=One(BusinessDetail), answered=schema.BUSINESS)
    def retrieve(self, request: Request, id: str) -> Response:
        """Return one business; a deleted one to system administrators only."""
        return self.answer_shown(self.shown(id))

    @endpoint(
        "Audit business",
        body=BusinessAuditRequest,
        refuses={409: "It was decided before, or the applicant cannot become its administrator any more."},
        sent=schema.AUDIT,
    )
    def audit(self, request: Request, id: str) -> Response:
        """Approve or disapprove an application. An approved business gets its namespace in every edge cluster."""
        body = self.body()
        services.audit(self.one(id), status=body["status"], comment=body["comment"], by=self.caller)
        return Response()
