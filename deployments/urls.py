"""Routes."""

from functools import wraps

from django.http import HttpRequest, HttpResponseBase

from deployments.views import AuditViewSet, DeploymentViewSet
from otestack.api.routes import route, spelled

_create = DeploymentViewSet.as_view({"post": "create"}, path="/v1/deploy")
_by_name = DeploymentViewSet.as_view({"delete": "destroy_by_name"}, path="/v1/deploy/[name]")


@wraps(_create)  # with what a viewset's view carries: its actions, its path
def install(request: HttpRequest) -> HttpResponseBase:
    """POST /v1/deploy/install is POST /v1/deploy; DELETE is about a deployment of that name."""
    answer: HttpResponseBase = _by_name(request, name="install") if request.method == "DELETE" else _create(request)
    return answer


urlpatterns = [
    route("/v1/deploy", DeploymentViewSet, {"get": "list", "post": "create"}),
    route(
        "/v1/deploy/id/[id]",
        DeploymentViewSet,
        {"get": "retrieve", "post": "upgrade", "put": "rollback", "delete": "destroy"},
    ),
    route("/v1/deploy/id/[id]/clusters", DeploymentViewSet, {"get": "clusters"}),
    route("/v1/deploy/id/[id]/events", DeploymentViewSet, {"get": "events"}),
    spelled("/v1/deploy/install", install),
    route("/v1/deploy/[name]", DeploymentViewSet, {"delete": "destroy_by_name"}),
    route("/v1/admin/deploy", AuditViewSet, {"get": "list", "put": "update", "post": "update"}),
]
