"""A private PostgreSQL and Redis for tests: temporary folders, free ports, nothing kept.

python -m tests.services -- pytest tests/…     start both, run the command with DATABASE_URL and
                                               CELERY_BROKER_URL set, stop both; exits like the command
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import redis

START_SECONDS = 60.0
HOST = "127.0.0.1"
# Redis databases that one process of the suite uses: the first itself, the others its products.
REDIS_NUMBERS = 16
MOST_PROCESSES = 8
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Missing(Exception):
    """A service cannot be started here; str() says why."""


def find(program: str) -> Path | None:
    """Return where a program lies: on PATH, or in the newest of Debian's PostgreSQL folders."""
    if found := shutil.which(program):
        return Path(found)
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    newest = sorted(folders, key=lambda folder: float(folder.parent.name), reverse=True)
    return next((folder / program for folder in newest if (folder / program).exists()), None)


def free_port(together: int = 1) -> int:
    """Return a port nobody listens on now, or the first of so many in a row.

    Of those that no outgoing connection is given: between our look and the use of it, others connect all the time.
    """
    while True:
        first = 10_000 + secrets.randbelow(20_000)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + together):
                stack.enter_context(socket.socket()).bind((HOST, port))
            return first


def die_with_us() -> None:
    """In the child: end when the parent does, so that a killed test run leaves no server behind."""
    if _libc is not None:
        _libc.prctl(1, int(signal.SIGKILL), 0, 0, 0)  # PR_SET_PDEATHSIG


class Server:
    """A server process with a temporary folder, below `within` if that is given."""

    def __init__(self, name: str, within: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"otestack-{name}-", dir=within))
        self.port = free_port()
        self.log = self.folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def spawn(self, command: list[str], **options: Any) -> None:
        """Start it; its output goes to the log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_us,
                start_new_session=True, **options,
            )  # fmt: skip

    def wait(self, answers: Any) -> None:
        """Return once it answers. Raises Missing with the end of its log when it does not."""
        until = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(psycopg2.OperationalError, redis.RedisError):
                answers()
                return
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > until:
                said = self.log.read_text(errors="replace")[-500:].strip()
                self.stop()
                raise Missing(f"{type(self).__name__} did not start: {said}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill it as a power cut would; the folder stays."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """Freeze it: it takes connections and says nothing."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """End the freeze."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it and remove its folder."""
        if self.process is not None and self.process.poll() is None:
            self.resume()
            self.process.send_signal(signal.SIGINT)  # PostgreSQL: without waiting for its clients
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Server):
    """PostgreSQL without durability. It refuses to run as root, so root starts it as another user."""

    def __init__(self, within: Path | None = None) -> None:
        initdb, self.program = find("initdb"), find("postgres")
        if initdb is None or self.program is None:
            raise Missing("PostgreSQL is not installed (initdb and postgres are neither on PATH nor in /usr/lib).")
        super().__init__("postgres", within)
        self.options: dict[str, Any] = {"cwd": self.folder, "env": os.environ | {"LC_ALL": "C.UTF-8"}}
        if os.getuid() == 0:
            names = [name for name in ("postgres", "nobody") if self._exists(name)]
            if not names:
                raise Missing("PostgreSQL does not run as root, and there is no user 'postgres' or 'nobody'.")
            user = pwd.getpwnam(names[0])
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.options |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        made = subprocess.run(
            [initdb, "-D", self.folder / "data", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"],
            capture_output=True, text=True, check=False, **self.options,
        )  # fmt: skip
        if made.returncode:
            self.stop()
            raise Missing(f"PostgreSQL's initdb failed: {made.stderr.strip()[-500:]}")
        self.start()

    @staticmethod
    def _exists(name: str) -> bool:
        try:
            pwd.getpwnam(name)
        except KeyError:
            return False
        return True

    def start(self) -> None:
        """Start it, also again after `kill`."""
        quick = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300")
        settings = [part for setting in quick for part in ("-c", setting)]
        where = ["-D", str(self.folder / "data"), "-h", HOST, "-p", str(self.port), "-k", str(self.folder)]
        self.spawn([str(self.program), *where, *settings], **self.options)
        self.wait(lambda: self.connect().close())

    def connect(self, name: str = "postgres") -> Any:
        """Return a connection in autocommit."""
        connection = psycopg2.connect(host=HOST, port=self.port, user="postgres", dbname=name, connect_timeout=5)
        connection.autocommit = True
        return connection

    def url(self, name: str = "otestack") -> str:
        """Return the address of a database."""
        return f"postgres://postgres@{HOST}:{self.port}/{name}"


class Redis(Server):
    """Redis without persistence."""

    def __init__(self) -> None:
        self.program = find("redis-server")
        if self.program is None:
            raise Missing("Redis is not installed (redis-server is not on PATH).")
        super().__init__("redis")
        self.start()

    def start(self) -> None:
        """Start it, also again after `kill`."""
        where = ["--bind", HOST, "--port", str(self.port), "--dir", str(self.folder)]
        numbers = ["--databases", str(REDIS_NUMBERS * MOST_PROCESSES)]
        self.spawn([str(self.program), *where, *numbers, "--save", "", "--appendonly", "no"])
        self.wait(self.client().ping)

    def client(self) -> redis.Redis:
        """Return a client of its first database."""
        return redis.Redis(host=HOST, port=self.port, socket_timeout=2)

    def url(self, number: int = 0) -> str:
        """Return the address of one of its databases."""
        return f"redis://{HOST}:{self.port}/{number}"


def broker_beside(url: str, number: int) -> str:
    """Return the address of the Redis database that lies so far above the one of `url`."""
    server, _, own = url.rpartition("/")
    return f"{server}/{int(own) + number}"


def create_database(url: str, name: str) -> str:
    """Create an empty database beside the one of `url` and return its address."""
    base = url.rpartition("/")[0]
    connection = psycopg2.connect(f"{base}/postgres")
    connection.autocommit = True
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    return f"{base}/{name}"


@contextlib.contextmanager
def running() -> Iterator[dict[str, str]]:
    """Both services, as environment variables. Raises Missing."""
    with contextlib.ExitStack() as stack:
        database = Postgres()
        stack.callback(database.stop)
        broker = Redis()
        stack.callback(broker.stop)
        yield {"DATABASE_URL": database.url(), "CELERY_BROKER_URL": broker.url()}


def main(arguments: list[str]) -> int:
    """Run a command with both services; returns its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    try:
        with running() as env:
            return subprocess.call(command, env=os.environ | env)
    except Missing as missing:
        print(f"tests.services: {missing}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
