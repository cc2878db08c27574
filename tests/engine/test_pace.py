"""The effective interval: stretched for a fleet that takes longer, and not forgotten by a restart."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clusters.engine.clock import db_now
from clusters.engine.pace import set_pace, stretched
from clusters.models import Cluster, Heartbeat, Installation, observe_interval
from tests.engine.things import cluster

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("clusters", "observed", "effective"),
    [
        (0, 0, 30),  # no fleet
        (1000, 1000, 30),  # all of it, and within the window is often enough
        (10_000, 6000, 100),
        (10_000, 1, 300),  # at most tenfold
        (1000, 0, 30),  # not slow but broken
    ],
)
def test_the_interval_is_what_the_fleet_can_be_observed_in(clusters: int, observed: int, effective: float) -> None:
    assert stretched(clusters, observed, interval=30, window=60) == effective


def _worker(*, running: float) -> None:
    """A living worker that has run for so many seconds."""
    now = db_now()
    Heartbeat.objects.create(
        worker="drive@here", queues=["drive"], started_at=now - timedelta(seconds=running), beat_at=now
    )


def _slow_fleet() -> None:
    """Of four clusters one was observed within a minute."""
    now = db_now()
    for seconds in (5, 100, 110, 120):
        Cluster.objects.filter(pk=cluster().pk).update(observed_at=now - timedelta(seconds=seconds))


def test_a_slow_fleet_stretches_the_interval() -> None:
    _worker(running=300)
    _slow_fleet()
    assert set_pace() == observe_interval() == 240


def test_a_fleet_that_keeps_up_has_the_interval_back() -> None:
    Installation.objects.update_or_create(pk=1, defaults={"observe_interval": 240})
    _worker(running=300)
    Cluster.objects.filter(pk=cluster().pk).update(observed_at=db_now())
    assert set_pace() == observe_interval() == 30


def test_workers_that_have_just_started_keep_the_interval_until_they_can_measure() -> None:
    """Else a restart asks of a large fleet what it could never do, and calls it stale."""
    Installation.objects.update_or_create(pk=1, defaults={"observe_interval": 240})
    _worker(running=5)
    _slow_fleet()
    assert set_pace() == observe_interval() == 240


@pytest.mark.parametrize(
    ("running", "due_since", "known", "effective"),
    [
        (30, 40, 0, 120),  # of four one in half a minute, and another waits since before the start
        (30, 40, 240, 240),  # it does not become less by that
        (30, 10, 0, 30),  # all that was due then was seen: the others have time
        (10, 40, 0, 30),  # too early
    ],
)
def test_workers_that_are_behind_since_they_started_stretch_the_interval(
    running: float, due_since: float, known: float, effective: float
) -> None:
    Installation.objects.update_or_create(pk=1, defaults={"observe_interval": known})
    _worker(running=running)
    _slow_fleet()
    waiting = Cluster.objects.earliest("observed_at")
    Cluster.objects.filter(pk=waiting.pk).update(observe_due_at=db_now() - timedelta(seconds=due_since))
    Cluster.objects.exclude(pk=waiting.pk).update(observe_due_at=db_now() + timedelta(seconds=9))
    assert set_pace() == observe_interval() == pytest.approx(effective, rel=0.05)


def test_an_interval_that_was_never_measured_is_the_wanted_one() -> None:
    _worker(running=5)
    _slow_fleet()
    assert set_pace() == observe_interval() == 30
