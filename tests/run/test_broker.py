"""The broker without a server, under several processes at once."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection

import otestack.celery  # noqa: F401 - names our transport
from tests.run.product import once

pytestmark = once


def connect(folder: Path) -> Connection:
    options = {
        "data_folder_in": str(folder / "messages"),
        "data_folder_out": str(folder / "messages"),
        "control_folder": str(folder / "control"),
        "polling_interval": 0.01,
    }
    return Connection("filesystem://localhost", transport_options=options)


def send(folder: Path, first: int, count: int, name: str = "work") -> None:
    with connect(folder) as connection, connection.SimpleQueue(name) as queue:
        for number in range(first, first + count):
            queue.put(number)


def receive(folder: Path, results: Any) -> None:
    with connect(folder) as connection, connection.SimpleQueue("work") as queue:
        while True:
            try:
                message = queue.get(timeout=60)
            except Empty:  # our transport comes back early
                continue
            message.ack()
            if message.payload == "end":
                return
            results.put(message.payload)


def test_each_message_reaches_one_reader(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    readers = [context.Process(target=receive, args=(tmp_path, results)) for _ in range(2)]
    writers = [context.Process(target=send, args=(tmp_path, first, 200)) for first in (0, 200)]
    for process in [*readers, *writers]:
        process.start()
    got = Counter(results.get(timeout=60) for _ in range(400))
    for process in writers:
        process.join(60)
    with connect(tmp_path) as connection, connection.SimpleQueue("work") as queue:
        for _ in readers:
            queue.put("end")
    for process in readers:
        process.join(60)
    assert got == Counter(range(400))
    assert [process.exitcode for process in [*readers, *writers]] == [0] * 4
    assert not list((tmp_path / "messages").glob("*"))


def test_order_and_queues_are_kept(tmp_path: Path) -> None:
    # A name of its own: a process remembers what it has bound, whatever the folder.
    send(tmp_path, 0, 5, "ordered")
    with connect(tmp_path) as connection, connection.SimpleQueue("other") as other:
        other.put("apart")
        with connection.SimpleQueue("ordered") as work:
            assert work.qsize() == 5
            assert [work.get(timeout=5).payload for _ in range(5)] == list(range(5))
            with pytest.raises(Empty):
                work.get(block=False)
        assert other.qsize() == 1
        assert other.clear() == 1
        assert other.qsize() == 0


def test_a_folder_that_takes_nothing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "messages").write_text("in the way")
    with connect(tmp_path) as connection, pytest.raises(OSError, match="messages"):
        connection.connect()
