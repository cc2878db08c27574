"""Memory that was freed and that the C library keeps for itself."""

import ctypes


def give_back() -> None:
    """Return to the system what is free, also between what is in use. Does nothing where the C library cannot."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
