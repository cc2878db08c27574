"""Following deployments while they move: their events as a stream (docs/events.md).

Ids are rows (deployments.models.Event), so whoever comes again says which it saw last and misses nothing. An event
tells all there is to say, not a difference: the newest alone is enough to know how things are.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import get_language, override

from accounts.access import EXPIRED, Access, expired, lost
from deployments.counts import tally
from deployments.freshness import readings
from deployments.models import Deployment, Event, Status
from deployments.services.telling import Said, clusters_of, said
from otestack.errors import Invalid
from otestack.sentences import packed, say, told, unpacked
from otestack.streams import Listener, News, stream

LAST_ID = "Last-Event-ID"
# Seconds between looks at whether those who listen still may, and at whether what is green is still proven.
CHECK_SECONDS = 2.0
JUDGE_SECONDS = 15.0
# Deployments in one query.
_PART = 200
_DELETED = say("The deployment is deleted.")


@dataclass(frozen=True)
class _Told:
    """An event as it is sent. pk: none for what no row says, such as a proof that has grown old."""

    pk: int | None
    deployment: int
    said: Said
    at: datetime | None = None

    def frame(self) -> bytes:
        data = self.said | {"message": told(unpacked(self.said["message"]))}
        data |= {"createTime": int(self.at.timestamp())} if self.at else {"createTime": int(time.time())}
        number = b"" if self.pk is None else b"id: %d\n" % self.pk
        return number + b"event: progress\ndata: %b\n\n" % orjson.dumps(data)


class Follower(Listener):
    """Somebody who follows deployments: which events of each were sent, and the status that was shown last."""

    def __init__(self, access: Access) -> None:
        super().__init__(access.user_id, WATCH)
        self.access = access
        self.language = get_language() or settings.LANGUAGE_CODE
        self.seen: dict[int, int] = {}
        self.shown: dict[int, int] = {}

    def frames(self, items: Iterable[_Told]) -> bytes:
        """Return what of these was not sent yet, and remember that it was."""
        found = []
        for item in items:
            if item.pk is not None and item.pk <= self.seen.get(item.deployment, 0):
                continue
            with override(self.language):
                found.append(item.frame())
            self.seen[item.deployment] = item.pk or self.seen.get(item.deployment, 0)
            self.shown[item.deployment] = item.said["status"]
        return b"".join(found)

    def end(self, reason: str) -> bytes:
        """Return the last words of the stream."""
        with override(self.language):
            return b"event: end\ndata: %b\n\n" % orjson.dumps({"reason": told(reason)})

    def all_deleted(self) -> bool:
        """Tell whether nothing will come any more."""
        return all(self.shown.get(pk) == Status.DELETED for pk in self.seen)


class Watch:
    """Brings the news of all followers of a process, in one thread."""

    def __init__(self) -> None:
        self._checked = self._judged = 0.0

    def __call__(self, followers: Sequence[Follower]) -> Iterator[News]:
        """Yield what is new: one statement, every few seconds some more."""
        now = time.monotonic()
        ended = self._ended(followers, now)
        newer = _newer(followers)
        judged = self._judge(followers, now)
        for follower in followers:
            if follower in ended:
                yield News(follower, follower.end(ended[follower]), ends=True)
                continue
            news = [item for pk in follower.seen for item in newer[pk]]
            data = follower.frames(sorted(news, key=lambda item: item.pk or 0))
            old = [judged[pk] for pk in follower.seen if pk in judged]
            data += follower.frames(item for item in old if follower.shown.get(item.deployment) != item.said["status"])
            if follower.all_deleted():
                yield News(follower, data + follower.end(_DELETED), ends=True)
            elif data:
                yield News(follower, data)

    def _ended(self, followers: Sequence[Follower], now: float) -> dict[Follower, str]:
        """Return who may not listen any more, and why."""
        if now < self._checked + CHECK_SECONDS:
            return {follower: EXPIRED for follower in followers if expired(follower.access)}
        found = lost(follower.access for follower in followers)
        self._checked = now
        return {follower: found[follower.access] for follower in followers if follower.access in found}

    def _judge(self, followers: Sequence[Follower], now: float) -> dict[int, _Told]:
        """Return what is stored as success, as it may be shown now: green needs a fresh proof."""
        if now < self._judged + JUDGE_SECONDS:
            return {}
        ids = {pk for follower in followers for pk in follower.seen}
        rows = Deployment.objects.filter(pk__in=ids, status=Status.SUCCESS)
        rows = rows.only("status", "bundle", "reason", "pods_running", "pods_error", "pods_total", "told")
        self._judged = now
        return {item.deployment: item for item in _as_read({row.pk: row.told for row in rows if row.told}, rows)}


WATCH = Watch()


def follow(request: HttpRequest, ids: Sequence[int], access: Access) -> StreamingHttpResponse:
    """Return the stream of these deployments, which the caller may see: how they are now, then what comes.

    With Last-Event-ID of one deployment, what came after that instead. Raises Invalid for one that is no number,
    TooMany and Unavailable when too many follow already.
    """
    last = _last_id(request)
    follower = Follower(access)
    first = []
    for pk in ids:
        events = list(_read(Q(deployment=pk), newest=True))
        follower.seen[pk] = 0
        if last is not None and len(ids) == 1 and events and last <= (events[0].pk or 0):
            follower.seen[pk], follower.shown[pk] = last, events[0].said["status"]
            first += list(_read(Q(deployment=pk, pk__gt=last)))
        else:
            first += _now(pk, events)
    data = follower.frames(first) or b":\n\n"
    ends = follower.all_deleted()
    return stream(request, follower, data + follower.end(_DELETED) if ends else data, ends=ends)


def _last_id(request: HttpRequest) -> int | None:
    given = request.headers.get(LAST_ID, "")
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        raise Invalid({LAST_ID: [say("It must be the id of an event.")]})
    return int(given)


def _now(pk: int, newest: list[_Told]) -> list[_Told]:
    """Return how a deployment is now, as its newest event. One from before there were events has none."""
    rows = Deployment.objects.select_related("shown", "bundle").filter(pk=pk)
    rows = rows.defer("shown__manifests", "shown__secrets", "shown__chart_values")
    row = rows.get()
    if not newest:
        assert row.shown is not None
        sums = tally([row.bundle_id])[row.bundle_id] if row.bundle_id is not None else tally([0])[0]
        generation = row.bundle.generation if row.bundle is not None else 0
        clusters = clusters_of(row.shown.kind, sums, row.placements)
        newest = [_Told(None, pk, said(row, row.shown, generation, clusters))]
    as_read = next(_as_read({pk: newest[0].said}, [row])).said
    return [_Told(newest[0].pk, pk, as_read, newest[0].at)]


def _as_read(said_of: dict[int, Said], rows: Iterable[Deployment]) -> Iterator[_Told]:
    """Yield what was said of deployments, but a success only where its proof is fresh."""
    found = readings(row for row in rows if row.pk in said_of)
    for pk, reading in found.items():
        now = said_of[pk]
        if now["status"] == Status.SUCCESS != reading.status:
            now = now | {"status": reading.status.value, "message": packed(reading.reason)}
        yield _Told(None, pk, now)


def _newer(followers: Sequence[Follower]) -> dict[int, list[_Told]]:
    """Return the events that somebody has not seen yet, by deployment, in order."""
    since: dict[int, int] = {}
    for follower in followers:
        for pk, seen in follower.seen.items():
            since[pk] = min(seen, since.get(pk, seen))
    found = defaultdict(list)
    wanted = sorted(since.items())
    for start in range(0, len(wanted), _PART):
        condition = Q()
        for pk, seen in wanted[start : start + _PART]:
            condition |= Q(deployment=pk, pk__gt=seen)
        for item in _read(condition):
            found[item.deployment].append(item)
    return found


def _read(condition: Q, *, newest: bool = False) -> Iterator[_Told]:
    rows = Event.objects.filter(condition).order_by("-pk" if newest else "pk")
    for pk, deployment, content, at in rows.values_list("pk", "deployment_id", "said", "at")[: 1 if newest else None]:
        yield _Told(pk, deployment, content, at)
