"""`make test`: the whole suite on what is embedded, and again on PostgreSQL and Redis where they can be started.

Arguments go to pytest. With CI=true a PostgreSQL or Redis that cannot be started is a failure.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping

from tests.services import Missing, running

EMBEDDED = "SQLite and the broker without a server"
SERVICES = "PostgreSQL and Redis"
# What the environment may say about a real installation is none of the tests' business.
OURS = ("DATABASE_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE", "PORT")
# Hundreds of processes import the same modules: each would compile them anew, and pytest rewrite each file of tests.
SLOW = ("PYTHONDONTWRITEBYTECODE",)
# But for where the browser tests leave their screenshots.
KEPT = ("OTE_SCREENSHOTS",)

# Three processes on two cores: one or two of them wait for products to start, break and recover.
DIVIDED = ("-n", "3", "--dist", "loadgroup", "--no-loadscope-reorder")
CLOSING = re.compile(r"\b\d+ (passed|failed|errors?|skipped|deselected)\b.* in [\d.]+s")


def say(text: str) -> None:
    print(f"\n=== {text}", flush=True)


def suite(arguments: list[str], extra: Mapping[str, str]) -> tuple[int, str]:
    """Run pytest once. Returns its exit code and its closing line."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT or (name not in (*OURS, *SLOW) and not name.startswith("OTE_"))
    }
    command = [sys.executable, "-m", "pytest", "--durations=10", "--color=no", *DIVIDED, *arguments]
    process = subprocess.Popen(command, env=env | extra, stdout=subprocess.PIPE, text=True, errors="replace")
    closing = ""
    assert process.stdout is not None
    try:
        for line in process.stdout:
            print(line, end="", flush=True)
            if CLOSING.search(line):
                closing = line.strip()
        return process.wait(), closing or "pytest ended without a summary"
    except BaseException:
        process.send_signal(signal.SIGINT)
        process.wait()
        raise


def main(arguments: list[str]) -> int:
    """Run both; returns 0 only when all that had to run has passed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results: list[str] = []
    say(f"Tests on {EMBEDDED}")
    code, closing = suite(arguments, {})
    results.append(f"{EMBEDDED}:\n{closing}")
    failed = code != 0
    try:
        with running() as env:
            say(f"Tests on {SERVICES}")
            code, closing = suite(arguments, env)
            results.append(f"{SERVICES}:\n{closing}")
            failed |= code != 0
    except Missing as missing:
        required = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
        failed |= required
        results.insert(0, f"{SERVICES}: {'FAILED, CI needs them' if required else 'not run'}. {missing}")
    say("\n=== ".join(results))
    return int(failed)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
