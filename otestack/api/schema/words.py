"""The envelope and the errors: what all operations have in common, as shapes and sentences."""

from __future__ import annotations

from typing import Any

from otestack.api.schema.declare import Answer, Done, Keys, Names, One, Page, Stream

Shape = dict[str, Any]

# Code: the component's name, and what the description says where an endpoint has nothing better.
ERRORS: dict[int, tuple[str, str]] = {
    400: ("BadRequest", "A parameter is wrong; `errors` says which and why."),
    401: ("Unauthorized", "The token is missing, expired, revoked or not valid."),
    403: ("Forbidden", "The caller is known and may not do this."),
    404: ("NotFound", "There is no such object, or it belongs to another business."),
    409: ("Conflict", "The state of things does not allow it now."),
    415: ("UnsupportedMediaType", "The body has another media type."),
    422: ("UnprocessableContent", "A parameter is wrong; `errors` says which and why."),
    429: ("TooManyRequests", "Too many requests; Retry-After says for how long."),
    500: ("InternalError", "An unexpected internal error occurred."),
    503: ("Unavailable", "The database is not available; the request can be repeated."),
}
SUCCESSES: dict[type[Answer], str] = {
    Done: "It is done.",
    One: "The object.",
    Page: "The page of the list.",
    Names: "The list.",
    Keys: "It is done.",
    Stream: "Server-sent events, without an envelope.",
}
EVENTS = ["progress", "end"]
EVENTS_SAID = "How it is, or the last of the stream."
_EXAMPLES = {
    400: "projectName: This field is required.",
    401: "Log in first: the token is missing, expired, revoked or not valid.",
    403: "You are not allowed to do this.",
    404: "There is no such object.",
    409: "The state of things does not allow it now.",
    415: "The body must be sent as application/json.",
    422: "page: It must be a whole number.",
    429: "Too many attempts; try again in 60 s.",
    500: "An unexpected internal error occurred; it has been logged.",
    503: "The database is not available; try again.",
}
# Codes of a parameter error: they carry `errors`.
WITH_ERRORS = (400, 422)

ROLES = {
    0: "users who wait for approval",
    1: "approved users without a business",
    2: "general users",
    3: "business administrators",
    4: "system administrators",
}


def who(roles: frozenset[int], admin_flag: bool) -> str:
    """Return the sentence about who may call. roles: empty for anyone."""
    if not roles:
        return "Who may call: anyone, without a token."
    if roles == ROLES.keys():
        return "Who may call: everyone who is logged in."
    words = [f"{ROLES[role]} ({role})" for role in sorted(roles)]
    named = f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
    return f"Who may call: {named}{', if registered with isAdmin' if admin_flag else ''}."


def thing(properties: Shape, required: list[str] | None = None, description: str = "") -> Shape:
    """Return an object's shape; all properties are required unless told otherwise."""
    needed = list(properties) if required is None else required
    shape: Shape = {"type": "object", "properties": properties}
    return shape | ({"required": needed} if needed else {}) | ({"description": description} if description else {})


def success(properties: Shape | None = None, required: list[str] | None = None, description: str = "") -> Shape:
    """Return the shape of a success with those keys beside code and message."""
    base: Shape = {
        "code": {"type": "integer", "const": 200, "description": "200."},
        "message": {"type": "string", "const": "success", "description": "success."},
    }
    needed = list(properties or {}) if required is None else required
    return thing(base | (properties or {}), [*base, *needed], description)


def error(code: int, data: Shape | None = None) -> Shape:
    """Return the shape of an error; data: what more it carries."""
    properties: Shape = {
        "code": {"type": "integer", "const": code, "description": "The HTTP status."},
        "message": {"type": "string", "description": "One plain sentence that says what is wrong."},
    }
    if code in WITH_ERRORS:
        sentences = {"type": "array", "items": {"type": "string"}, "minItems": 1}
        properties["errors"] = {
            "type": "object",
            "additionalProperties": sentences,
            "description": "The sentences of each parameter that is wrong.",
        }
    if data is not None:
        properties["data"] = data
    shape = thing(properties, [name for name in properties if name != "data"], ERRORS[code][1])
    return shape | ({"examples": [_example(code)]} if data is None else {})


def _example(code: int) -> Shape:
    sentence = _EXAMPLES[code]
    example: Shape = {"code": code, "message": sentence}
    if code in WITH_ERRORS:
        field, _, said = sentence.partition(": ")
        example["errors"] = {field: [said]}
    return example


HEADERS: dict[int, Shape] = {
    401: {"WWW-Authenticate": {"description": "Bearer.", "schema": {"type": "string", "const": "Bearer"}}},
    429: {
        "Retry-After": {
            "description": "Seconds after which another try makes sense.",
            "schema": {"type": "integer", "minimum": 1},
        }
    },
}
