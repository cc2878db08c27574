"""Errors of the domain. They know nothing of HTTP frameworks; `code` is what the API answers.

What they are given is a sentence of otestack.sentences, or text that needs no translation.
"""

from otestack.sentences import joined, say, told


class DomainError(Exception):
    """Refused by a rule; str() is the sentence in English, `told` what users read."""

    code = 500

    @property
    def sentence(self) -> str:
        """What it was given."""
        return self.args[0] if self.args else ""

    @property
    def told(self) -> str:
        """The sentence in the reader's language."""
        return told(self.sentence)


class Unauthorized(DomainError):
    """Who you are could not be established."""

    code = 401


class Forbidden(DomainError):
    """Known caller, not allowed."""

    code = 403


class NotFound(DomainError):
    """No such object, or one of another business: never reveal which."""

    code = 404

    def __init__(self, message: str = say("There is no such object.")) -> None:
        super().__init__(message)


class Conflict(DomainError):
    """The state of things does not allow it now."""

    code = 409


class Invalid(DomainError):
    """A parameter is wrong. errors: field name (camelCase, as sent) to sentences."""

    code = 422

    def __init__(self, errors: dict[str, list[str]] | None = None, **fields: str) -> None:
        self.errors = dict(errors or {}) | {field: [sentence] for field, sentence in fields.items()}
        super().__init__(joined((sentence for sentences in self.errors.values() for sentence in sentences), " "))

    @property
    def told_errors(self) -> dict[str, list[str]]:
        """The errors in the reader's language."""
        return {field: [told(sentence) for sentence in sentences] for field, sentences in self.errors.items()}


class TooMany(DomainError):
    """A throttle is in force. wait: seconds until the next try makes sense."""

    code = 429

    def __init__(self, message: str, *, wait: int) -> None:
        super().__init__(message)
        self.wait = wait


class Unavailable(DomainError):
    """Something that we depend on is down."""

    code = 503
