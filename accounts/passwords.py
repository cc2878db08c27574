"""Passwords at the command line: made up, or asked for."""

from __future__ import annotations

import getpass
import os
import secrets
import string
import sys

from accounts import rules
from otestack.errors import Conflict, Invalid
from otestack.sentences import say


def generate() -> str:
    """Return a random password that follows the rule."""
    letters = string.ascii_letters + string.digits
    while True:
        password = "".join(secrets.choice(letters) for _ in range(20))
        if rules.password_fault(password) is None:
            return password


def ask(variable: str) -> str:
    """Return the variable's value; else ask twice at a terminal, or read one line. Raises Invalid when they differ.

    Raises Conflict when there is no answer.
    """
    if given := os.environ.get(variable, ""):
        return given
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    try:
        password, again = getpass.getpass("New password: "), getpass.getpass("Once more: ")
    except EOFError:
        raise Conflict(say("Nothing was changed.")) from None
    if password != again:
        raise Invalid(password=say("The two are not the same."))
    return password
