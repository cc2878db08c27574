"""Two centres on one edge, an empty database, a restored one: none deletes what it does not know."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction

from clusters import services
from clusters.engine.bundles import end, put
from clusters.models import Bundle, Cluster, Installation
from tests.edge.conftest import drive_until, look, namespace_wish, proven, web_wish

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]


@contextmanager
def _another_database(*, centre: uuid.UUID | None = None) -> Iterator[None]:
    """Inside, the database is empty, of another centre; afterwards it is again what it was.

    centre: this one instead of a new one.
    """
    point = transaction.savepoint()
    Cluster.objects.all().delete()
    Bundle.objects.all().delete()
    Installation.objects.update(centre=centre or uuid.uuid4())
    yield
    transaction.savepoint_rollback(point)


@contextmanager
def _lost_afterwards() -> Iterator[None]:
    """What is written inside is lost, as with a backup that was made before it and restored after it."""
    point = transaction.savepoint()
    yield
    transaction.savepoint_rollback(point)


def _held(edge: Any, cluster: Cluster) -> set[tuple[str, str, str, str]]:
    kinds = ("Namespace", "Deployment", "Service")
    items = [(kind, item["metadata"]) for kind in kinds for item in edge.objects(cluster.name, kind)]
    return {
        (kind, meta.get("namespace", ""), meta["name"], meta["uid"])
        for kind, meta in items
        if "otestack.io/bundle" in meta.get("labels", {})
    }


def _again(edge: Any, cluster: Cluster) -> Cluster:
    """The same cluster, joined to the database of now."""
    return services.join(cluster.name, edge.kubeconfig(cluster.name))


def test_two_centres_on_one_edge_leave_each_other_alone(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    mine = web()
    drive_until(lambda: proven(mine))
    ours = _held(edge, cluster)
    with _another_database():
        there = _again(edge, cluster)
        other = web()
        drive_until(lambda: proven(other))
        look(there)
        there.refresh_from_db()
        assert there.orphans == 0  # another centre's are not even seen
        # The same names: refused, not taken.
        space, clash = put(None, namespace_wish(mine.namespace)), put(None, web_wish(mine.namespace))
        drive_until(lambda: space.placements.get().last_error and clash.placements.get().last_error)
        assert "is not ours" in space.placements.get().last_error
        gone = web()
        drive_until(lambda: proven(gone))
        for bundle in (space, clash, gone):
            end(bundle)
        drive_until(lambda: not gone.placements.exists() and not clash.placements.exists())
        assert ours <= _held(edge, cluster)
    theirs = _held(edge, cluster) - ours
    assert {name for _, _, name, _ in theirs} >= {other.namespace, "web"}
    look(cluster)
    cluster.refresh_from_db()
    assert (cluster.orphans, cluster.last_error) == (0, "")
    end(mine)
    services.remove(cluster)
    drive_until(lambda: not Cluster.objects.filter(pk=cluster.pk).exists())
    assert _held(edge, cluster) == theirs


def test_the_second_centre_may_leave_without_the_first_ones_objects(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    mine = web()
    drive_until(lambda: proven(mine))
    ours = _held(edge, cluster)
    with _another_database():
        there = _again(edge, cluster)
        other = web()
        drive_until(lambda: proven(other))
        services.remove(there)
        drive_until(lambda: not Cluster.objects.filter(pk=there.pk).exists())
    assert _held(edge, cluster) == ours
    look(cluster)
    assert proven(mine)


def test_an_empty_database_of_ours_deletes_nothing_and_counts_what_it_does_not_know(
    edge: Any, join: Join, web: Web
) -> None:
    cluster = join()
    mine = web()
    drive_until(lambda: proven(mine))
    before = _held(edge, cluster)
    with _another_database(centre=Installation.objects.get().centre):
        there = _again(edge, cluster)
        drive_until(lambda: Cluster.objects.filter(pk=there.pk, orphans=3).exists())
        look(there)
        assert _held(edge, cluster) == before
        # Removing the cluster does not take the unknown with it either.
        services.remove(there)
        drive_until(lambda: not Cluster.objects.filter(pk=there.pk).exists())
        assert _held(edge, cluster) == before
    look(cluster)
    assert proven(mine)


def test_a_restored_database_wipes_nothing(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    old = web()
    drive_until(lambda: proven(old))
    with _lost_afterwards():
        newer = put(old, web_wish(old.namespace, image="nginx:2"))
        wish = web_wish(old.namespace, image="nginx:3")
        wish.objects.append(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "more", "namespace": old.namespace}}
        )
        newer = put(newer, wish)
        unknown = web()
        drive_until(lambda: proven(newer) and proven(unknown))
    before = _held(edge, cluster)
    old.refresh_from_db()
    assert old.generation == 1
    Cluster.objects.filter(pk=cluster.pk).update(full_list_at=None)  # the hourly list of all kinds
    look(cluster)
    cluster.refresh_from_db()
    assert cluster.orphans == 3
    assert _held(edge, cluster) == before
    # What a newer, lost generation added is not deleted; what this database knows is brought back to it.
    assert edge.objects(cluster.name, "ConfigMap", old.namespace)
    drive_until(lambda: proven(old))
    (web_now,) = edge.objects(cluster.name, "Deployment", old.namespace)
    assert web_now["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:1"
    assert web_now["metadata"]["labels"]["otestack.io/generation"] == "1"


def test_the_next_change_after_a_restore_is_rolled_out_under_a_number_that_was_used(
    edge: Any, join: Join, web: Web
) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    with _lost_afterwards():
        lost = put(bundle, web_wish(bundle.namespace, image="nginx:lost"))
        drive_until(lambda: proven(lost))
    bundle.refresh_from_db()
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:kept"))
    assert bundle.generation == 2
    look(cluster)
    drive_until(lambda: proven(bundle))
    (now,) = edge.objects(cluster.name, "Deployment", bundle.namespace)
    assert now["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:kept"


def test_an_orphan_is_not_taken_over_by_a_new_bundle_of_that_name(edge: Any, join: Join, web: Web) -> None:
    """Whichever way the push goes, with a list first or without one."""
    cluster = join()
    first = web()
    drive_until(lambda: proven(first))
    with _lost_afterwards():
        lost = put(None, web_wish(first.namespace, name="lost", image="nginx:lost"))
        drive_until(lambda: proven(lost))
    new = put(None, web_wish(first.namespace, name="lost", image="nginx:new"))
    drive_until(lambda: new.placements.get().last_error)
    look(cluster)
    assert "another bundle" in new.placements.get().last_error
    images = {
        item["metadata"]["name"]: item["spec"]["template"]["spec"]["containers"][0]["image"]
        for item in edge.objects(cluster.name, "Deployment", first.namespace)
    }
    assert images == {"web": "nginx:1", "lost": "nginx:lost"}
    assert Cluster.objects.get(pk=cluster.pk).orphans == 2


def test_what_ended_and_came_back_is_deleted_again(edge: Any, join: Join, web: Web) -> None:
    """A write that arrives late, or a backup of the edge that was restored: the tombstone is known."""
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    (before,) = edge.objects(cluster.name, "Deployment", bundle.namespace)
    end(bundle)
    drive_until(lambda: not bundle.placements.exists())
    from tests.edge.kube import Kube, deployments

    meta = {"name": "web", "labels": before["metadata"]["labels"]}
    Kube(edge, cluster.name).create(deployments(bundle.namespace), {"metadata": meta, "spec": before["spec"]})
    Cluster.objects.filter(pk=cluster.pk).update(full_list_at=None)
    drive_until(lambda: not edge.objects(cluster.name, "Deployment", bundle.namespace))
    drive_until(lambda: not bundle.placements.exists())
