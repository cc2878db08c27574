"""Reading environment variables, with one clear sentence when one is unusable."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """Return the variable, stripped; an empty one counts as absent."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool) -> bool:
    """Return a yes/no variable. Raises ImproperlyConfigured on another word."""
    value = text(name, "true" if default else "false").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not '{value}'.")


def number(name: str, default: float, *, least: float = 0) -> float:
    """Return a numeric variable. Raises ImproperlyConfigured below `least` or if it is no number."""
    value = text(name, str(default))
    try:
        result = float(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number, not '{value}'.") from error
    if not result >= least:
        raise ImproperlyConfigured(f"{name} must be at least {least:g}, not {value}.")
    return result


def whole(name: str, default: int, *, least: int = 0) -> int:
    """Return a whole-number variable. Raises ImproperlyConfigured otherwise."""
    value = number(name, default, least=least)
    if value != int(value):
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value:g}.")
    return int(value)


def words(name: str, default: str = "") -> list[str]:
    """Return a comma-separated variable as a list without empty items."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def folder(name: str, default: Path) -> Path:
    """Return a folder's absolute path; it need not exist."""
    return Path(text(name, str(default))).expanduser().resolve()


def address(name: str) -> str:
    """Return an http or https address, "" when absent. Raises ImproperlyConfigured for anything else.

    A login inside is refused: addresses are shown in logs.
    """
    value = text(name)
    try:
        parts = urlsplit(value)
        fine = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        fine = False
    if value and not (fine and not parts.query and not parts.fragment):
        raise ImproperlyConfigured(f"{name} must be an address such as https://registry.example.com, without a login.")
    return value.rstrip("/")


def host_of(url: str) -> str:
    """Return an address's host, with its port unless that goes without saying."""
    usual = {"http": ":80", "https": ":443"}
    parts = urlsplit(url)
    return parts.netloc.removesuffix(usual.get(parts.scheme, ""))
