"""The OCI distribution API as Harbor serves it, and the token service that goes with it."""

from .routes import handle
from .tokens import token

__all__ = ["handle", "token"]
