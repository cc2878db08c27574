"""What GET /readyz asks. All questions together take at most LIMIT_SECONDS, also when the other side is silent."""

import logging
import threading
import time
from collections.abc import Callable
from functools import lru_cache, partial

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from clusters import heartbeat
from otestack.celery import app
from otestack.errors import Unavailable

log = logging.getLogger(__name__)

# Load balancers ask every few seconds and wait about that long.
LIMIT_SECONDS = 2.0


class Answer:
    """What a question came to. `sentence` says what is missing; it is empty when all is well."""

    def __init__(self, name: str) -> None:
        self.sentence = f"The {name} does not answer."
        self.done = threading.Event()

    @property
    def fine(self) -> bool:
        """Tell whether nothing is missing."""
        return not self.sentence


class Question:
    """A check that runs in a thread of its own; while one hangs, no second one is started beside it."""

    def __init__(self, name: str, check: Callable[[], None]) -> None:
        self.name, self.check = name, check
        self._lock = threading.Lock()
        self._pending: Answer | None = None

    def begin(self) -> Answer:
        """Start the check, or join one that is under way, and return where its answer will be."""
        with self._lock:
            if self._pending is None:
                self._pending = Answer(self.name)
                threading.Thread(target=self._run, args=(self._pending,), daemon=True).start()
            return self._pending

    def _run(self, answer: Answer) -> None:
        try:
            self.check()
            answer.sentence = ""
        except Unavailable as error:
            answer.sentence = str(error)
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, it is not ready
            log.warning("Health check of the %s failed: %s", self.name, " ".join(str(error).split()))
            answer.sentence = f"The {self.name} is not available."
        finally:
            connection.close()
            with self._lock:
                self._pending = None
            answer.done.set()


@lru_cache(maxsize=1)
def newest_migrations() -> list[tuple[str, str]]:
    """Return the last migration of each app of this code."""
    return list(MigrationLoader(None).graph.leaf_nodes())


def check_database() -> None:
    """Raise Unavailable unless the database answers and has this version's tables."""
    applied = MigrationRecorder(connection).applied_migrations()
    if any(migration not in applied for migration in newest_migrations()):
        raise Unavailable("The database's migrations are not applied; run 'manage.py migrate'.")


def check_broker() -> None:
    """Raise unless the broker takes a connection: Redis is pinged, the folder without a server is written to."""
    with app.connection_for_write(connect_timeout=LIMIT_SECONDS) as broker:
        broker.connect()


def needed_queues() -> list[str]:
    """Return the queues without whose workers nothing gets done."""
    return [settings.DRIVE_QUEUE, settings.SETTLE_QUEUE]


def check_worker(queue: str) -> None:
    """Raise Unavailable unless a living worker serves the queue."""
    if queue not in heartbeat.served_queues():
        raise Unavailable(f"No worker serves the queue '{queue}'.")


DATABASE = Question("database", check_database)
BROKER = Question("broker", check_broker)


@lru_cache(maxsize=1)
def workers() -> dict[str, Question]:
    """Return one question per needed queue."""
    return {queue: Question(f"heartbeat of '{queue}'", partial(check_worker, queue)) for queue in needed_queues()}


def readiness(*, only_web: bool) -> tuple[dict[str, object], list[str]]:
    """Return what works, by name, and a sentence for each thing that does not."""
    database = DATABASE.begin()
    broker = None if only_web else BROKER.begin()
    by_queue = {} if only_web else {queue: question.begin() for queue, question in workers().items()}
    until = time.monotonic() + LIMIT_SECONDS
    answers = [database, *([broker] if broker else []), *by_queue.values()]
    for answer in answers:
        answer.done.wait(max(0.0, until - time.monotonic()))
    works: dict[str, object] = {"web": True, "database": database.fine}
    if broker:
        # The heartbeats lie in the database: without it nobody knows.
        known = {queue: answer.fine if database.fine else None for queue, answer in by_queue.items()}
        works |= {"broker": broker.fine, "workers": known}
    said = [database, broker] if broker and not database.fine else answers
    return works, [answer.sentence for answer in said if answer and answer.sentence]
