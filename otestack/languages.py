"""Which language a request is answered in: what was chosen in the back-office, else what Accept-Language says."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import get_supported_language_variant, parse_accept_lang_header


class LanguageMiddleware:
    """Activates the language, and says in the answer which it is and what it hangs on.

    Django's own goes by the cookie everywhere; a program's answer must not change with what a person has chosen in the
    browser. It stands behind what serves files and in front of what refuses requests.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request in its language."""
        language = chosen(request) or accepted(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))
        translation.activate(language)
        request.LANGUAGE_CODE = language
        response = self.get_response(request)
        patch_vary_headers(response, ["Accept-Language", "Cookie"] if in_office(request) else ["Accept-Language"])
        response.headers.setdefault("Content-Language", language)
        # Where none is active, it is the default. And a stream is still to be written, in this thread.
        if language != settings.LANGUAGE_CODE and not response.streaming:
            translation.deactivate()
        return response


def in_office(request: HttpRequest) -> bool:
    """Return whether a person's browser asks for a page of the back-office."""
    return request.path_info == "/admin" or request.path_info.startswith("/admin/")


def chosen(request: HttpRequest) -> str:
    """Return the language that was chosen in the back-office; "" elsewhere and where none was."""
    return _supported(request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")) if in_office(request) else ""


def accepted(header: str) -> str:
    """Return the best of our languages for an Accept-Language header; English for any, none and what cannot be read."""
    for code, _ in parse_accept_lang_header(header):
        if code == "*":
            break
        if found := _supported(code):
            return found
    return settings.LANGUAGE_CODE


def _supported(code: str) -> str:
    try:
        return get_supported_language_variant(code) if code else ""
    except LookupError:
        return ""
