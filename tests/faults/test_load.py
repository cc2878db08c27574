"""Many clients at once on the embedded database while the workers push."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter

import pytest

from tests.faults.conftest import LOCKED
from tests.faults.fleet import Fleet
from tests.run.bodies import app_body
from tests.run.product import once

pytestmark = pytest.mark.processes

CLIENTS = 20
# The clients go on for as long as this, and until each has written what it came to write.
SECONDS = 10.0
WRITES = 3


@once
def test_no_client_sees_a_locked_database(fleet: Fleet) -> None:
    codes: Counter[tuple[str, int]] = Counter()
    lock = threading.Lock()
    over = time.monotonic() + SECONDS

    def ask(method: str, path: str, body: object = None) -> None:
        code, _ = fleet.product.request(method, path, body, fleet.tenant)
        with lock:
            codes[f"{method} {path.partition('?')[0]}", code] += 1

    def client(number: int) -> None:
        for turn in itertools.count():
            if turn >= WRITES and time.monotonic() > over:
                return
            if number % 4 == 0 and turn < WRITES:
                body = {"appName": "web", "version": "1.1.1", "cluster": "", "nodeLabel": "", "comment": ""}
                ask("POST", "/v1/deploy", body | {"deployName": f"load-{number}-{turn}"})
            elif number % 4 == 1:
                ask("POST", "/v1/app", app_body(f"load-{number}", "nginx:1.27"))
            ask("GET", "/v1/deploy?pageSize=20")
            ask("GET", "/v1/node?pageSize=20")
            ask("GET", "/v1/app?pageSize=20")

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {code for _, code in codes} == {200}, codes
    assert codes["POST /v1/deploy", 200] == 5 * WRITES
    assert codes["POST /v1/app", 200] >= 5 * WRITES
    rows = fleet.call("GET", "/v1/deploy?pageSize=0")["data"]
    assert len([row for row in rows if row["deployName"].startswith("load-")]) == 5 * WRITES
    last = next(row for row in rows if row["deployName"] == "load-0-0")
    assert last["status"] in {3, 4, 5}
    assert LOCKED not in fleet.product.log
