"""The broker without a server: kombu's filesystem transport, made safe for several processes.

kombu creates a message under its final name and writes it afterwards, so a reader may take it empty and die of it;
moves taken messages through the system's temporary folder, which may be another file system; lists the whole folder
for each message; and truncates its exchange tables before it holds their lock. Here a message and a table appear
whole or not at all, a message is taken by one rename, and a listing is used until it is exhausted.
"""

import json
import os
import tempfile
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

SUFFIX = ".msg"
# A worker that was asked to end notices after at most two of these.
DRAIN_SECONDS = 0.5


def write_whole(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all."""
    draft = path.with_name(f".{uuid.uuid4().hex}.draft")
    try:
        draft.write_text(text)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


class Channel(filesystem.Channel):
    """One process's view of the message folder."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._listed: dict[str, list[str]] = {}

    @property
    def folder(self) -> Path:
        """Where the messages of all queues lie."""
        return Path(self.data_folder_in)

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        # Wall-clock nanoseconds first: sorted names are the order of sending, over restarts of the machine too.
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{time.time_ns():020}_{uuid.uuid4().hex}.{queue}{SUFFIX}"
        write_whole(self.folder / name, dumps(payload))

    def _names(self, queue: str) -> list[str]:
        ending = f".{queue}{SUFFIX}"
        try:
            names = os.listdir(self.folder)  # noqa: PTH208
        except FileNotFoundError:
            return []
        return sorted((name for name in names if name.partition(".")[2] == ending[1:]), reverse=True)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        names = self._listed.get(queue) or self._names(queue)
        self._listed[queue] = names
        while names:
            path = self.folder / names.pop()
            taken = path.with_name(f".{path.name}.{os.getpid()}")
            try:
                path.rename(taken)  # one wins
            except FileNotFoundError:
                continue
            text = taken.read_text()
            taken.unlink()
            return loads(text)
        raise Empty

    def _size(self, queue: str) -> int:
        return len(self._names(queue))

    def _purge(self, queue: str) -> int:
        names = self._names(queue)
        for name in names:
            (self.folder / name).unlink(missing_ok=True)
        return len(names)

    # Exchange tables: which queues are bound to which exchange.

    def get_table(self, exchange: str) -> list[Any]:
        """Return the bindings of an exchange."""
        try:
            rows = json.loads(self._exchange_file(exchange).read_text())
        except FileNotFoundError:
            return []
        return [filesystem.exchange_queue_t(*row) for row in rows]

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        binding = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        self._change(exchange, lambda table: table if binding in table else [binding, *table])

    def _delete(self, queue: str, exchange: str, routing_key: str, pattern: str, *args: Any, **kwargs: Any) -> None:
        self._purge(queue)
        binding = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        self._change(exchange, lambda table: [row for row in table if row != binding])

    def _change(self, exchange: str, change: Any) -> None:
        path = self._exchange_file(exchange)
        path.parent.mkdir(parents=True, exist_ok=True)
        with (path.parent / ".lock").open("w") as lock:
            filesystem.lock(lock, filesystem.LOCK_EX)
            before = self.get_table(exchange)
            after = change(before)
            if after != before or not path.exists():
                write_whole(path, json.dumps(after))


class Transport(filesystem.Transport):
    """What 'filesystem://' means in this product; see otestack/celery.py."""

    Channel = Channel

    def establish_connection(self) -> Any:
        """Connect: see that messages can be written. Raises OSError."""
        folder = Path(self.client.transport_options["data_folder_out"])  # type: ignore[union-attr]
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return super().establish_connection()

    def drain_events(self, connection: Any, timeout: float | None = None, **kwargs: Any) -> Any:
        """Wait for a message. Raises TimeoutError, here sooner than asked: a worker looks in between whether to end."""
        return super().drain_events(connection, timeout=min(timeout or DRAIN_SECONDS, DRAIN_SECONDS), **kwargs)
