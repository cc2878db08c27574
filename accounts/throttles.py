"""Counting attempts in Django's cache, shared by all processes.

A limit of n in s seconds is n slots: an attempt takes a free one, which frees itself s seconds later. So the window
slides, and nothing has to be incremented: add() is all that a cache backend must do well.
"""

import hashlib
import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.core.files import locks
from redis.exceptions import RedisError

from otestack.errors import TooMany
from otestack.sentences import say

log = logging.getLogger(__name__)

_FILE_BACKEND = "django.core.cache.backends.filebased.FileBasedCache"


@contextmanager
def _alone() -> Iterator[None]:
    """Keep other processes out while a slot is looked for: the file cache's add() is a look, then a write."""
    config = settings.CACHES["default"]
    if config["BACKEND"] != _FILE_BACKEND:
        yield
        return
    folder = Path(str(config["LOCATION"]))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "throttle.lock").open("w") as file:
        locks.lock(file, locks.LOCK_EX)  # goes with the file's closing
        yield


@contextmanager
def _forgiving() -> Iterator[None]:
    """Let people in while the cache is down: it is the broker's host or the disk, and neither is their fault."""
    try:
        yield
    except (OSError, RedisError) as error:
        log.warning("The cache does not answer, so attempts are not counted: %s", error)


@dataclass(frozen=True)
class Throttle:
    """At most `limit` attempts in `seconds`. key: whose; parts of it never reach the cache readable."""

    key: str
    limit: int
    seconds: int

    def _slots(self) -> list[str]:
        return [f"throttle:{self.key}:{number}" for number in range(self.limit)]

    def check(self) -> None:
        """Raise TooMany when no attempt is left."""
        with _forgiving(), _alone():
            self._free_slots()

    def take(self) -> None:
        """Count one attempt. Raises TooMany when there was none left."""
        with _forgiving(), _alone():
            for _ in range(self.limit + 1):  # others may be quicker at each slot that looked free
                if any(cache.add(slot, time.time(), timeout=self.seconds) for slot in self._free_slots()):
                    return

    def _free_slots(self) -> list[str]:
        """Return the slots that an attempt may take. Raises TooMany when there is none."""
        slots = self._slots()
        taken = cache.get_many(slots)
        if len(taken) < self.limit:
            return [slot for slot in slots if slot not in taken]
        wait = max(1, math.ceil(min(taken.values()) + self.seconds - time.time()))
        raise TooMany(say("Too many attempts; try again in %(wait)s s.", wait=wait), wait=wait)


def login_failures(user_name: str, address: str) -> Throttle:
    """Return the throttle of failed logins of one user name, in any case, from one address."""
    key = _digest("login", user_name.casefold(), address)
    return Throttle(key, settings.OTE_LOGIN_FAILURES, settings.OTE_LOGIN_SECONDS)


def registrations(address: str) -> Throttle:
    """Return the throttle of registrations from one address."""
    return Throttle(_digest("register", address), settings.OTE_REGISTRATIONS, settings.OTE_REGISTRATION_SECONDS)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
