"""Routes written as the seed writes them: '/v1/admin/user/[id]', with and without a trailing slash."""

import re
from typing import Any

from django.urls import URLPattern, re_path

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
