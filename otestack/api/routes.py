"""Routes written as the seed writes them: '/v1/admin/user/[id]', with and without a trailing slash."""

import re
from collections.abc import Sequence
from typing import Any

from django.urls import ResolverMatch, URLPattern, URLResolver, re_path
from django.urls.resolvers import RegexPattern

_PARAMETER = re.compile(r"\\\[(\w+)\\\]")


def route(path: str, view: Any, actions: dict[str, str], *, alias_of: str | None = None) -> URLPattern:
    """Return the URL pattern of one path.

    actions: HTTP method in lower case to the viewset's method. alias_of: the path that policy and schema know it by,
    where the seed spells it two ways. Each '[name]' becomes a keyword argument of that name.
    """
    return spelled(path, view.as_view(actions, path=alias_of or path))


def spelled(path: str, view: Any) -> URLPattern:
    """Return the URL pattern of a path to any view; its name is the path, which the document reads."""
    pattern = _PARAMETER.sub(r"(?P<\1>[^/]+)", re.escape(path.lstrip("/")))
    return re_path(f"^{pattern}/?$", view, name=path)


class Areas(URLResolver):
    """Routes that are tried only for paths that begin as they do, with 'v1/deploy' say.

    Django tries one after the other, up to fifty for the last.
    """

    def __init__(self, routes: Sequence[URLPattern]) -> None:
        super().__init__(RegexPattern(r""), routes)
        self._areas: dict[tuple[str, ...], list[URLPattern]] = {}
        for one in routes:
            self._areas.setdefault(_area(str(one.name).lstrip("/")), []).append(one)

    def resolve(self, path: str) -> ResolverMatch:
        """Return the first route that fits. Raises Resolver404, with all that there is."""
        for one in self._areas.get(_area(path), ()):
            if found := one.resolve(path):
                return found
        return super().resolve(path)


def _area(path: str) -> tuple[str, ...]:
    return tuple(path.split("/", 2)[:2])
