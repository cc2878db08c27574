"""Errors of the domain. They know nothing of HTTP frameworks; `code` is what the API answers."""


class DomainError(Exception):
    """Refused by a rule; str() is the sentence that users read."""

    code = 500


class Unauthorized(DomainError):
    """Who you are could not be established."""

    code = 401


class Forbidden(DomainError):
    """Known caller, not allowed."""

    code = 403


class NotFound(DomainError):
    """No such object, or one of another business: never reveal which."""

    code = 404

    def __init__(self, message: str = "There is no such object.") -> None:
        super().__init__(message)


class Conflict(DomainError):
    """The state of things does not allow it now."""

    code = 409


class Invalid(DomainError):
    """A parameter is wrong. errors: field name (camelCase, as sent) to sentences."""

    code = 422

    def __init__(self, errors: dict[str, list[str]] | None = None, **fields: str) -> None:
        self.errors = dict(errors or {}) | {field: [sentence] for field, sentence in fields.items()}
        super().__init__(" ".join(sentence for sentences in self.errors.values() for sentence in sentences))


class TooMany(DomainError):
    """A throttle is in force. wait: seconds until the next try makes sense."""

    code = 429

    def __init__(self, message: str, *, wait: int) -> None:
        super().__init__(message)
        self.wait = wait


class Unavailable(DomainError):
    """Something that we depend on is down."""

    code = 503
