"""What goes wrong below /admin/ is a page; everywhere else it is the envelope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from otestack.api.exceptions import plain
from otestack.sentences import say

_SENTENCES = {
    403: say("You are not allowed to do this."),
    404: say("There is no such page, or what it showed has gone."),
    500: say("An unexpected internal error occurred; it has been logged."),
}
_FORGERY = say(
    "The form could not be trusted: it was open for too long, cookies are off, or you have "
    "logged in anew meanwhile. Go back, reload the page and try again. Nothing was done."
)


def trouble(code: int) -> Callable[..., HttpResponse]:
    """Return a Django error view (handler404 and friends)."""
    envelope = plain(code)

    def view(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
        if not request.path.startswith("/admin/"):
            return envelope(request, exception)
        return _page(request, code, _SENTENCES[code])

    return view


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without its token; only the back-office has such forms."""
    return _page(request, 403, _FORGERY)


def _page(request: HttpRequest, code: int, sentence: str) -> HttpResponse:
    # With the menu only where that cannot fail in its turn: someone is logged in, and it is not our own error.
    inside = code in {403, 404} and getattr(request, "user", None) is not None and admin.site.has_permission(request)
    context: dict[str, Any] = {"title": f"{code}", "code": code, "sentence": sentence}
    if inside:
        return render(request, "admin/trouble.html", admin.site.each_context(request) | context, status=code)
    return render(request, "admin/trouble_outside.html", context, status=code)
