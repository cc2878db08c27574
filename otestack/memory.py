"""Memory that was freed and that the C library keeps for itself."""

import ctypes

# Bytes from which on a piece of memory is the system's again as soon as it is freed.
LARGE = 128 * 2**10
# From <malloc.h>.
_M_MMAP_THRESHOLD = -3


def give_back() -> None:
    """Return to the system what is free, also between what is in use. Does nothing where the C library cannot."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def keep_no_large_pieces() -> None:
    """Have large pieces returned to the system when they are freed. Does nothing where the C library cannot.

    It would raise the bound to the largest piece that it meets, and keep what lies between small ones that stay: where
    answers are long, a fifth of a worker's memory.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_MMAP_THRESHOLD, LARGE)
