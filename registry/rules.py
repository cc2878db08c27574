"""What an external repository's fields may hold. Pure: text in, a sentence or None out."""

import re

from otestack.sentences import say

ID_LENGTH = 255
ADDRESS = re.compile(
    r"(?:https?://)?"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:.]+\])"
    r"(?::[0-9]{1,5})?(?:/[A-Za-z0-9._/-]*)?"
)


def repository_id_fault(text: str) -> str | None:
    """Say what is wrong with a name that has to stand in a path."""
    if "/" in text or text in {".", ".."}:
        return say("It must not hold '/', nor be '.' or '..'.")
    return None


def address_fault(text: str) -> str | None:
    """Say what is wrong with a registry's address."""
    if ADDRESS.fullmatch(text) is None:
        return say("It must be a host such as registry.example.com:5000, with or without https:// and a path.")
    return None


def user_fault(text: str) -> str | None:
    """Say what is wrong with a user name for a login, which a colon would end."""
    return say("It must not hold ':'.") if ":" in text else None
