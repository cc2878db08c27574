"""What processes cost: the CPU and the memory of a process with all its descendants, from the kernel's books."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from otestack.supervisor.process import children_of

_TICK = os.sysconf("SC_CLK_TCK")
# From <linux/posix-timers.h>: the clock of a process's own user and system time, in nanoseconds.
_CPUCLOCK_SCHED = 2


@dataclass(frozen=True)
class Memory:
    """Bytes. now: proportional set size, shared pages divided among those who share them; peak: of resident sets."""

    now: int
    peak: int


def tree(*roots: int) -> Iterator[int]:
    """Yield these processes and all their living descendants."""
    for pid in roots:
        if Path(f"/proc/{pid}").exists():
            yield pid
            yield from tree(*children_of(pid))


def cpu_seconds(*roots: int) -> float:
    """Return user + system time so far, descendants that have ended included (as far as their parents waited for them).

    What lives is exact; what has ended counts in the kernel's ticks, usually of 10 ms.
    """
    return sum(_own(pid) + _ended_children(pid) for pid in tree(*roots))


def _own(pid: int) -> float:
    try:
        return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
    except OSError:  # it has just ended
        return 0.0


def _ended_children(pid: int) -> float:
    try:
        # The name in parentheses may hold anything; children's user and system time are fields 14 and 15 behind it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[13]) + int(fields[14])) / _TICK


def memory(*roots: int) -> Memory:
    """Return what these processes and their descendants hold together."""
    now = peak = 0
    for pid in tree(*roots):
        with contextlib.suppress(OSError):
            now += _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:")
            peak += _kilobytes(Path(f"/proc/{pid}/status"), "VmHWM:")
    return Memory(now * 1024, peak * 1024)


def _kilobytes(path: Path, field: str) -> int:
    for line in path.read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    return 0


class Meter:
    """CPU seconds of named groups of processes since it was made or read last.

    groups: root processes by name; each is followed through its descendants.
    """

    def __init__(self, groups: dict[str, Iterable[int]]) -> None:
        self._groups = {name: tuple(roots) for name, roots in groups.items()}
        self._began = self._read()
        self._at = time.monotonic()

    def read(self) -> dict[str, float]:
        """Return the CPU seconds of each group since the meter was made."""
        now = self._read()
        return {name: now[name] - self._began[name] for name in now}

    @property
    def seconds(self) -> float:
        """Wall time since it was made."""
        return time.monotonic() - self._at

    def _read(self) -> dict[str, float]:
        return {name: cpu_seconds(*roots) for name, roots in self._groups.items()}


def connections(ports: Iterable[int]) -> int:
    """Return how many connections of this machine's processes to these ports on it are open."""
    wanted = {f"{port:04X}" for port in ports}
    found = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, _, remote, state, *_ = line.split()
        found += state == "01" and remote.rpartition(":")[2] in wanted  # 01: established
    return found
