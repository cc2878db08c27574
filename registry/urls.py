"""Routes of Repository Management."""

from django.urls import URLPattern

from otestack.api.routes import route
from registry.views import AccountViewSet, ExternalViewSet, ImageViewSet, ProjectViewSet, TagViewSet

_EXTERNAL = "/v1/repository/third"

urlpatterns: list[URLPattern] = [
    route("/v1/repository/image", ImageViewSet, {"get": "list", "delete": "destroy"}),
    route("/v1/repository/image/tag", TagViewSet, {"get": "list", "delete": "destroy"}),
    route("/v1/repository/user", AccountViewSet, {"post": "create", "put": "update"}),
    route("/v1/repository/project", ProjectViewSet, {"get": "list", "post": "create", "delete": "destroy"}),
    route(_EXTERNAL, ExternalViewSet, {"post": "create", "delete": "destroy", "get": "list"}),
    route("/v1/repository", ExternalViewSet, {"post": "create", "delete": "destroy"}, alias_of=_EXTERNAL),
    route(f"{_EXTERNAL}/[name]", ExternalViewSet, {"get": "retrieve"}),
]
