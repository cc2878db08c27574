"""All routes."""

from importlib import import_module

from django.contrib import admin
from django.urls import include, path
from django.views.decorators.http import require_POST
from django.views.generic import RedirectView
from django.views.i18n import set_language

from otestack.api.exceptions import plain
from otestack.api.routes import Areas, spelled
from otestack.api.schema.views import DocsView, SchemaView
from otestack.backoffice.trouble import trouble

_API = [
    *(route for app in ("accounts", "business", "clusters", "registry", "apps", "deployments")
      for route in import_module(f"{app}.urls").urlpatterns),
    spelled("/v1/schema", SchemaView.as_view()),
    spelled("/v1/docs", DocsView.as_view()),
]  # fmt: skip

admin.autodiscover()

urlpatterns = [
    Areas(_API),
    path("", include("otestack.health.urls")),
    path("admin/language/", require_POST(set_language), name="set_language"),
    path("admin/", admin.site.urls),
    path("admin", RedirectView.as_view(url="/admin/")),
]

handler400 = plain(400)
handler403 = trouble(403)
handler404 = trouble(404)
handler500 = trouble(500)
