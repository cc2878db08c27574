"""Routes of User Management."""

from django.urls import URLPattern

from accounts.views import AdminUserViewSet, AuthorizationViewSet, UserViewSet
from otestack.api.routes import route

urlpatterns: list[URLPattern] = [
    route(
        "/v1/authorization",
        AuthorizationViewSet,
        {"post": "login", "put": "renew", "delete": "logout", "get": "retrieve"},
    ),
    route("/v1/authorizations", AuthorizationViewSet, {"delete": "logout"}, alias_of="/v1/authorization"),
    route("/v1/user", UserViewSet, {"post": "create", "put": "update"}),
    route("/v1/admin/user", AdminUserViewSet, {"get": "list", "post": "create"}),
    route("/v1/admin/user/[id]", AdminUserViewSet, {"delete": "destroy", "put": "audit"}),
    route("/v1/admin/user/[id]/password", AdminUserViewSet, {"put": "password"}),
]
