"""Waking the workers after a commit. A hint only: the sweep finds the work without it."""

import logging
import os
import threading

from celery import current_app
from django.db import connection, transaction

log = logging.getLogger(__name__)

DRIVE = "clusters.tasks.drive"


class _Messenger:
    """Publishes from a thread of its own, so that a dead or silent broker never slows a request.

    Many wakes while one is being sent become one message.
    """

    def __init__(self) -> None:
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._pid = 0

    def start(self) -> None:
        """Connect to the broker, unless this process has begun to."""
        with self._lock:
            if self._pid != os.getpid():  # a thread does not survive a fork
                self._pid = os.getpid()
                self._wanted = threading.Event()
                threading.Thread(target=self._send, args=(self._wanted,), name="nudge", daemon=True).start()

    def wake(self) -> None:
        """Ask for one message soon."""
        self.start()
        self._wanted.set()

    def _send(self, wanted: threading.Event) -> None:
        try:
            _connect()
        except Exception as error:  # noqa: BLE001 - whatever the broker's library raises, the first message tries again
            log.info("The broker cannot be reached yet: %s", error)
        while wanted.wait():
            wanted.clear()
            try:
                current_app.send_task(DRIVE, retry=False, expires=60)
            except Exception as error:  # noqa: BLE001 - whatever the broker's library raises, the sweep will do
                log.warning("The broker took no message; the sweep will do: %s", error)


def _connect() -> None:
    """Make all that a first message needs: it would cost ten times another one."""
    amqp = current_app.amqp
    with current_app.producer_or_acquire() as producer:
        queue = amqp.router.route({}, DRIVE)["queue"]
        producer.maybe_declare(queue)
    # Of this thread; looks through all installed packages.
    _ = current_app.backend


_messenger = _Messenger()


def _wake() -> None:
    _messenger.wake()


def nudge() -> None:
    """Wake the engine once after the current transaction commits, or now outside of one."""
    if connection.in_atomic_block and any(entry[1] is _wake for entry in connection.run_on_commit):
        return
    transaction.on_commit(_wake, robust=True)


def get_ready() -> None:
    """Connect to the broker in the background, so that this process's first nudge is as quick as the others."""
    _messenger.start()
