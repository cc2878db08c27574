"""What listeners cost the API: its 95th percentile alone and with listeners, while what they follow moves.

.venv/bin/python -m tests.bench.streams [--listeners 100] [--requests 1000] [--clients 4]
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.run.following import Fleet, Stream
from tests.run.product import product

# The promise.
MOST = 1.5


def ask(fleet: Fleet, path: str, number: int) -> list[float]:
    """Return how long each of so many requests took, over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", fleet.product.port, timeout=60)
    found = []
    for _ in range(number):
        started = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": fleet.token})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        found.append(time.perf_counter() - started)
    connection.close()
    return found


def p95(fleet: Fleet, path: str, *, requests: int, clients: int) -> float:
    """Return the 95th percentile of one round, in seconds."""
    with ThreadPoolExecutor(clients) as pool:
        rounds = pool.map(lambda _: ask(fleet, path, requests // clients), range(clients))
        return statistics.quantiles([one for took in rounds for one in took], n=20)[-1]


@contextlib.contextmanager
def moving(fleet: Fleet, deployment: int) -> Iterator[None]:
    """The deployment is upgraded again and again meanwhile, with and without listeners alike."""
    stop = threading.Event()

    def upgrade() -> None:
        version = 2
        while not stop.is_set():
            fleet.product.request("POST", f"/v1/deploy/id/{deployment}", {"version": f"1.0.{version}"}, fleet.token)
            version = 3 - version
            stop.wait(2)

    thread = threading.Thread(target=upgrade)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextlib.contextmanager
def listening(fleet: Fleet, deployment: int, number: int) -> Iterator[list[int]]:
    """So many listeners, in a few threads, who read what comes; yields how many events each has got."""
    got = [0] * number
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(fleet.following(deployment)) for _ in range(number)]
        assert {stream.answer.status for stream in streams} <= {200}

        def read(position: int, stream: Stream) -> None:
            with contextlib.suppress(OSError, AttributeError, ValueError, AssertionError):  # it is closed at the end
                for _ in stream:
                    got[position] += 1

        for position, stream in enumerate(streams):
            threading.Thread(target=read, args=(position, stream), daemon=True).start()
        yield got
        for stream in streams:  # a thread that still reads would keep it from being closed
            stream.connection.sock.shutdown(socket.SHUT_RDWR)


def main() -> None:
    """Measure and print; the exit code tells whether the promise is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listeners", type=int, default=100)
    parser.add_argument("--requests", type=int, default=1000, help="of each round")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3, help="alternating; the median counts")
    options = parser.parse_args()
    env = {"OTE_EDGE": "simulated", "OTE_STREAMS_OF_USER": str(options.listeners), "OTE_STREAMS": "350"}
    with tempfile.TemporaryDirectory() as folder, product(Path(folder) / "data", **env) as made:
        fleet = Fleet(made.start().ready())
        deployment = fleet.deploy("web1")
        fleet.ended(deployment)
        path = "/v1/deploy"
        alone, among = [], []
        with moving(fleet, deployment):
            p95(fleet, path, requests=options.requests // 5, clients=options.clients)  # warm
            for _ in range(options.rounds):
                alone.append(p95(fleet, path, requests=options.requests, clients=options.clients))
                print(f"alone: {1000 * alone[-1]:.1f} ms", flush=True)
                with listening(fleet, deployment, options.listeners) as got:
                    among.append(p95(fleet, path, requests=options.requests, clients=options.clients))
                    print(f"{options.listeners} listeners got {sum(got)} events: {1000 * among[-1]:.1f} ms", flush=True)
        ratio = statistics.median(among) / statistics.median(alone)
        print(f"p95 of GET {path} among listeners / alone, medians: {ratio:.2f}, promised at most {MOST}")
    raise SystemExit(ratio > MOST)


if __name__ == "__main__":
    main()
