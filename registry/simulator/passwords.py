"""Passwords and robots' secrets, kept as salted hashes."""

import hashlib
import hmac
import secrets

# Few, since every request with Basic auth pays for them: nothing of value is behind these.
ROUNDS = 500


def scramble(password: str, salt: str = "") -> tuple[str, str]:
    """Return the hash and its salt."""
    salt = salt or secrets.token_hex(8)
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), ROUNDS).hex(), salt


def matches(password: str, scrambled: str, salt: str) -> bool:
    """Tell whether it is the password."""
    return bool(scrambled) and hmac.compare_digest(scramble(password, salt)[0], scrambled)
