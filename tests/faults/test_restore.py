"""A database restored to an hour ago: nothing that it does not know is deleted, and what it knows is brought back."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from clusters.engine.labels import BUNDLE
from tests.faults import backups
from tests.faults.diary import Held
from tests.faults.fleet import Fleet
from tests.faults.sampler import Sampler
from tests.run.product import until

pytestmark = pytest.mark.processes


def objects_of(sampler: Sampler, name: str) -> dict[Held, dict[str, Any]]:
    """Return what the clusters hold under a deployment's name, but for what they themselves write into it."""
    return {
        held: {"uid": found["metadata"]["uid"], "labels": found["metadata"]["labels"], "spec": found["spec"]}
        for held, found in sampler.diary.now().items()
        if held.name == name
    }


def test_a_restored_database_deletes_nothing_that_it_does_not_know(fleet: Fleet, tmp_path: Path) -> None:
    product = fleet.product
    kept, ended = fleet.deploy(), fleet.deploy()
    kept.is_everywhere()
    ended.is_everywhere()
    backups.save(product, tmp_path / "saved")
    kept.upgrade("1.1.2")
    ended.delete()
    lost = fleet.deploy()
    kept.is_everywhere("1.1.2")
    ended.is_gone()
    lost.is_everywhere()
    with fleet.sampler() as sampler:
        before = objects_of(sampler, lost.name)
    assert len(before) == 2 * len(fleet.clusters)
    (bundle,) = {found["labels"][BUNDLE] for found in before.values()}

    product.signal(signal.SIGTERM)
    product.gone()
    backups.restore(product, tmp_path / "saved")
    assert fleet.records.ask("an hour passes")["rows"]
    product.start().ready()

    with fleet.watched(orphans=[bundle]) as sampler:
        kept.is_put_back("1.1.1")
        ended.is_put_back("1.1.1")
        counted = dict.fromkeys(fleet.clusters, 2)
        until(
            lambda: {row["name"]: row["orphans"] for row in fleet.records.ask("everything")["clusters"]} == counted,
            "what is not known is counted",
        )
        assert objects_of(sampler, lost.name) == before
        # The next change works under a number that was used before.
        kept.upgrade("1.1.2")
        kept.is_everywhere("1.1.2")
    # Who knows what it was takes it off by hand.
    for cluster in fleet.clusters:
        with fleet.kube(cluster) as api:
            client.AppsV1Api(api).delete_namespaced_deployment(lost.name, fleet.namespace)
            client.CoreV1Api(api).delete_namespaced_service(lost.name, fleet.namespace)
    with fleet.watched():
        ended.delete()
        ended.is_gone()
