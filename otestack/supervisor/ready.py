"""Wait until the product on this port is ready, and its simulated registry: `python ready.py PORT [REGISTRY_PORT]`.

Standard library only, so it starts at once.
"""

import http.client
import json
import sys
import time

# Seconds between two questions, and between two lines that say what is still missing.
EVERY = 0.3
SAY_EVERY = 15.0


def missing(port: int) -> str:
    """Return what is missing in words; empty when everything is there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == 200:
            return ""
        return str(json.loads(body)["message"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return "The web server does not answer yet."
    finally:
        connection.close()


def registry_missing(port: int) -> str:
    """Return that the registry on this port is missing; empty when it answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/api/v2.0/ping")
        return "" if connection.getresponse().status == 200 else "The registry is not ready."
    except (OSError, http.client.HTTPException):
        return "The registry does not answer yet."
    finally:
        connection.close()


def main(port: int, registry_port: int = 0) -> None:
    """Return when it is ready; say now and then what it waits for."""
    say_at = time.monotonic() + SAY_EVERY
    while sentence := missing(port) or (registry_missing(registry_port) if registry_port else ""):
        if time.monotonic() >= say_at:
            sys.stdout.write(f"{sentence}\n")
            sys.stdout.flush()
            say_at += SAY_EVERY
        time.sleep(EVERY)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
