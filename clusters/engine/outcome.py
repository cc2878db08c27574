"""What a pass says of one placement and of one cluster. Few outcomes, typed."""

from __future__ import annotations

from dataclasses import dataclass, field

from clusters.drivers.base import ObservedNode


@dataclass(slots=True)
class PlacementOutcome:
    """What is known of one placement after a pass. None: unchanged."""

    applied: bool = False
    marks: dict[str, list[str]] | None = None
    ready: bool | None = None
    running: int | None = None
    error: int | None = None
    total: int | None = None
    # Why it is not there yet, in one line; '' clears it.
    reason: str | None = None
    # An attempt failed: counts, and waits before the next.
    refused: bool = False
    hopeless: bool = False
    retry_after: float = 0
    # Not an error: look again after this many seconds (something of ours has to go first).
    again: float | None = None
    deleted: bool = False
    gone: bool = False


@dataclass(slots=True)
class LabelOutcome:
    """A wanted node label that was written, or why not."""

    id: int
    seq: int
    present: bool
    done: bool


@dataclass(slots=True)
class PassOutcome:
    """What is known of a cluster after a pass."""

    answered: bool = False
    complete: bool = False
    full: bool = False
    version: str = ""
    error: str = ""
    placements: dict[int, PlacementOutcome] = field(default_factory=dict)
    nodes: list[ObservedNode] | None = None
    labels: list[LabelOutcome] = field(default_factory=list)
    # Bundles that the edge holds and this cluster has no placement for: uid to number of objects.
    unknown: dict[str, int] = field(default_factory=dict)
    # Of the pass, by the database's clock plus the time since: when its list began.
    listed_after: float = 0.0
    unfinished: bool = False
    # Seconds that the edge asked to be left alone, when the pass ended with an error.
    retry_after: float = 0

    def of(self, placement_id: int) -> PlacementOutcome:
        """Return the placement's outcome, to be filled in."""
        return self.placements.setdefault(placement_id, PlacementOutcome())
