"""Secrets at rest: one field type, keys that can be rotated."""

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

from otestack.errors import DomainError


class Undecryptable(DomainError):
    """None of our keys opens it. Never answered with the ciphertext."""


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def box() -> MultiFernet:
    """Return the box of the configured keys: the first encrypts, all decrypt."""
    return _box(tuple(settings.OTE_ENCRYPTION_KEYS))


def encrypt(text: str) -> str:
    """Return `text` encrypted under the first key."""
    return box().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Return the plain text. Raises Undecryptable when no key fits."""
    try:
        return box().decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise Undecryptable("A stored secret cannot be decrypted: its key is not in OTE_ENCRYPTION_KEYS.") from error


class EncryptedTextField(models.TextField):
    """Text that lies encrypted in the database and is plain in Python; empty stays empty."""

    def get_prep_value(self, value: Any) -> Any:
        """Encrypt on the way in."""
        value = super().get_prep_value(value)
        return encrypt(value) if value else value

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        """Decrypt on the way out."""
        return decrypt(value) if value else value
