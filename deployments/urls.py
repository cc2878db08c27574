"""Routes."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import re_path
from django.views.decorators.csrf import csrf_exempt

from deployments.views import AuditViewSet, DeploymentViewSet
from otestack.api.routes import route

_create = DeploymentViewSet.as_view({"post": "create"}, path="/v1/deploy")
_by_name = DeploymentViewSet.as_view({"delete": "destroy_by_name"}, path="/v1/deploy/[name]")


@csrf_exempt
def install(request: HttpRequest) -> HttpResponseBase:
    """POST /v1/deploy/install is POST /v1/deploy; any other method is about a deployment of that name."""
    view: Any = _create if request.method == "POST" else _by_name
    answer: HttpResponseBase = view(request) if request.method == "POST" else view(request, name="install")
    return answer


urlpatterns = [
    route("/v1/deploy", DeploymentViewSet, {"get": "list", "post": "create"}),
    route(
        "/v1/deploy/id/[id]",
        DeploymentViewSet,
        {"get": "retrieve", "post": "upgrade", "put": "rollback", "delete": "destroy"},
    ),
    route("/v1/deploy/id/[id]/clusters", DeploymentViewSet, {"get": "clusters"}),
    re_path("^v1/deploy/install/?$", install),
    route("/v1/deploy/[name]", DeploymentViewSet, {"delete": "destroy_by_name"}),
    route("/v1/admin/deploy", AuditViewSet, {"get": "list", "put": "update", "post": "update"}),
]
