"""Processes that stand still for longer than their lease, and go on as if nothing had happened."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes import client

from tests.faults.fleet import Deployed, Fleet
from tests.faults.processes import frozen, second_worker
from tests.run.product import until

pytestmark = pytest.mark.processes


def observed(deployed: Deployed) -> dict[str, Any]:
    return {name: row["observedAt"] for name, row in deployed.clusters().items()}


def test_what_a_frozen_worker_writes_late_does_no_harm(fleet: Fleet) -> None:
    group = fleet.group("drive")
    with fleet.watched():
        with fleet.slow():
            deployed = fleet.deploy()
            fleet.in_the_middle(deployed)
            with frozen(fleet, group), second_worker(fleet):
                fleet.control(latency=0)
                deployed.is_everywhere()
                deployed.upgrade("1.1.2")
                deployed.is_everywhere("1.1.2")
                thawed = observed(deployed)
        # Its answers come now, of an older generation and under a lease that is no longer its own.
        until(lambda: all(at > thawed[name] + 3 for name, at in observed(deployed).items()), "all were observed again")
        deployed.is_everywhere("1.1.2")
        assert fleet.group("drive") == group
        rows = deployed.clusters().values()
        assert {(row["state"], row["generation"], row["appliedGeneration"]) for row in rows} == {("ready", 2, 2)}


def test_a_stopped_engine_turns_green_into_6_when_read(fleet: Fleet) -> None:
    deployed = fleet.deploy()
    deployed.is_everywhere()
    with fleet.watched():
        with frozen(fleet, [*fleet.group("drive"), *fleet.group("settle")]):
            # Nobody sees that it does not run there any more.
            with fleet.kube("beijing") as api:
                client.AppsV1Api(api).delete_namespaced_deployment(deployed.name, fleet.namespace)
            deployed.reaches(6)
            # Each cluster was observed at a time of its own.
            until(lambda: {row["state"] for row in deployed.clusters().values()} == {"stale"}, "all are stale")
            row = next(row for row in fleet.call("GET", "/v1/deploy?pageSize=0")["data"] if row["id"] == deployed.id)
            assert row["status"] == 6
            assert "not observed in time" in row["errorMessage"]
        deployed.is_everywhere()
