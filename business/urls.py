"""Routes of Business Management."""

from django.urls import URLPattern

from business.views import BusinessViewSet
from otestack.api.routes import route

urlpatterns: list[URLPattern] = [
    route("/v1/business", BusinessViewSet, {"post": "create", "get": "list"}),
    route("/v1/business/id/[id]", BusinessViewSet, {"get": "retrieve", "put": "audit"}),
]
