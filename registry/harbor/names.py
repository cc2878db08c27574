"""Which names Harbor can hold. What it cannot hold does not exist, and is never asked for. Pure."""

import re

from otestack.sentences import say

PROJECT = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_FOLDER = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_FOLDER}(?:/{_FOLDER})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_PART = re.compile(r"[a-z0-9._/-]*")
_FORBIDDEN_IN_USERS = ',"~#%$:'
LENGTH = 255


def is_project(name: str) -> bool:
    """Tell whether a project can have this name."""
    return len(name) <= LENGTH and PROJECT.fullmatch(name) is not None


def split_image(name: str) -> tuple[str, str] | None:
    """Return project and repository of 'project/repository'; None when no image can have this name."""
    project, _, repository = name.partition("/")
    fits = is_project(project) and len(name) <= LENGTH and _REPOSITORY.fullmatch(repository) is not None
    return (project, repository) if fits else None


def is_tag(name: str) -> bool:
    """Tell whether a tag can have this name."""
    return _TAG.fullmatch(name) is not None


def can_hold(part: str) -> bool:
    """Tell whether names can hold this text, in whatever case."""
    return len(part) <= LENGTH and _PART.fullmatch(part.lower()) is not None


def _bytes(text: str) -> int:
    # Lone surrogates have no encoding; that they are refused is said elsewhere.
    return len(text.encode(errors="surrogatepass"))


def project_name_fault(name: str) -> str | None:
    """Say what is wrong with the name of a new project."""
    if is_project(name):
        return None
    return say(
        "It must be 1 to %(length)s lower-case letters and digits, with single '.', '_' or '-' "
        "between them, starting and ending with a letter or digit.",
        length=LENGTH,
    )


def user_name_fault(name: str) -> str | None:
    """Say what is wrong with the name of a new user. A colon would end the name in every login."""
    if _bytes(name) > LENGTH:
        return say("It must be at most %(length)s bytes long.", length=LENGTH)
    if any(mark in name for mark in _FORBIDDEN_IN_USERS):
        return say("It must not hold any of %(forbidden_in_users)s.", forbidden_in_users=" ".join(_FORBIDDEN_IN_USERS))
    if name != name.strip() or not name.isprintable():
        return say("It must not begin or end with a space, nor hold what cannot be printed.")
    return None


def password_fault(password: str) -> str | None:
    """Say what is wrong with a new password."""
    right = 8 <= _bytes(password) <= 128 and all(
        any(first <= mark <= last for mark in password) for first, last in ("AZ", "az", "09")
    )
    return (
        None if right else say("It must be 8 to 128 bytes with an upper-case letter, a lower-case letter and a digit.")
    )
