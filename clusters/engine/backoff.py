"""When to try again: pure. Exponential, capped, full jitter, so that a fleet that fails together spreads out."""

import random


def delay(
    attempts: int, *, base: float, cap: float, hopeless: bool = False, asked: float = 0, draw: float | None = None
) -> float:
    """Return seconds until the next try.

    attempts: tries so far, from 1. hopeless: the same again cannot help, so it waits the cap. asked: what the edge
    asked for, never undercut. draw: 0 to 1 instead of chance.
    """
    roof = cap if hopeless else min(cap, base * 2 ** min(attempts - 1, 32))
    share = random.random() if draw is None else draw
    least = roof / 2 if hopeless else min(base, roof) / 2
    return max(asked, least + (roof - least) * share)
