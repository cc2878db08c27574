"""Who listens in this process, and the one thread that asks for news on behalf of all of them."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from otestack.errors import TooMany, Unavailable
from otestack.sentences import say

log = logging.getLogger(__name__)

# Seconds between two questions. What there is to tell is settled about once a second.
POLL_SECONDS = 1.0
# Where the question failed; the streams stay open meanwhile.
FAILED_SECONDS = 5.0


class Listener:
    """One stream. Subclasses know what it is about, and `source` brings the news of all listeners that share it."""

    # Bytes of an HTTP chunk are framed; HTTP/1.0 knows none.
    chunked = True

    def __init__(self, user_id: int, source: Source) -> None:
        self.user_id, self.source = user_id, source

    def left(self) -> None:
        """Give the place back that was taken for it, where the event loop never got it."""
        HUB.give_place_back(self.user_id)


@dataclass(frozen=True)
class News:
    """What a listener is to be sent; ends: that is the last of it."""

    listener: Listener
    data: bytes
    ends: bool = False


Source = Callable[[Sequence[Any]], Iterable[News]]
Deliver = Callable[[list[News]], Any]


class Hub:
    """The listeners of one process."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._places: Counter[int] = Counter()
        self._listeners: dict[Listener, Deliver] = {}
        self._polls = False

    def take_place(self, user_id: int, *, most: int, most_of_user: int) -> None:
        """Count one more listener. Raises Unavailable and TooMany when there are so many already."""
        with self._lock:
            if self._places[user_id] >= most_of_user:
                sentence = say("You follow %(number)s streams already; close one of them.", number=most_of_user)
                raise TooMany(sentence, wait=10)
            if self._places.total() >= most:
                raise Unavailable(say("Too many streams are open; try again later."))
            self._places[user_id] += 1

    def give_place_back(self, user_id: int) -> None:
        """Count one listener less."""
        with self._lock:
            self._places[user_id] -= 1
            self._places += Counter()  # forgets those with none

    def add(self, listener: Listener, deliver: Deliver) -> None:
        """Bring news to a listener, which has taken its place. deliver: called in a thread of ours, returns at once."""
        with self._lock:
            self._listeners[listener] = deliver
            if not self._polls:
                self._polls = True
                threading.Thread(target=self._poll, name="streams", daemon=True).start()

    def remove(self, listener: Listener) -> None:
        """Bring no more, and give the place back; once is enough, twice does no harm."""
        with self._lock:
            if self._listeners.pop(listener, None) is None:
                return
            self._lock.notify()
        self.give_place_back(listener.user_id)

    def _poll(self) -> None:
        """Ask until nobody listens any more."""
        # Here: the worker's class is loaded before Django is.
        from django.db import connections

        try:
            wait = POLL_SECONDS
            while self._goes_on(wait):
                try:
                    self._ask()
                    wait = POLL_SECONDS
                except Exception:  # whatever it is, the next question may be answered
                    log.exception("Streams get no news.")
                    connections.close_all()
                    wait = FAILED_SECONDS
        finally:
            connections.close_all()

    def _goes_on(self, seconds: float) -> bool:
        """Wait, no longer than somebody listens; return whether somebody does."""
        end = time.monotonic() + seconds
        with self._lock:
            while self._listeners and (left := end - time.monotonic()) > 0:
                self._lock.wait(left)
            self._polls = bool(self._listeners)
            return self._polls

    def _ask(self) -> None:
        with self._lock:
            listeners = dict(self._listeners)
        by_source: dict[Source, list[Listener]] = {}
        for listener in listeners:
            by_source.setdefault(listener.source, []).append(listener)
        by_deliver: dict[Deliver, list[News]] = {}
        for source, those in by_source.items():
            for news in source(those):
                by_deliver.setdefault(listeners[news.listener], []).append(news)
        for deliver, news_of_all in by_deliver.items():
            deliver(news_of_all)


HUB = Hub()
