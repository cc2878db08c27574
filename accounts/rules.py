"""What names, passwords and phone numbers must look like: pure functions that return the fault as a sentence."""

import re

from otestack.sentences import say

USER_NAME_LENGTH = 64
PHONE_LENGTH = 21
REAL_NAME_LENGTH = 255
PASSWORD_LENGTHS = (8, 20)

USER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
PHONE = re.compile(r"\+?[0-9]{5,20}")


def user_name_fault(name: str) -> str | None:
    """Return what is wrong with a user name."""
    if len(name) <= USER_NAME_LENGTH and USER_NAME.fullmatch(name):
        return None
    return say(
        "It must be 1 to %(user_name_length)s letters, digits, '.', '_' or '-', starting with a letter or a digit.",
        user_name_length=USER_NAME_LENGTH,
    )


def password_fault(password: str) -> str | None:
    """Return what is wrong with a new password."""
    classes = (str.isupper, str.islower, str.isdecimal)
    least, most = PASSWORD_LENGTHS
    if least <= len(password) <= most and all(any(map(kind, password)) for kind in classes):
        return None
    classes_in_words = say("at least one upper-case letter, one lower-case letter and one digit")
    return say(
        "It must be %(least)s to %(most)s characters with %(classes_in_words)s.",
        least=least,
        most=most,
        classes_in_words=classes_in_words,
    )


def phone_fault(phone: str) -> str | None:
    """Return what is wrong with a phone number."""
    return None if PHONE.fullmatch(phone) else say("It must be 5 to 20 digits, with an optional leading '+'.")
