"""A row that says: this worker process is alive and serves these queues. GET /readyz reads it.

Written by a thread of the worker's main process, so it goes on while the pool is busy. Each beat opens and closes a
connection of its own: the pool's processes are forks and must not inherit one.
"""

import logging
import threading
from datetime import timedelta

from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now

from clusters.models import Heartbeat

log = logging.getLogger(__name__)

# Seconds between two beats. A worker counts as gone after three that did not come.
BEAT_SECONDS = 3.0
ALIVE_SECONDS = 10.0
# Rows of workers that were killed and never came back under their name.
FORGET_AFTER = timedelta(days=1)
# How long a worker that ends waits for its row to go.
FAREWELL_SECONDS = 2.0


def beat(worker: str, queues: list[str]) -> None:
    """Write the row, by the database's clock. Raises DatabaseError."""
    with transaction.atomic():
        if not Heartbeat.objects.filter(pk=worker).update(queues=queues, beat_at=Now()):
            Heartbeat.objects.create(worker=worker, queues=queues, started_at=Now(), beat_at=Now())


def start_row(worker: str, queues: list[str]) -> None:
    """Begin a worker's life: a row with a new start, and none of workers long gone. Raises DatabaseError."""
    with transaction.atomic():
        Heartbeat.objects.filter(beat_at__lt=Now() - FORGET_AFTER).delete()
        Heartbeat.objects.filter(pk=worker).delete()
        Heartbeat.objects.create(worker=worker, queues=queues, started_at=Now(), beat_at=Now())


def end_row(worker: str) -> None:
    """Say that the worker is gone. Raises DatabaseError."""
    Heartbeat.objects.filter(pk=worker).delete()


def served_queues() -> set[str]:
    """Return the queues that at least one living worker serves. Raises DatabaseError."""
    alive = Heartbeat.objects.filter(beat_at__gt=Now() - timedelta(seconds=ALIVE_SECONDS))
    return {queue for queues in alive.values_list("queues", flat=True) for queue in queues}


class Beater(threading.Thread):
    """Beats until asked to stop, then removes the row. A database that is away is said once and waited out."""

    def __init__(self, worker: str, queues: list[str]) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.worker, self.queues = worker, queues
        self.ending = threading.Event()
        self._begun = False
        self._failing = False

    def run(self) -> None:
        """Beat, wait, repeat."""
        while True:
            self._once()
            if self.ending.wait(BEAT_SECONDS):
                break
        self._once()

    def _once(self) -> None:
        try:
            if self.ending.is_set():
                end_row(self.worker)
            elif self._begun:
                beat(self.worker, self.queues)
            else:
                start_row(self.worker, self.queues)
                self._begun = True
        except DatabaseError as error:
            if not self._failing:
                log.warning("The heartbeat cannot be written, it is tried on: %s", " ".join(str(error).split()))
            self._failing = True
        else:
            if self._failing:
                log.info("The heartbeat is written again.")
            self._failing = False
        finally:
            connection.close()


_beater: Beater | None = None


def start(worker: str, queues: list[str]) -> None:
    """Start beating for this worker unless it beats already."""
    global _beater
    if _beater is None or not _beater.is_alive():
        _beater = Beater(worker, queues)
        _beater.start()


def stop() -> None:
    """Ask the thread to remove the row and end. Does not wait: safe inside a signal handler."""
    if _beater is not None:
        _beater.ending.set()


def wait() -> None:
    """Wait a moment for the row to be gone."""
    if _beater is not None:
        _beater.join(FAREWELL_SECONDS)
