"""Errors in the envelope: one plain sentence, and a sentence per field for a parameter error."""

import logging
from functools import reduce
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost, PermissionDenied, RequestDataTooBig, TooManyFieldsSent
from django.db import DatabaseError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import Resolver404
from rest_framework import exceptions as drf

from otestack.api.renderers import Response
from otestack.errors import DomainError, Invalid, TooMany
from otestack.sentences import say, told

log = logging.getLogger(__name__)

_SENTENCES = {
    400: say("The request is malformed."),
    401: say("Log in first: the token is missing, expired, revoked or not valid."),
    403: say("You are not allowed to do this."),
    404: say("There is no such object."),
    500: say("An unexpected internal error occurred; it has been logged."),
}


def field_errors(detail: Any, path: str = "") -> dict[str, list[str]]:
    """Flatten the details of nested serializers: 'port.0.hostPort' to its sentences."""
    if isinstance(detail, dict):
        found: dict[str, list[str]] = {}
        for key, value in detail.items():
            name = path if key == "non_field_errors" and path else ("body" if key == "non_field_errors" else str(key))
            found |= field_errors(value, name if not path or name == path else f"{path}.{name}")
        return found
    if isinstance(detail, list) and any(isinstance(item, dict) for item in detail):
        found = {}
        for position, item in enumerate(detail):
            if item:
                found |= field_errors(item, f"{path}.{position}")
        return found
    items = detail if isinstance(detail, list) else [detail]
    return {path or "body": [str(item) for item in items]}


def parameter_error(errors: dict[str, list[str]], code: int) -> dict[str, Any]:
    """Return the body of a parameter error."""
    field, sentences = next(iter(errors.items()), ("body", [told(say("It is not valid."))]))
    return {"code": code, "message": f"{field}: {sentences[0]}", "errors": errors}


def answer(error: Exception, parameter_code: int = 422) -> tuple[dict[str, Any], dict[str, str]]:
    """Return body and headers for any exception. Unknown ones are logged and become a plain 500."""
    match error:
        case Invalid():
            return parameter_error(error.told_errors, parameter_code), {}
        case TooMany():
            return {"code": 429, "message": error.told}, {"Retry-After": str(error.wait)}
        case DomainError() if error.code < 500 or error.code == 503:
            return {"code": error.code, "message": error.told}, {}
        case drf.ValidationError():
            return parameter_error(field_errors(error.detail), parameter_code), {}
        case drf.ParseError() | RequestDataTooBig():
            return parameter_error({"body": [str(error)]}, parameter_code), {}
        case TooManyFieldsSent():
            sentence = say("There are more than %(most)s parameters.", most=settings.DATA_UPLOAD_MAX_NUMBER_FIELDS)
            return parameter_error({"query": [told(sentence)]}, parameter_code), {}
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            return {"code": 401, "message": told(_SENTENCES[401])}, {}
        case drf.PermissionDenied() | PermissionDenied():
            return {"code": 403, "message": told(_SENTENCES[403])}, {}
        case drf.NotFound() | Http404():
            return {"code": 404, "message": told(_SENTENCES[404])}, {}
        case drf.Throttled():
            wait = int(getattr(error, "wait", None) or 1) + 1
            sentence = say("Too many requests; try again in %(wait)s s.", wait=wait)
            return {"code": 429, "message": told(sentence)}, {"Retry-After": str(wait)}
        case drf.APIException() if error.status_code < 500:
            return {"code": error.status_code, "message": str(error.detail)}, {}
        case OperationalError():
            log.error("The database did not answer: %s", error)
            return {"code": 503, "message": told(say("The database is not available; try again."))}, {}
        case DatabaseError() | _:
            log.error("Unexpected error", exc_info=error)
            return {"code": 500, "message": told(_SENTENCES[500])}, {}


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler: always an envelope, never a traceback."""
    view = context.get("view")
    body, headers = answer(error, getattr(view, "parameter_error_code", 422))
    match error:
        case drf.MethodNotAllowed() if view is not None:
            sentence = say(
                "%(method)s is not possible here, only %(methods)s.",
                method=view.request.method,
                methods=_and(view.allowed_methods),
            )
            body["message"] = told(sentence)
        case drf.UnsupportedMediaType() if view is not None:
            types = reduce(_or, (parser.media_type for parser in view.get_parsers()))
            body["message"] = told(say("The body must be sent as %(types)s.", types=types))
    if body["code"] == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(body, status=body["code"], headers=headers)


def plain(code: int) -> Any:
    """Return a Django error view (handler404 and friends) that answers with the envelope."""

    def view(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
        sentence = _SENTENCES[code]
        match exception:
            case Resolver404():
                sentence = say("There is nothing at this path.")
            case DisallowedHost():
                sentence = say("The Host header names another server than this one.")
        return JsonResponse({"code": code, "message": told(sentence)}, status=code)

    return view


def _or(first: str, last: str) -> str:
    return say("%(first)s or %(last)s", first=first, last=last)


def _and(words: list[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return say("%(first)s and %(last)s", first=", ".join(words[:-1]), last=words[-1])
