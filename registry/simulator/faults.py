"""What is made to go wrong."""

import threading
from dataclasses import dataclass


@dataclass(slots=True)
class Fault:
    """Befalls the next `count` requests whose method is this and whose path holds `path`.

    delay: seconds before anything happens. status: answered instead of doing it; 0 does it. lost: does it, and cuts
    the connection instead of answering. html: a proxy's page instead of JSON.
    """

    count: int = 1
    method: str = ""
    path: str = ""
    delay: float = 0.0
    status: int = 0
    lost: bool = False
    html: bool = False

    def befalls(self, method: str, path: str) -> bool:
        """Whether this request is meant."""
        return self.count > 0 and self.method in ("", method) and self.path in path


class Faults:
    """Those that are still to come."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Have it happen."""
        with self._lock:
            self._waiting.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that befalls this request, used up by one."""
        with self._lock:
            for fault in self._waiting:
                if fault.befalls(method, path):
                    fault.count -= 1
                    if not fault.count:
                        self._waiting.remove(fault)
                    return fault
        return None

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._waiting.clear()

    def __len__(self) -> int:
        return sum(fault.count for fault in self._waiting)
