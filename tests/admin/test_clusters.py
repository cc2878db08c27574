"""Clusters in the back-office: registered after they have answered, labelled, removed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusters.models import Cluster, ClusterLabel, Placement
from clusters.simulator import Simulator
from tests.deployments import fleet

LIST = "/admin/clusters/cluster/"
MODEL = "clusters_cluster"


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    folder: Path = tmp_path_factory.mktemp("edge")
    with Simulator(folder, {"wuhan": 3}, persist=False) as simulator:
        yield simulator


def kubeconfig(edge: Simulator) -> str:
    return edge.kubeconfig("wuhan")


def register(office: Any, **answers: Any) -> str:
    office.get(f"{LIST}make/")
    fields = {"clusterName": "wuhan", "clusterLabel": "", "kubeconfig": "", "context": ""} | answers
    return office.post(f"{LIST}make/", **fields)


@pytest.mark.parametrize("way", ["pasted", "uploaded"])
def test_a_cluster_is_registered_after_it_has_answered(office, edge, way, deploy, admin, versions, beijing, noted):
    versions()
    everywhere = deploy(admin)
    text = kubeconfig(edge)
    sent = {"kubeconfig": text} if way == "pasted" else {"file": io.BytesIO(text.encode())}
    assert f"{LIST}make/" in office.get(LIST)
    page = register(office, clusterLabel="north, new", **sent)
    assert office.messages("success") == ["Cluster wuhan: registered."]
    cluster = Cluster.objects.get(name="wuhan")
    assert (cluster.node_count, sorted(cluster.labels.values_list("label", flat=True))) == (3, ["new", "north"])
    assert Placement.objects.filter(cluster=cluster, bundle__deployment=everywhere).exists()
    assert cluster.kubernetes_version in page and "token" not in page.lower().replace("csrfmiddlewaretoken", "")
    office.choose(MODEL, "ask_now", cluster)
    assert office.messages("success") == [
        f"Cluster wuhan: it answers: Kubernetes {cluster.kubernetes_version}, 3 nodes."
    ]


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"kubeconfig": ""}, "Paste a kubeconfig or upload one."),
        ({"kubeconfig": "a: b"}, "kubeconfig"),
        ({"clusterName": "-x"}, "letters, digits"),
        ({"clusterLabel": "no_good"}, "letters, digits"),
        ({"context": "nowhere"}, "nowhere"),
    ],
)
def test_what_is_wrong_is_said_in_the_form(office, edge, answers, sentence):
    page = register(office, **({"kubeconfig": kubeconfig(edge)} | answers))
    assert 'role="alert"' in page and sentence in page
    assert not Cluster.objects.exists()


def test_labels_move_workloads_and_are_named_before(office, beijing, deploy, admin, versions, noted):
    versions()
    made = deploy(admin, cluster="north")
    office.choose(MODEL, "add_label", beijing)
    office.confirm(clusterLabel="shiny")
    assert ClusterLabel.objects.filter(cluster=beijing, label="shiny").exists()
    page = office.choose(MODEL, "remove_label", beijing)
    assert "Its labels: north, shiny" in page
    office.confirm(clusterLabel="north")
    assert not Placement.objects.filter(bundle__deployment=made, cluster=beijing, present=True).exists()
    office.choose(MODEL, "add_label", beijing)
    office.confirm(clusterLabel="beijing")
    assert "A cluster has the name" in office.page


def test_removing_names_what_leaves_and_an_away_one_can_only_be_forgotten(office, beijing, deploy, admin, versions):
    versions()
    deploy(admin)
    page = office.choose(MODEL, "remove", beijing)
    assert "What leaves it: deployment web1" in page and "ote-ends" in page
    fleet.away(beijing)
    office.confirm()
    assert "has been away since" in office.messages("error")[0]
    office.choose(MODEL, "forget", beijing)
    assert "all that is ours stays on it" in office.page
    office.confirm()
    assert not Cluster.objects.filter(pk=beijing.pk).exists()
