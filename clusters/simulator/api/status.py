"""Errors as Kubernetes sends them: an HTTP code and a Status object."""

import json
from collections.abc import Sequence
from typing import Any

from ..kinds import Kind

Cause = dict[str, str]


class ApiError(Exception):
    """A request that ends with a Status object instead of an answer."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        """The Status object."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        status["code"] = self.code
        return status


def cause(reason: str, message: str, field: str) -> Cause:
    """One entry of details.causes."""
    return {"reason": reason, "message": message, "field": field}


def required(field: str, detail: str = "") -> Cause:
    """A field that is missing."""
    return cause("FieldValueRequired", "Required value" + (f": {detail}" if detail else ""), field)


def invalid_value(field: str, value: object, detail: str) -> Cause:
    """A field whose value is refused."""
    return cause("FieldValueInvalid", f"Invalid value: {_shown(value)}: {detail}", field)


def unsupported(field: str, value: object, supported: Sequence[str]) -> Cause:
    """A field with a value outside its choices."""
    listed = ", ".join(f'"{one}"' for one in supported)
    return cause("FieldValueNotSupported", f"Unsupported value: {_shown(value)}: supported values: {listed}", field)


def duplicate(field: str, value: object) -> Cause:
    """A value that may occur once only."""
    return cause("FieldValueDuplicate", f"Duplicate value: {_shown(value)}", field)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"))
    return str(value)


def _about(kind: Kind, name: str) -> dict[str, Any]:
    details: dict[str, Any] = {"name": name} if name else {}
    if kind.group:
        details["group"] = kind.group
    return details | {"kind": kind.plural}


def bad_request(message: str) -> ApiError:
    """400: the request cannot be read."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """401: no valid token."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(kind: Kind, name: str, why: str, causes: list[Cause] | None = None) -> ApiError:
    """403, saying why."""
    details = _about(kind, name)
    if causes:
        details["causes"] = causes
    named = f'"{name}" ' if name else ""
    return ApiError(403, "Forbidden", f"{kind.qualified} {named}is forbidden: {why}", details)


def not_found(kind: Kind, name: str) -> ApiError:
    """404: no such object."""
    return ApiError(404, "NotFound", f'{kind.qualified} "{name}" not found', _about(kind, name))


def no_such_resource() -> ApiError:
    """404: no such kind or path."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def method_not_allowed() -> ApiError:
    """405."""
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def already_exists(kind: Kind, name: str) -> ApiError:
    """409: the name is taken."""
    return ApiError(409, "AlreadyExists", f'{kind.qualified} "{name}" already exists', _about(kind, name))


def conflict(kind: Kind, name: str, why: str) -> ApiError:
    """409: the object is not what the client thinks."""
    message = f'Operation cannot be fulfilled on {kind.qualified} "{name}": {why}'
    return ApiError(409, "Conflict", message, _about(kind, name))


def gone(message: str) -> ApiError:
    """410: the version or token is too old."""
    return ApiError(410, "Expired", message)


def too_large(limit: int) -> ApiError:
    """413."""
    message = f"Request entity too large: limit is {limit}"
    return ApiError(413, "RequestEntityTooLarge", message)


def unsupported_media(message: str) -> ApiError:
    """415."""
    return ApiError(415, "UnsupportedMediaType", message, {})


def invalid(kind: Kind, name: str, causes: list[Cause]) -> ApiError:
    """422 naming every field that is wrong."""
    shown = [f"{one['field']}: {one['message']}" for one in causes]
    text = shown[0] if len(shown) == 1 else "[" + ", ".join(shown) + "]"
    details: dict[str, Any] = {"name": name} if name else {}
    if kind.group:
        details["group"] = kind.group
    details |= {"kind": kind.name, "causes": causes}
    qualified = f"{kind.name}.{kind.group}" if kind.group else kind.name
    return ApiError(422, "Invalid", f'{qualified} "{name}" is invalid: {text}', details)


def success(kind: Kind, name: str, uid: str) -> dict[str, Any]:
    """What a DELETE answers when the object is gone at once."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": _about(kind, name) | {"uid": uid},
    }
