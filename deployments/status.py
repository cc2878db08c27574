"""What counts amount to: the contract's status numbers as pure functions.

An operation under way is judged by proof. After its end only what is ready counts, so that the stored status does not
age with the observations; whoever reads it judges their freshness (`as_read`, deployments/freshness.py).
"""

from dataclasses import dataclass

from deployments.models import Change, Status


@dataclass(frozen=True)
class Counts:
    """Clusters of one operation.

    total: it is meant for. taken: have the wanted generation. ready: observed ready in it, whenever. proven: ready, and
    the observation is fresh. failed: the engine gave up there. away: do not answer. Proven, failed and away exclude one
    another. For a delete, what has let go counts as taken, ready and proven.
    """

    total: int = 0
    taken: int = 0
    ready: int = 0
    proven: int = 0
    failed: int = 0
    away: int = 0


def status(kind: int, counts: Counts, *, age: float, deadline: float) -> tuple[Status, bool]:
    """Return the status of an approved operation that has not ended, and whether it ends now.

    age: seconds since the last reachable cluster took it, or since its approval. Source: contract, Deployments.
    """
    decided = counts.proven + counts.failed + counts.away
    if decided >= counts.total or age >= deadline:
        return _end(kind, counts), True
    return (Status.DEPLOYING if counts.taken else Status.PROCESSING), False


def _end(kind: int, counts: Counts) -> Status:
    if kind == Change.DELETE:
        return after_end(kind, counts)
    if counts.total and counts.proven == counts.total:
        return Status.SUCCESS
    # Ready but seen too long ago is no proof, yet no failure either.
    if counts.ready or counts.away or not counts.total:
        return Status.PARTIAL
    return Status.FAILED


def after_end(kind: int, counts: Counts) -> Status:
    """Return the status to store for an ended operation, whatever the age of the observations."""
    if kind == Change.DELETE:
        if counts.proven + counts.away >= counts.total:
            return Status.DELETED
        return Status.PARTIAL if counts.proven or counts.away else Status.FAILED
    if counts.total and counts.ready == counts.total:
        return Status.SUCCESS
    if counts.ready or counts.away or not counts.total:
        return Status.PARTIAL
    return Status.FAILED


def not_green(stored: int) -> Status:
    """Return the status of an ended operation while its clusters have yet to take a new generation of it."""
    return Status.PARTIAL if stored == Status.SUCCESS else Status(stored)


def as_read(stored: int, unproven: int) -> Status:
    """Return the status to show. unproven: clusters that count as ready but are away or were not observed in time."""
    if stored == Status.SUCCESS and unproven:
        return Status.PARTIAL
    return Status(stored)
