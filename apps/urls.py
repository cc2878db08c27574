"""Routes."""

from django.urls import URLPattern

from apps.views import AppViewSet, ChartViewSet
from otestack.api.routes import route

urlpatterns: list[URLPattern] = [
    route("/v1/app", AppViewSet, {"post": "create", "get": "list", "delete": "destroy"}),
    route("/v1/app/chart", ChartViewSet, {"post": "create"}),
    route("/v1/app/id/[id]", AppViewSet, {"get": "retrieve"}),
]
