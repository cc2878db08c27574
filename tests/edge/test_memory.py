"""What thousands of connections took goes back to the system."""

from __future__ import annotations

import resource
from pathlib import Path

from otestack.memory import give_back


def held() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_what_is_free_between_what_is_in_use_is_given_back() -> None:
    blocks = [bytearray(1000) for _ in range(60_000)]
    full = held()
    kept = blocks[::100]
    del blocks
    give_back()
    assert held() < full - 40_000_000
    assert len(kept) == 600
