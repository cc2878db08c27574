"""A pool process that was killed ends its whole worker, which is then started again.

With the broker without a server, Celery hands work to its pool through one pipe under one lock, and an idle process
waits holding that lock. Killed there (out of memory, say), it leaves the others and its successor waiting for ever
behind a main process that looks alive. Nothing is lost by ending: leases run out, and the sweep finds the work.
"""

import logging
import os
import signal
from contextlib import suppress
from typing import Any

from billiard.pool import EX_RECYCLE, RUN, Pool

log = logging.getLogger(__name__)


def end_with_its_processes(pool: Any) -> None:
    """Watch a pool, unless each of its processes has a pipe of its own, which is what Redis gets: it mends itself."""
    if not isinstance(pool, Pool) or pool.on_process_down is not None:
        return

    def down(process: Any) -> None:
        if pool._state != RUN or process.exitcode in {0, EX_RECYCLE}:
            return
        log.error("A process of the pool was killed; the worker ends, to be started again.")
        for other in pool._pool:
            with suppress(ProcessLookupError):
                os.kill(other.pid, signal.SIGKILL)
        os._exit(1)  # an orderly end would wait for the lock

    pool.on_process_down = down
