"""Joining, new credentials, leaving: against a simulated edge over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from clusters import services
from clusters.drivers.kubernetes.kubeconfig import Credentials
from clusters.engine.clock import db_now
from clusters.models import Bundle, Cluster, ClusterLabel, Node, Placement
from clusters.simulator import Simulator
from otestack.errors import Conflict, DomainError, Invalid, Unavailable
from tests.races import needs_postgres, together

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """Two clusters, of three nodes and one."""
    folder: Path = tmp_path_factory.mktemp("edge")
    with Simulator(folder, {"beijing": 3, "shanghai": 1}, persist=False) as simulator:
        yield simulator


def refused(kind: type[DomainError], *args: Any, **options: Any) -> str:
    with pytest.raises(kind) as caught:
        services.join(*args, **options)
    return str(caught.value)


def test_join(edge: Simulator, make_bundle: Any) -> None:
    everywhere = make_bundle("everywhere")
    labelled = make_bundle("labelled", selector="label", selector_value="north")
    make_bundle("elsewhere", selector="label", selector_value="south")
    named = make_bundle("named", selector="cluster", selector_value="BeiJing")
    cluster = services.join("BeiJing", edge.kubeconfig("beijing"), labels=["north", "big", "north"])
    cluster = Cluster.objects.get(pk=cluster.pk)
    assert (cluster.name, cluster.driver, cluster.node_count) == ("BeiJing", "kubernetes", 3)
    assert cluster.server == edge.server("beijing")
    assert cluster.uid == edge.uid("beijing")
    assert cluster.kubernetes_version.startswith("v1.")
    assert Credentials.from_json(cluster.credentials).token == edge.token("beijing")
    assert set(cluster.labels.values_list("label", flat=True)) == {"north", "big"}
    assert set(cluster.placements.values_list("bundle", flat=True)) == {everywhere.pk, labelled.pk, named.pk}
    assert cluster.change_due_at is not None and cluster.observe_due_at is not None
    assert cluster.change_seq > 0
    assert set(Bundle.objects.filter(dirty_at=None).values_list("title", flat=True)) == {"elsewhere"}


def test_credentials_lie_encrypted(edge: Simulator) -> None:
    services.join("a", edge.kubeconfig("beijing"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM clusters_cluster")
        [stored] = cursor.fetchone()
    assert edge.token("beijing") not in stored and "token" not in stored


@pytest.mark.parametrize("name", ["", "a.b", "a_b", "-a", "a-", "a" * 64, "all", "All", "ü", "a b", "a\n"])
def test_bad_names_ask_no_edge(edge: Simulator, name: str) -> None:
    edge.reset_requests("beijing")
    refused(Invalid, name, edge.kubeconfig("beijing"))
    assert not edge.requests("beijing")
    assert not Cluster.objects.exists()


@pytest.mark.parametrize("name", ["Taken", "tAKEN"])
def test_a_taken_name(edge: Simulator, make_cluster: Any, name: str) -> None:
    make_cluster("taken")
    assert refused(Conflict, name, edge.kubeconfig("beijing")) == "There is a cluster 'taken' already."


def test_names_and_labels_differ(edge: Simulator, make_cluster: Any) -> None:
    make_cluster("first", "north")
    assert "is a label" in refused(Invalid, "North", edge.kubeconfig("beijing"))
    assert "has the name" in refused(Invalid, "new", edge.kubeconfig("beijing"), labels=["First"])
    assert "has the name" in refused(Invalid, "new", edge.kubeconfig("beijing"), labels=["New"])
    assert "letters, digits" in refused(Invalid, "new", edge.kubeconfig("beijing"), labels=["a.b"])
    assert Cluster.objects.count() == 1 and ClusterLabel.objects.count() == 1


def test_one_cluster_under_two_names(edge: Simulator) -> None:
    services.join("first", edge.kubeconfig("beijing"))
    said = refused(Conflict, "second", edge.kubeconfig("beijing"))
    assert said == "This cluster is registered already, as 'first'."
    services.join("second", edge.kubeconfig("shanghai"))


def test_a_wrong_token(edge: Simulator) -> None:
    wrong = edge.kubeconfig("beijing").replace(edge.token("beijing"), "wrong")
    assert "answered 401: the token is not accepted" in refused(Invalid, "a", wrong)
    assert not Cluster.objects.exists()


def test_a_cluster_that_cuts_connections(edge: Simulator) -> None:
    edge.set_away("beijing", "refuse")
    try:
        assert "cannot be reached at 127.0.0.1" in refused(Unavailable, "a", edge.kubeconfig("beijing"))
    finally:
        edge.set_away("beijing", False)


def test_missing_permissions(edge: Simulator) -> None:
    edge.fail_next("beijing", 403, kind="Node")
    assert "may not list nodes" in refused(Invalid, "a", edge.kubeconfig("beijing"))


@pytest.mark.django_db(transaction=True)
def test_the_edge_is_asked_outside_of_transactions(edge: Simulator) -> None:
    with CaptureQueriesContext(connection) as queries:
        services.join("a", edge.kubeconfig("beijing"))
    assert not transaction.get_connection().in_atomic_block
    begins = [query["sql"] for query in queries if query["sql"].startswith("BEGIN")]
    assert len(begins) == 1


def test_check(edge: Simulator) -> None:
    cluster = services.join("a", edge.kubeconfig("beijing"))
    assert services.check(cluster).node_count == 3
    Cluster.objects.update(uid="another")
    cluster.refresh_from_db()
    with pytest.raises(Conflict, match="Another cluster than 'a' answers"):
        services.check(cluster)


def test_new_credentials(edge: Simulator, make_cluster: Any) -> None:
    cluster = make_cluster("a", uid=edge.uid("beijing"), away_since=db_now())
    seq = cluster.change_seq
    services.update_credentials(cluster, edge.kubeconfig("beijing"))
    cluster = Cluster.objects.get()
    assert cluster.server == edge.server("beijing")
    assert Credentials.from_json(cluster.credentials).token == edge.token("beijing")
    assert cluster.credentials_version == 2
    assert cluster.change_seq == seq + 1
    assert cluster.observe_due_at is not None, "it is probed at once, though away"


def test_new_credentials_of_another_cluster(edge: Simulator) -> None:
    cluster = services.join("a", edge.kubeconfig("beijing"))
    before = Cluster.objects.values().get()
    with pytest.raises(Conflict, match=edge.uid("shanghai")):
        services.update_credentials(cluster, edge.kubeconfig("shanghai"))
    with pytest.raises(Invalid):
        services.update_credentials(cluster, "nonsense")
    assert Cluster.objects.values().get() == before


def test_remove_withdraws_everything_and_takes_nothing_new(make_cluster: Any, make_bundle: Any) -> None:
    cluster = make_cluster("a", "x")
    make_bundle(on=(cluster,))
    services.remove(cluster)
    services.remove(cluster)
    cluster.refresh_from_db()
    assert cluster.removing and cluster.change_due_at is not None
    assert not Placement.objects.get().present
    assert Bundle.objects.get().dirty_at is not None
    make_bundle("late", selector="label", selector_value="y")
    services.add_label(["a"], "y")
    assert Placement.objects.count() == 1


def test_a_cluster_that_is_being_removed_cannot_join(edge: Simulator) -> None:
    cluster = services.join("a", edge.kubeconfig("beijing"))
    services.remove(cluster)
    assert "is still being removed, as 'a'" in refused(Conflict, "b", edge.kubeconfig("beijing"))


def test_an_away_cluster_is_removed_by_force_only(make_cluster: Any, make_bundle: Any, make_node: Any) -> None:
    cluster = make_cluster("a", "x", away_since=db_now())
    make_node(cluster, "n", "l")
    bundle = make_bundle(on=(cluster,))
    with pytest.raises(Conflict, match=r"has been away since .* --force"):
        services.remove(cluster)
    cluster.refresh_from_db()
    assert not cluster.removing
    services.remove(cluster, force=True)
    assert not Cluster.objects.exists() and not Node.objects.exists() and not Placement.objects.exists()
    bundle.refresh_from_db()
    assert bundle.dirty_at is not None and bundle.ended_at is None
    services.remove(cluster, force=True)


def test_sync(make_cluster: Any) -> None:
    here, away = make_cluster(), make_cluster(away_since=db_now())
    for cluster in (here, away):
        services.sync(cluster)
        cluster.refresh_from_db()
        assert cluster.change_seq == 1
    assert here.change_due_at is not None and away.change_due_at is None


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_joins_at_once(edge: Simulator) -> None:
    needs_postgres()
    from clusters.engine.placing import lock_placements

    results = together(
        lock_placements,
        lambda: services.join("first", edge.kubeconfig("beijing")),
        lambda: services.join("second", edge.kubeconfig("beijing")),
    )
    assert Cluster.objects.count() == 1
    assert [str(result) for result in results if isinstance(result, Conflict)] == [
        f"This cluster is registered already, as '{Cluster.objects.get().name}'."
    ]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_name_and_a_label_at_once(edge: Simulator, make_cluster: Any) -> None:
    needs_postgres()
    from clusters.engine.placing import lock_placements

    make_cluster("there")
    results = together(
        lock_placements,
        lambda: services.join("same", edge.kubeconfig("beijing")),
        lambda: services.add_label(["there"], "same"),
    )
    assert [isinstance(result, Invalid) for result in results].count(True) == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_one_label_twice_at_once(make_cluster: Any, make_node: Any) -> None:
    needs_postgres()
    from clusters.engine.placing import lock_placements

    cluster = make_cluster("a")
    make_node(cluster, "n")
    results = together(
        lock_placements,
        lambda: services.add_label(["a"], "x"),
        lambda: services.add_label(["a"], "x"),
        lambda: services.add_node_label("a", ["n"], "x"),
        lambda: services.add_node_label("a", ["n"], "x"),
    )
    assert results == [None] * 4
    assert ClusterLabel.objects.count() == 1
