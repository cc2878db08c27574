"""What names, passwords and phone numbers must look like: pure functions that return the fault as a sentence."""

import re

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
    return f"It must be 1 to {USER_NAME_LENGTH} letters, digits, '.', '_' or '-', starting with a letter or a digit."


def password_fault(password: str) -> str | None:
    """Return what is wrong with a new password."""
    classes = (str.isupper, str.islower, str.isdecimal)
    least, most = PASSWORD_LENGTHS
    if least <= len(password) <= most and all(any(map(kind, password)) for kind in classes):
        return None
    classes_in_words = "at least one upper-case letter, one lower-case letter and one digit"
    return f"It must be {least} to {most} characters with {classes_in_words}."


def phone_fault(phone: str) -> str | None:
    """Return what is wrong with a phone number."""
    return None if PHONE.fullmatch(phone) else "It must be 5 to 20 digits, with an optional leading '+'."
