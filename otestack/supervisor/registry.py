"""The simulated registry of a run: where it keeps what, and what the product is told of it."""

import contextlib
import os
import secrets
from pathlib import Path

from otestack.supervisor.preflight import HOST

# Its administrator, by whom the product works.
USER = "admin"


def folder(data_dir: Path) -> Path:
    """Return where its images and accounts are."""
    return data_dir / "registry"


def password_file(data_dir: Path) -> Path:
    """Return the file with the administrator's password."""
    return data_dir / "registry-password"


def ensure_password(data_dir: Path) -> str:
    """Return the administrator's password, made once and kept in a file that only we can read. Raises OSError."""
    path = password_file(data_dir)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{secrets.token_urlsafe(18)}Aa1\n")  # a Harbor wants all three kinds of character
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_text().strip()


def settings(port: int, password: str) -> dict[str, str]:
    """Return the variables that point the product to it. A domain that the user named stays."""
    address = f"{HOST}:{port}"
    return {
        "OTE_REGISTRY_URL": f"http://{address}",
        "OTE_REGISTRY_USER": USER,
        "OTE_REGISTRY_PASSWORD": password,
        "OTE_REGISTRY_DOMAIN": os.environ.get("OTE_REGISTRY_DOMAIN", "").strip() or address,
    }
