"""What can go wrong with Harbor, told apart by status and code. Its own texts are never passed on."""

from __future__ import annotations

from otestack.errors import DomainError, Unavailable
from otestack.sentences import say

NOT_CONFIGURED = say("No image registry is configured here.")
NOT_REACHED = say("The image registry does not answer; try again later.")
TOO_SLOW = say("The image registry did not answer in time; try again later.")
BROKEN = say("The image registry answered with something that cannot be understood.")
NOT_OURS = say("The image registry does not accept this installation's account; its operator has to look at it.")
READ_ONLY = say("The image registry is read-only at the moment; try again later.")


class Refused(DomainError):
    """Harbor understood the call and refused it. Services turn it into a sentence about what was asked for."""

    code = 500

    def __init__(self, status: int, reason: str = "") -> None:
        super().__init__(say("The image registry refused the request (%(status)s).", status=status))
        self.status, self.reason = status, reason


class Unacceptable(Refused):
    """400 or 422: a value breaks one of its rules."""


class NotLoggedIn(Refused):
    """401: the login was not accepted."""


class NotAllowed(Refused):
    """403: the login may not. To anybody but administrators, also: there is no such thing."""


class Missing(Refused):
    """404."""


class Taken(Refused):
    """409: there is one of that name."""


class Blocked(Refused):
    """412: its state does not allow it: not empty, or immutable."""


_KINDS: dict[int, type[Refused]] = {
    400: Unacceptable,
    401: NotLoggedIn,
    403: NotAllowed,
    404: Missing,
    409: Taken,
    412: Blocked,
    422: Unacceptable,
}


def refusal(status: int, reason: str) -> DomainError:
    """Return the error for an answer that is no success. reason: Harbor's code, such as 'DENIED'."""
    if status == 403 and reason == "DENIED":
        return Unavailable(READ_ONLY)
    kind = _KINDS.get(status)
    if kind is not None:
        return kind(status, reason)
    if status >= 500 or status == 429:
        return Unavailable(
            say("The image registry has an internal problem (%(status)s); try again later.", status=status)
        )
    return Unavailable(BROKEN)
