"""The document as a whole: which paths there are. Everything about one operation is in `operations`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from rest_framework.request import Request

_PARAMETER = re.compile(r"\[(\w+)\]")


def spelled(path: str) -> str:
    """Return a path as OpenAPI writes it: '/v1/user/[id]' as '/v1/user/{id}'."""
    return _PARAMETER.sub(r"{\1}", path)


class Routes(EndpointEnumerator):
    """The routes that otestack.api.routes made, in the order of the urlconf; each is named by its path."""

    def __init__(self, patterns: Any = None, urlconf: Any = None) -> None:
        self.patterns = get_resolver(urlconf).url_patterns if patterns is None else patterns

    def get_api_endpoints(self, patterns: Any = None, prefix: str = "") -> Any:
        """Return path, pattern, method and view of each."""
        return list(self._found(self.patterns or []))

    def _found(self, patterns: Iterable[Any]) -> Iterator[tuple[str, str, str, Any]]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from self._found(pattern.url_patterns)
            elif isinstance(pattern, URLPattern) and hasattr(pattern.callback, "actions"):
                path = spelled(str(pattern.name))
                for method in pattern.callback.actions:
                    if method != "head":  # the viewset answers it like GET
                        yield path, str(pattern.pattern), method.upper(), pattern.callback


class Generator(SchemaGenerator):
    """drf-spectacular's generator over our routes."""

    endpoint_inspector_cls = Routes

    def create_view(self, callback: Any, method: str, request: Any = None) -> Any:
        """Return the view, knowing the path that it stands at."""
        view = super().create_view(callback, method, request)
        view.action_map = callback.actions
        return view


def no_request(method: str, path: str, view: Any, original: Any) -> Request:
    """Return the request that views see while they are described: an empty one."""
    return Request(HttpRequest())
