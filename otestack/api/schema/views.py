"""The document at /v1/schema, and Swagger UI over it at /v1/docs. Neither needs a token."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.http import condition
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.views import APIView

DOCUMENT = Path(__file__).with_name("openapi.json")


@cache
def _document() -> bytes:
    return DOCUMENT.read_bytes()


def _etag(request: HttpRequest, *_: Any, **__: Any) -> str:
    return f'"{hashlib.sha256(_document()).hexdigest()[:32]}"'


@method_decorator(condition(etag_func=_etag), name="get")
class SchemaView(APIView):
    """The checked-in document: the same bytes for everybody, and nothing is computed for those who ask."""

    authentication_classes = ()
    permission_classes = ()
    http_method_names = ["get", "head"]

    def get(self, request: Request) -> HttpResponse:
        """Return the document, without an envelope."""
        return HttpResponse(_document(), content_type="application/json")


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI from local files, with its script apart: it works under `script-src 'self'` and without a network."""

    url = "/v1/schema"
    title = "otestack"
    http_method_names = ["get", "head"]
