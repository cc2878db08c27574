"""The product as it runs for many: its real processes on a PostgreSQL and a Redis of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import redis

from otestack.supervisor import parts
from otestack.supervisor.__main__ import lay_out
from otestack.supervisor.process import Part
from tests.bench.processes import Memory, memory
from tests.run.product import ROOT, Product, until
from tests.services import Postgres, Redis, die_with_us

# What is ours; database, broker and edge are listed apart.
OURS = ("web", "drive", "settle", "beat")
_END_SECONDS = 30


class Services:
    """PostgreSQL (without fsync: the disk is not what is measured) and Redis, with databases that are copied."""

    def __init__(self) -> None:
        self.postgres = Postgres()
        try:
            self.redis = Redis()
        except BaseException:
            self.postgres.stop()
            raise

    def stop(self) -> None:
        self.redis.stop()
        self.postgres.stop()

    def create(self, name: str, template: str = "") -> None:
        """Make a database, empty or as a copy of one that nobody is connected to; one of that name goes first."""
        with contextlib.closing(self.postgres.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
        redis.Redis(port=self.redis.port).flushall()

    def env(self, name: str) -> dict[str, str]:
        """Return the product's variables for that database."""
        return {"DATABASE_URL": self.postgres.url(name), "CELERY_BROKER_URL": self.redis.url()}


class Centre(Product):
    """The product's parts, as the supervisor starts them, but without it and with as many drive workers as asked.

    drivers: processes that drive edges. env: settings of the product.
    """

    def __init__(self, folder: Path, services: Services, database: str, *, drivers: int = 2, **env: str) -> None:
        super().__init__(folder, **services.env(database), DJANGO_SETTINGS_MODULE="otestack.settings",
                         PYTHONUNBUFFERED="1", **env)  # fmt: skip
        self.services, self.database, self.drivers = services, database, drivers
        self.parts: dict[str, subprocess.Popen[bytes]] = {}
        self._connection: Any = None

    def prepare(self) -> Centre:
        """Bring the database to this version, with a system administrator; repeatable."""
        lay_out(self.data_dir)
        with self.log_path.open("ab") as log:
            subprocess.run(parts.prepare().command, cwd=ROOT, env=self.env, stdout=log, stderr=log, check=True)
        return self

    def start(self) -> Centre:
        """Start every part."""
        self.start_web()
        self.start_workers()
        return self

    def start_web(self) -> None:
        self._start(parts.web(self.port))

    def start_workers(self) -> None:
        """Start what works in the background: drive, settle, beat."""
        self._start(parts.worker("drive", self.drivers))
        self._start(parts.worker("settle", 1))
        self._start(parts.beat())

    def stop_workers(self) -> None:
        """End them in good order: what they do is finished, their connections close."""
        self._end("beat", "drive", "settle")

    def ready(self) -> Centre:
        """Wait until it says that it is ready."""
        until(lambda: self.readyz()[0] == 200, f"ready: {self.log[-3000:]}")
        return self

    def _start(self, part: Part) -> None:
        with self.log_path.open("ab") as log:
            self.parts[part.name] = subprocess.Popen(
                part.command, cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=die_with_us,
            )  # fmt: skip

    def _end(self, *names: str) -> None:
        ending = [self.parts.pop(name) for name in names if name in self.parts]
        for process in ending:
            process.terminate()
        for process in ending:
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def close(self) -> None:
        """End everything."""
        self.stop()

    def stop(self) -> None:
        """End everything."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._end(*list(self.parts))
        super().stop()

    # What is measured.

    def groups(self) -> dict[str, list[int]]:
        """Return the root processes of each part, of the database and of the broker, for a Meter.

        watching: the database's process that answers `query`, which belongs to the benchmark.
        """
        servers = {"database": self.services.postgres.process, "broker": self.services.redis.process}
        found = {name: [process.pid] for name, process in (self.parts | servers).items() if process is not None}
        return found | {"watching": [self.connection.info.backend_pid]}

    def workers_memory(self) -> Memory:
        """Return what the workers hold together, drive and settle, their parents included."""
        return memory(self.parts["drive"].pid, self.parts["settle"].pid)

    @property
    def connection(self) -> Any:
        """Our own connection to its database, in autocommit."""
        if self._connection is None:
            self._connection = psycopg2.connect(self.services.postgres.url(self.database))
            self._connection.autocommit = True
        return self._connection

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database, beside the product."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values)
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found

    def wait(self, statement: str, *values: object, every: float, seconds: float) -> float:
        """Wait until the statement finds no row; return the monotonic time. every: seconds between two looks."""
        end = time.monotonic() + seconds
        while self.query(statement, *values):
            assert time.monotonic() < end, f"after {seconds:.0f} s still: {statement} {values}\n{self.log[-3000:]}"
            time.sleep(every)
        return time.monotonic()


def ours(cpu: dict[str, float]) -> float:
    """Return the sum of what is ours in a meter's reading."""
    return sum(cpu.get(name, 0.0) for name in OURS)


@contextlib.contextmanager
def services() -> Iterator[Services]:
    """PostgreSQL and Redis, stopped at the end. Raises tests.services.Missing."""
    made = Services()
    try:
        yield made
    finally:
        made.stop()


@contextlib.contextmanager
def centre(folder: Path, on: Services, database: str, **options: Any) -> Iterator[Centre]:
    """A started centre that is ready, and is stopped at the end."""
    made = Centre(folder, on, database, **options)
    try:
        yield made.prepare().start().ready()
    finally:
        made.stop()
