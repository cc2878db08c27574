"""Claim, lease and generation under interleavings that nobody thought of: tests/engine/protocol on the real tables.

Each step is one transaction of the engine or one request of a pass: a wish, a claim, an answer that comes, is lost or
comes too late, a result that is recorded, a worker that dies, time that passes. After each, the promises hold; and
whenever the world calms down, the edges hold exactly what is wanted.
"""

from __future__ import annotations

import os
import random
import sys

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.engine.protocol.calm import Calm
from tests.engine.protocol.stories import STORIES

pytestmark = pytest.mark.django_db

# The same ones every time; PROTOCOL_RUNS in the environment: so many, chosen anew.
RUNS = 8
# How many requests of the pass were made when the story goes on, and what became of the last of them.
POINTS = ((2, "refused"), (4, "done"))


class Protocol(Calm):
    """One run is one transaction that is taken back."""

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.all_is_as_wanted_when_it_calms_down()
        finally:
            for worker in self.workers:
                worker.die()
            self.loop.close()
            transaction.set_rollback(True)
            self.undone.__exit__(None, None, None)


@pytest.mark.parametrize("story", STORIES)
def test_a_dangerous_order_at_several_points_of_a_pass(story: str) -> None:
    random.seed(0)  # the engine's jitter: the same every time
    machine = Protocol()
    try:
        machine.begin()
        for requests, fate in POINTS:
            machine.all_is_green_once()
            machine.a_worker_stands_still(story=story, requests=requests, fate=fate, ends=True)
            machine.all_holds()
    finally:
        machine.teardown()


def test_no_interleaving_of_wishes_leases_and_late_writes_breaks_the_protocol() -> None:
    many = int(os.environ.get("PROTOCOL_RUNS", 0))
    run_state_machine_as_test(
        Protocol,
        settings=settings(
            max_examples=many or RUNS,
            stateful_step_count=30,
            derandomize=not many,
            database=None,
            deadline=None,
            phases=[Phase.generate],  # add Phase.shrink for the shortest way to a failure: it takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
