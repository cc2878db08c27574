"""A network of its own for the edges: a pair of virtual interfaces to it, on which netem loses and delays."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

# One way; the other way has as much.
DELAY, LOSS = "150ms", "2%"
_CLONE_NEWNET = 0x40000000


class Impossible(Exception):
    """This machine cannot do it; str() says why."""


class LossyLine:
    """address: of the far end. Enter it; raises Impossible."""

    def __init__(self) -> None:
        self._space = f"ote{os.getpid()}"
        self._ends = (f"{self._space}a", f"{self._space}b")
        # One of the networks that are set aside for measurements between devices.
        self.near, self.address = (f"198.18.{os.getpid() % 256}.{number}" for number in (1, 2))

    def __enter__(self) -> Self:
        near, far = self._ends
        inside = ("ip", "netns", "exec", self._space)
        try:
            _run("ip", "netns", "add", self._space)
            _run("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", self._space)
            _run("ip", "address", "add", f"{self.near}/30", "dev", near)
            _run("ip", "link", "set", near, "up")
            _run(*inside, "ip", "address", "add", f"{self.address}/30", "dev", far)
            _run(*inside, "ip", "link", "set", far, "up")
            for where, end in (((), near), (inside, far)):
                _run(*where, "tc", "qdisc", "add", "dev", end, "root", "netem", "delay", DELAY, "loss", LOSS)
        except Impossible:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def _remove(self) -> None:
        for what in (("link", "delete", self._ends[0]), ("netns", "delete", self._space)):
            subprocess.run(("ip", *what), capture_output=True, check=False)

    def listener(self) -> socket.socket:
        """Return a listening socket at the far end. It stays there, whatever thread of ours uses it."""
        made: list[socket.socket | OSError] = []

        def make() -> None:  # a thread's network is its own
            try:
                with Path(f"/run/netns/{self._space}").open() as space:
                    libc = ctypes.CDLL(None, use_errno=True)
                    if libc.setns(space.fileno(), _CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
                made.append(socket.create_server((self.address, 0), backlog=128))
            except OSError as error:
                made.append(error)

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise made[0]
        return made[0]


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Impossible(f"{command[0]} cannot be run: {error}") from error
    if done.returncode:
        raise Impossible(f"{' '.join(command)}: {done.stderr.strip()}")
