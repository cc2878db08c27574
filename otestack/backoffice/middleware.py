"""Sessions, logins and messages, for the back-office only: the API knows none of them, and need not prepare them."""

from __future__ import annotations

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from otestack.languages import in_office


class _OfficeOnly(MiddlewareMixin):
    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request."""
        return super().__call__(request) if in_office(request) else self.get_response(request)  # type: ignore[return-value]


class Sessions(_OfficeOnly, SessionMiddleware):
    """Django's, for the back-office."""


class Logins(_OfficeOnly, AuthenticationMiddleware):
    """Django's, for the back-office."""


class Messages(_OfficeOnly, MessageMiddleware):
    """Django's, for the back-office."""
