"""What is written for those who follow a deployment: everything that is new, once, at a cost that does not grow."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from clusters.engine.clock import db_now
from clusters.models import Bundle
from deployments.models import Deployment, Event
from deployments.services import telling
from deployments.settle import settle
from tests.deployments import fleet


@pytest.fixture
def told(api: Any) -> Any:
    """told(user, deployment, last): the events that a stream begins with; no id, no number."""

    def get(user: Any, deployment: Deployment, last: Any = None) -> list[dict[str, Any]]:
        headers = {} if last is None else {"Last-Event-ID": str(last)}
        client = api(user)
        answer = client.client.get(
            f"/v1/deploy/id/{deployment.pk}/events", headers=headers | {"Authorization": client.token}
        )
        assert answer.status_code == 200
        found = re.findall(r"(?:id: (\d+)\n)?event: (\w+)\ndata: (.*)\n\n", b"".join(answer).decode())
        return [{"id": int(number or 0), "event": name} | json.loads(data) for number, name, data in found]

    return get


def steps(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    clusters = ("total", "taken", "ready", "failed", "away")
    return [
        (one["deployType"], one["status"], one["generation"], *(one["clusters"][name] for name in clusters))
        for one in events
    ]


def test_a_life_from_the_submission_to_the_end(
    told: Any, deploy: Any, decide: Any, member: Any, admin: Any, api: Any, versions: Any, harbin: Any, beijing: Any
) -> None:
    versions(2)
    made = deploy(member)
    assert decide(admin, made, 1) == 200
    settle()
    fleet.applied(made, beijing)
    fleet.ready(made, beijing)
    fleet.failed(made, harbin)
    fleet.ready(made, harbin)
    assert api(member).post(f"/v1/deploy/id/{made.pk}", {"version": "1.0.2"}).status_code == 200
    assert decide(admin, made, 2, "not now") == 200
    settle()
    assert api(admin).delete(f"/v1/deploy/id/{made.pk}").status_code == 200
    settle()
    fleet.let_go(made, harbin)
    fleet.let_go(made, beijing)
    events = told(admin, made, 0)
    # change, status, generation, then clusters: meant for, taken, ready, failed, away
    assert steps(events[:-1]) == [
        (1, 0, 0, 0, 0, 0, 0, 0),
        (1, 1, 1, 0, 0, 0, 0, 0),
        (1, 3, 1, 2, 0, 0, 0, 0),
        (1, 4, 1, 2, 1, 0, 0, 0),
        (1, 4, 1, 2, 1, 1, 0, 0),
        (1, 6, 1, 2, 2, 1, 1, 0),
        (1, 5, 1, 2, 2, 2, 0, 0),
        (2, 0, 1, 2, 2, 2, 0, 0),
        (1, 5, 1, 2, 2, 2, 0, 0),
        (4, 1, 1, 2, 0, 0, 0, 0),
        (4, 3, 1, 2, 0, 0, 0, 0),
        (4, 4, 1, 2, 1, 1, 0, 0),
        (4, 9, 1, 2, 2, 2, 0, 0),
    ]
    assert events[-1] == {"id": 0, "event": "end", "reason": "The deployment is deleted."}
    assert "no such image" in events[5]["message"]
    numbers = [one["id"] for one in events[:-1]]
    assert numbers == sorted(set(numbers)) and numbers[0] > 0
    assert {one["deployName"] for one in events[:-1]} == {"web1"}
    assert told(admin, made, numbers[7]) == events[8:]
    assert told(admin, made, numbers[-1]) == told(admin, made, 10**17)[1:] == events[-1:]
    assert told(admin, made) == events[-2:]


def test_nothing_is_written_twice(running: Deployment) -> None:
    number = Event.objects.count()
    Bundle.objects.update(dirty_at=Now())
    settle()
    assert Event.objects.count() == number


def test_many_deployments_cost_one_statement(running: Deployment) -> None:
    copies = [running, *(fleet.copy(running, f"copy{n}") for n in range(30))]

    def inserts() -> int:
        Bundle.objects.update(dirty_at=Now())
        with CaptureQueriesContext(connection) as queries:
            settle()
        return sum('INSERT INTO "deployments_event"' in query["sql"] for query in queries.captured_queries)

    before = Event.objects.count()
    assert inserts() == 1
    assert Event.objects.count() == before + len(copies) - 1  # the first had nothing new
    assert inserts() == 0


def test_green_is_what_is_proven_now(told: Any, admin: Any, running: Deployment, beijing: Any) -> None:
    assert told(admin, running)[-1]["status"] == 5
    fleet.stale(beijing)
    (now,) = told(admin, running)
    assert (now["status"], now["message"]) == (6, "1 cluster away or not observed in time: beijing")
    assert told(admin, running, 0)[-1]["status"] == 5  # as it was then


def test_one_from_before_there_were_events_tells_how_it_is(told: Any, admin: Any, running: Deployment) -> None:
    Event.objects.all().delete()
    Deployment.objects.update(told={})
    (now,) = told(admin, running)
    assert now["id"] == 0 and steps([now]) == [(1, 5, 1, 2, 2, 2, 0, 0)]
    assert told(admin, running, 7) == [now]


def test_old_ones_go_and_the_newest_stays(running: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    other = fleet.copy(running, "other")
    Event.objects.create(deployment=other, said={})
    fleet.failed(running)
    whole = list(Event.objects.filter(deployment=running).order_by("pk").values_list("pk", flat=True))
    assert len(whole) > 2
    monkeypatch.setattr(telling, "KEPT", 2)
    assert telling.trim_events() == len(whole) - 2
    assert telling.trim_events() == 0
    assert list(Event.objects.filter(deployment=running).order_by("pk").values_list("pk", flat=True)) == whole[-2:]
    Event.objects.update(at=F("at") - timedelta(days=8))
    assert telling.forget_events(db_now() - timedelta(days=9)) == 0
    assert telling.forget_events(db_now() - timedelta(days=7)) == 1
    assert Event.objects.filter(deployment=running).get().pk == whole[-1]
    assert Event.objects.filter(deployment=other).count() == 1
