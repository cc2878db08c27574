"""Secrets: from the environment, else from a file that only we can read.

With DEBUG off nothing is invented at start: two hosts that each invent a key would refuse each other's tokens.
`manage.py secrets` (run by `make run`) writes the file.
"""

import contextlib
import json
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

FILE_NAME = "secrets.json"


def generate() -> dict[str, str]:
    """Return fresh secrets: the Django key, the token key and one encryption key."""
    return {
        "OTE_SECRET_KEY": secrets.token_urlsafe(48),
        "OTE_TOKEN_KEY": secrets.token_urlsafe(48),
        "OTE_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    }


def ensure(data_dir: Path) -> Path:
    """Write the secrets file unless it exists, with mode 600, and return its path. Raises OSError."""
    path = data_dir / FILE_NAME
    data_dir.mkdir(parents=True, exist_ok=True)
    draft = data_dir / f".{FILE_NAME}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(generate(), file, indent=1)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # fails where another process was first, so nobody's keys are replaced
    finally:
        draft.unlink(missing_ok=True)
    return path


def load(data_dir: Path, *, debug: bool) -> dict[str, str]:
    """Return all secrets. Raises ImproperlyConfigured, with what to do, when one is missing."""
    names = list(generate())
    found = {name: os.environ[name] for name in names if os.environ.get(name)}
    path = data_dir / FILE_NAME
    if len(found) < len(names):
        if debug and not path.exists():
            ensure(data_dir)
        if path.exists():
            stored = json.loads(path.read_text())
            found = {name: stored[name] for name in names if name in stored} | found
    missing = [name for name in names if name not in found]
    if missing:
        raise ImproperlyConfigured(
            f"{', '.join(missing)} is not set and {path} does not hold it: "
            "set it in the environment, or run 'manage.py secrets' to generate that file."
        )
    return found
