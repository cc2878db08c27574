"""What is wanted changes while the last change is half out, or while a cluster is away."""

from __future__ import annotations

import pytest

from tests.faults.diary import Held
from tests.faults.fleet import CLUSTERS, Fleet
from tests.faults.processes import frozen
from tests.run.product import until

pytestmark = pytest.mark.processes

LABEL = "east"


def label(fleet: Fleet, method: str, *clusters: str) -> None:
    """Put the label on clusters, or take it off."""
    fleet.call(method, "/v1/cluster/label", {"clusterName": clusters, "clusterLabel": LABEL}, fleet.system)


def test_an_upgrade_while_the_last_change_is_half_out(fleet: Fleet) -> None:
    """It is refused while that is under way, and overtakes it where a cluster that is away has not taken it."""
    with fleet.watched() as sampler:
        with fleet.slow():
            deployed = fleet.deploy()
            fleet.in_the_middle(deployed)
            path, body = f"/v1/deploy/id/{deployed.id}", {"version": "1.1.2"}
            assert fleet.product.request("POST", path, body, fleet.tenant)[0] == 409
        deployed.is_everywhere()
        try:
            fleet.control(away={"shanghai": "refuse"})
            deployed.upgrade("1.1.2")
            deployed.reaches(6)
            deployed.upgrade("1.1.1")
            until(lambda: deployed.taken() == 2, "the others have taken it")
        finally:
            fleet.control(away=dict.fromkeys(CLUSTERS, False))
        deployed.is_everywhere("1.1.1")
    there = Held("shanghai", "Deployment", fleet.namespace, deployed.name)
    assert {moment.generation for moment in sampler.diary.moments[there]} == {1, 3}


def test_what_ends_while_a_cluster_is_away_is_gone_when_it_is_back(fleet: Fleet) -> None:
    """By its deletion, or because the cluster lost the label that it was chosen by."""
    label(fleet, "POST", "beijing", "shanghai")
    chosen, ended = fleet.deploy(cluster=LABEL), fleet.deploy()
    chosen.reaches(5)
    ended.is_everywhere()
    with fleet.watched() as sampler:
        try:
            fleet.control(away={"beijing": "hang"})
            label(fleet, "DELETE", "beijing")
            ended.delete()
            ended.reaches(9)
            chosen.reaches(5)
            held = {held.name for held in sampler.diary.now() if held.cluster == "beijing"}
            assert {chosen.name, ended.name} <= held
        finally:
            fleet.control(away=dict.fromkeys(CLUSTERS, False))
    chosen.delete()
    chosen.is_gone()
    label(fleet, "DELETE", "shanghai")


def test_a_cluster_and_a_business_that_go_while_a_change_is_half_out(fleet: Fleet) -> None:
    other = fleet.add_tenant("leaver", "leavers")
    with fleet.watched():
        with fleet.slow():
            deployed, theirs = fleet.deploy(), fleet.deploy(token=other.token)
            fleet.in_the_middle(deployed)
            with frozen(fleet, fleet.group("drive")):
                fleet.manage("cluster", "remove", "guangzhou", "--yes")
                fleet.manage("business", "delete", str(other.number), "--yes")
        until(lambda: len(fleet.records.ask("everything")["clusters"]) == 2, "the cluster is removed")
    assert fleet.call("GET", f"/v1/deploy/id/{theirs.id}", token=fleet.system)["data"]["status"] == 9
    fleet.manage("cluster", "add", "guangzhou", "--kubeconfig", str(fleet.kubeconfig("guangzhou")))
    with fleet.watched():
        # Green is of the two others until the new placement is counted, a second later.
        until(lambda: deployed.taken() == len(fleet.clusters), "the cluster has taken it again")
        deployed.is_everywhere()
