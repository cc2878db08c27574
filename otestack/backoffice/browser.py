"""What a browser may do with the back-office's pages: nothing but the server's own files, framed by nobody."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

# The theme's Alpine makes functions of its attributes (unsafe-eval), and the theme, Alpine and HTMX set styles in the
# page. No script may stand in a page, so text that somehow became markup there does nothing.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


class PolicyMiddleware:
    """Sends the policy with every page below /admin/."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request."""
        response = self.get_response(request)
        if request.path_info.startswith("/admin/"):
            response.headers["Content-Security-Policy"] = POLICY
        return response
