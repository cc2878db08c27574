"""Routes."""

from django.urls import URLPattern, path

from otestack.health import views

urlpatterns: list[URLPattern] = [
    path("healthz", views.healthz),
    path("healthz/", views.healthz),
    path("readyz", views.readyz),
    path("readyz/", views.readyz),
]
