"""One child process in a session of its own, so that a terminal's Ctrl-C reaches only the supervisor."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# From <linux/prctl.h>.
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

# Loaded before any fork: a child between fork and exec may not import.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Part:
    """A process to run. `once`: it does its job and ends; else it is started again whenever it ends."""

    name: str
    command: tuple[str, ...]
    once: bool = False
    # Sent by the kernel when the supervisor dies without having ended it.
    orphan_signal: signal.Signals = signal.SIGTERM
    # When it fails, nothing else makes sense: everything ends.
    vital: bool = False
    # Ended after all the others: they may still be talking to it.
    last: bool = False


def adopt_orphans() -> None:
    """Make processes whose parent died our children, so that none outlives us in a session of its own."""
    if _libc is not None:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent(number: signal.Signals, parent: int) -> None:
    """Ask the kernel for this signal when the process `parent`, which started us, dies."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died before we could ask
            os.kill(os.getpid(), number)


def children_of(parent: int) -> list[int]:
    """Return the processes whose parent is this one."""
    found = []
    for entry in Path("/proc").iterdir() if Path("/proc/self/stat").exists() else ():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # The name in parentheses may hold anything; the parent is the second field behind it.
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                    found.append(int(entry.name))
    return found


def how_it_ended(code: int) -> str:
    """Return what a wait status's exit code means, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


class Process:
    """A running Part."""

    def __init__(self, part: Part, *, cwd: Path, env: Mapping[str, str]) -> None:
        supervisor = os.getpid()
        self.part = part
        self._popen = subprocess.Popen(
            part.command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Safe: this program has one thread.
            preexec_fn=lambda: die_with_parent(part.orphan_signal, supervisor),
        )
        assert self._popen.stdout is not None
        self.output: IO[bytes] = self._popen.stdout
        os.set_blocking(self.output.fileno(), False)
        self._rest = b""
        self._asked = False

    @property
    def pid(self) -> int:
        """Its process id, which is its group's too."""
        return self._popen.pid

    def lines(self) -> list[str] | None:
        """Return the whole lines that have come since, [] when there is nothing now, None at the end."""
        try:
            data = os.read(self.output.fileno(), 65536)
        except BlockingIOError:
            return []
        if not data and not self._rest:
            return None
        *whole, self._rest = (self._rest + (data or b"\n")).split(b"\n")
        if len(self._rest) > 65536:  # something without line ends must not fill our memory
            whole, self._rest = [*whole, self._rest], b""
        return [line.decode(errors="replace").rstrip("\r") for line in whole]

    def terminate(self) -> None:
        """Ask the process itself to end, once: it ends its own children in good order."""
        if not self._asked:
            self._asked = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Kill it and everything it started in its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def collect(self) -> int:
        """After it has ended: kill what it left behind, then release its number. Returns the exit code."""
        self.kill()
        return self._popen.wait()
