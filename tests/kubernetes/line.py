"""A line between us and an API server: it passes bytes on, TLS and all, until it is told to hang or to cut."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Literal

Mode = Literal["", "hang", "refuse"]
SIZE = 65536


class Line:
    """Listens on a port of its own on loopback."""

    def __init__(self, target: int) -> None:
        self.mode: Mode = ""
        self._target = target
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def set(self, mode: Mode) -> None:
        """Change what becomes of bytes; connections that are open are cut, but for those that are to hang."""
        self.mode = mode
        if mode != "hang":
            self._cut()

    def stop(self) -> None:
        """Close everything."""
        self._listener.close()
        self._cut()

    def _cut(self) -> None:
        with self._lock:
            found, self._open = self._open, set()
        for one in found:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.mode == "refuse":
                near.close()
                continue
            threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        with self._lock:
            self._open.add(near)
        if self.mode == "hang":
            return
        try:
            far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        with self._lock:
            self._open.add(far)
        back = threading.Thread(target=self._pump, args=(far, near), daemon=True)
        back.start()
        self._pump(near, far)
        back.join()
        for one in (near, far):
            with self._lock:
                self._open.discard(one)
            one.close()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        """Until either end closes. Bytes that come while it hangs go nowhere."""
        with contextlib.suppress(OSError):
            while data := source.recv(SIZE):
                if self.mode != "hang":
                    sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
