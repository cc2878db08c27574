"""Deleting several things at once: what went, and why the rest did not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from otestack.errors import Conflict, DomainError, NotFound
from otestack.sentences import say, told
from registry.harbor import Harbor
from registry.harbor.trouble import Blocked, Missing, NotAllowed, NotLoggedIn, Refused

N = TypeVar("N", str, int)

STALE_LOGIN = say(
    "The registry does not accept the account of its business at the moment; try again in a few "
    "seconds, or set the account's password anew."
)
_NOT_ALLOWED = say("The registry does not allow this account to delete it.")


@dataclass
class Deletion(Generic[N]):
    """What a batch came to. failed: name to error, in the order of asking."""

    deleted: list[N] = field(default_factory=list)
    failed: dict[N, DomainError] = field(default_factory=dict)

    @property
    def code(self) -> int:
        """200 when all went, 404 when none was there, 503 when the registry did nothing at all, else 409."""
        codes = {error.code for error in self.failed.values()}
        if not codes:
            return 200
        return codes.pop() if not self.deleted and codes in ({404}, {503}) else 409

    @property
    def message(self) -> str:
        """Say it in one sentence."""
        all_of_them = len(self.deleted) + len(self.failed)
        name, error = next(iter(self.failed.items()))
        if all_of_them == 1:
            return error.told
        return told(
            say(
                "%(failed)s of %(all_of_them)s could not be deleted; %(name)s: %(error)s",
                failed=len(self.failed),
                all_of_them=all_of_them,
                name=name,
                error=error,
            )
        )


def delete_all(
    harbor: Harbor, wanted: Iterable[tuple[N, Callable[[], None] | DomainError]], blocked: str
) -> Deletion[N]:
    """Make the calls side by side. wanted: name to the call that deletes it, or why that is not tried.

    blocked: the sentence for what its state keeps from being deleted.
    """
    pairs = dict(wanted)
    calls = {name: call for name, call in pairs.items() if not isinstance(call, DomainError)}
    results = dict(zip(calls, harbor.side_by_side(calls.values()), strict=True))
    outcome: Deletion[N] = Deletion()
    for name, call in pairs.items():
        result = call if isinstance(call, DomainError) else results[name]
        if result is None:
            outcome.deleted.append(name)
        else:
            outcome.failed[name] = _reason(result, blocked)
    return outcome


def _reason(error: object, blocked: str) -> DomainError:
    match error:
        case Missing():
            return NotFound()
        case Blocked():
            return Conflict(blocked)
        case NotLoggedIn():
            return Conflict(STALE_LOGIN)
        case NotAllowed():
            return Conflict(_NOT_ALLOWED)
        case Refused():
            return Conflict(say("The registry refused to delete it."))
        case DomainError():
            return error
        case Exception():
            raise error
    raise TypeError(f"no error: {error!r}")
