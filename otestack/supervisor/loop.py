"""The loop: output of the children, their deaths, our signals and timers, in one thread."""

import heapq
import itertools
import os
import select
import selectors
import signal
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from otestack.supervisor.process import Part, Process, adopt_orphans, children_of, how_it_ended

# Seconds. A part that ends at once is started again after the first, then twice as long each time, up to the last.
FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
# One that lived this long starts with the first delay again.
HEALTHY_AFTER = 30.0
# Between asking everything to end and killing what is left. Nothing is lost: leases run out, the sweep finds the work.
GRACE = 10.0

NAME_WIDTH = 8


class Supervisor:
    """Starts parts and keeps them up until a signal comes."""

    def __init__(self, *, cwd: Path, env: Mapping[str, str]) -> None:
        self._cwd, self._env = cwd, env
        self._selector = selectors.DefaultSelector()
        self._running: dict[int, Process] = {}
        self._started: dict[int, float] = {}
        self._delays: dict[str, float] = {}
        self._done: dict[str, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._exit_code: int | None = None
        self._asked: list[int] = []
        self._times_asked = 0

    # What the caller uses.

    def say(self, text: str, name: str = "otestack") -> None:
        """Print one line. When nobody can read any more, everything ends."""
        data = f"{name:<{NAME_WIDTH}} | {text}\n".encode()
        while data:
            try:
                data = data[os.write(1, data) :]
            except BlockingIOError:  # somebody made the terminal non-blocking; it takes more in a moment
                select.select([], [1], [], 1.0)
            except OSError:
                self.stop(1)
                return

    def start(self, part: Part, done: Callable[[], None] | None = None) -> None:
        """Start a part. done: called when a part that runs once has ended well."""
        if self._exit_code is not None:
            return
        if done is not None:
            self._done[part.name] = done
        process = Process(part, cwd=self._cwd, env=self._env)
        self._running[process.pid] = process
        self._started[process.pid] = time.monotonic()
        self._selector.register(process.output, selectors.EVENT_READ, process)

    def stop(self, code: int) -> None:
        """End everything; `run` then returns the first code that was given."""
        if self._exit_code is not None:
            return
        self._exit_code = code
        self._timers.clear()
        self._terminate()
        self._after(GRACE, self._kill_all)

    def run(self) -> int:
        """Work until stopped and everything has ended. Returns the exit code."""
        adopt_orphans()
        wake, woken = socket.socketpair()
        wake.setblocking(False)
        woken.setblocking(False)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        self._selector.register(woken, selectors.EVENT_READ, None)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup means it
                signal.signal(number, lambda asked, _: self._asked.append(asked))
        while self._exit_code is None or self._running:
            for key, _ in self._selector.select(self._next_timer()):
                if key.data is None:
                    woken.recv(4096)
                else:
                    self._read(key.data)
            self._obey()
            self._reap()
            self._run_timers()
        self._kill_strangers()
        return self._exit_code

    # Signals and timers.

    def _obey(self) -> None:
        while self._asked:
            number = self._asked.pop(0)
            self._times_asked += 1
            if self._times_asked > 1:
                self._kill_all()
            else:
                self.say(f"Ending everything ({signal.Signals(number).name}); once more kills it at once.")
                self.stop(128 + number)

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._count), call))

    def _next_timer(self) -> float:
        # At least once a second: a signal that comes just before the wait begins costs no more than that.
        return max(0.0, min(1.0, self._timers[0][0] - time.monotonic())) if self._timers else 1.0

    def _run_timers(self) -> None:
        while self._timers and self._timers[0][0] <= time.monotonic():
            heapq.heappop(self._timers)[2]()

    # Output.

    def _read(self, process: Process) -> bool:
        """Print what has come. Returns False when there is nothing more for now."""
        lines = process.lines()
        for line in lines or ():
            if line.strip():
                self.say(line, process.part.name)
        if lines is None:
            self._close(process)
        return bool(lines)

    def _close(self, process: Process) -> None:
        if not process.output.closed:
            self._selector.unregister(process.output)
            process.output.close()

    # Deaths.

    def _reap(self) -> None:
        """Collect every process that has ended. Looks first and collects later, so no number is reused meanwhile."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            process = self._running.pop(ended.si_pid, None)
            if process is None:  # somebody's orphan that fell to us
                os.waitpid(ended.si_pid, 0)
                continue
            code = process.collect()
            while not process.output.closed and self._read(process):
                pass
            self._close(process)  # an orphan of it may hold the other end
            self._ended(process.part, code, time.monotonic() - self._started.pop(process.pid))

    def _ended(self, part: Part, code: int, lived: float) -> None:
        if self._exit_code is not None:
            self._terminate()  # the last ones' turn may have come
            return
        if part.once and code == 0:
            self._delays.pop(part.name, None)
            if done := self._done.pop(part.name, None):
                done()
            return
        if part.vital:
            self.say(f"{part.name} failed ({how_it_ended(code)}): see above.")
            self.stop(1)
            return
        delay = FIRST_DELAY if lived >= HEALTHY_AFTER else self._delays.get(part.name, FIRST_DELAY)
        self._delays[part.name] = min(delay * 2, LONGEST_DELAY)
        self.say(f"{part.name} ended ({how_it_ended(code)}); it is started again in {delay:g} s.")
        self._after(delay, lambda: self._restart(part))

    def _restart(self, part: Part) -> None:
        self.start(part)
        self.say(f"{part.name} is started again.")

    # The end.

    def _terminate(self) -> None:
        first = [process for process in self._running.values() if not process.part.last]
        for process in first or list(self._running.values()):
            process.terminate()

    def _kill_all(self) -> None:
        for process in self._running.values():
            process.kill()

    def _kill_strangers(self) -> None:
        """Kill what left its group, generation by generation: each death may hand us its children."""
        while strangers := children_of(os.getpid()):
            for pid in strangers:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
