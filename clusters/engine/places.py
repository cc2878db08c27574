"""Places of a worker's window: how many passes run at a time, and which of them only wait for an edge."""

from __future__ import annotations

import time

# A pass that takes so many times as long as passes usually do waits for its edge, which costs this machine nothing.
LONG = 4.0
# Seconds; no pass that is shorter is long.
LEAST = 0.25
# Weight of the passes that end together, beside all before them.
WEIGHT = 0.3


class Places:
    """Passes that are under way, by cluster, and since when on the monotonic clock.

    usual: seconds that passes take where edges answer.
    """

    def __init__(self, most: int, usual: float) -> None:
        self.most = most
        self.usual = usual
        self._begun: dict[int, float] = {}

    @property
    def under_way(self) -> int:
        """How many passes are."""
        return len(self._begun)

    @property
    def free(self) -> int:
        """How many more may begin."""
        return self.most - len(self._begun)

    @property
    def spare(self) -> int:
        """How many more may begin in place of such as only wait: edges that hang must not be in the way of the others.

        At most as many as there are places.
        """
        if self.free > self.most // 2:
            return 0
        before = time.monotonic() - max(LEAST, LONG * self.usual)
        return min(self.most, sum(at < before for at in self._begun.values()))

    def begin(self, cluster_id: int) -> None:
        """Take a place."""
        self._begun[cluster_id] = time.monotonic()

    def end(self, answered: dict[int, bool]) -> None:
        """Give places back. answered: whether the edge did, by cluster; what hung tells nothing of what is usual."""
        now = time.monotonic()
        ended = [now - self._begun.pop(cluster_id) for cluster_id in answered]
        told = [seconds for seconds, did in zip(ended, answered.values(), strict=True) if did]
        if told:
            self.usual += WEIGHT * (sum(told) / len(told) - self.usual)
