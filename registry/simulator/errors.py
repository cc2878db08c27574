"""Errors as Harbor words them: one entry with a code and a message."""

import json
from http import HTTPStatus


class ApiError(Exception):
    """An answer that is no success."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None, *, close: bool = False
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers, self.close = status, code, message, headers or {}, close

    def body(self) -> bytes:
        """The JSON that goes out. Of a 500 nothing is told, as in Harbor."""
        message = "internal server error" if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR else self.message
        return json.dumps({"errors": [{"code": self.code, "message": message}]}).encode() + b"\n"


def bad_request(message: str) -> ApiError:
    """400: a rule of Harbor's is broken."""
    return ApiError(400, "BAD_REQUEST", message)


def unauthorized(message: str = "unauthorized") -> ApiError:
    """401: the caller is anonymous, and that is not enough."""
    return ApiError(401, "UNAUTHORIZED", message)


def forbidden(message: str = "forbidden") -> ApiError:
    """403: the caller is known and may not."""
    return ApiError(403, "FORBIDDEN", message)


def denied(message: str) -> ApiError:
    """403 under its other name."""
    return ApiError(403, "DENIED", message)


def not_found(message: str) -> ApiError:
    """404."""
    return ApiError(404, "NOT_FOUND", message)


def conflict(message: str) -> ApiError:
    """409: a name is taken."""
    return ApiError(409, "CONFLICT", message)


def precondition(message: str) -> ApiError:
    """412: immutable, or not empty."""
    return ApiError(412, "PRECONDITION", message)


def referenced(message: str) -> ApiError:
    """412: something else needs it."""
    return ApiError(412, "VIOLATE_FOREIGN_KEY_CONSTRAINT", message)


def too_large(limit: int) -> ApiError:
    """413; the rest of the body is not read."""
    return ApiError(413, "REQUEST_ENTITY_TOO_LARGE", f"the body is larger than {limit} bytes", close=True)


def unprocessable(message: str) -> ApiError:
    """422: refused before the handler saw it."""
    return ApiError(422, "UNPROCESSABLE_ENTITY", message)


def unknown(message: str) -> ApiError:
    """500: what Harbor does not catch."""
    return ApiError(500, "UNKNOWN", message)
