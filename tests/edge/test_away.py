"""A cluster that stops answering: away after three probes, left in peace, and made whole in its first pass back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from clusters import services
from clusters.engine.bundles import end, put
from clusters.engine.clock import db_now
from clusters.engine.drive import drive_due
from clusters.models import Bundle, Cluster, Selector
from tests.edge.conftest import drive_until, look, look_once, namespace_wish, proven, state, web_wish
from tests.edge.meddler import Meddler


def _is_away(cluster: Cluster) -> bool:
    cluster.refresh_from_db()
    return cluster.away_since is not None


@pytest.mark.parametrize("mode", ["hang", "refuse"])
def test_three_probes_without_an_answer_make_it_away(
    edge: Any, join: Callable[..., Cluster], web: Callable[..., Bundle], mode: str
) -> None:
    here, gone = join("here"), join("gone")
    bundle = web()
    drive_until(lambda: proven(bundle))
    edge.set_away(gone.name, mode)
    look_once(gone)
    gone.refresh_from_db()
    assert (gone.failed_probes, gone.away_since) == (1, None)
    assert "cannot be reached" in gone.last_error
    drive_until(lambda: _is_away(gone))
    assert gone.failed_probes == 3
    assert state(bundle, gone) == "away"
    # Others go on: a change reaches the one that is here.
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:2"))
    drive_until(lambda: state(bundle, here) == "ready")
    assert state(bundle, gone) == "away"
    edge.set_away(gone.name, False)
    drive_until(lambda: proven(bundle))
    gone.refresh_from_db()
    assert (gone.failed_probes, gone.away_since, gone.last_error) == (0, None, "")
    assert state(bundle, gone) == "ready"


def test_an_away_cluster_gets_one_probe_an_interval_and_marks_do_not_move_it(
    edge: Any, settings: Any, meddler: Meddler, join: Callable[..., Cluster], web: Callable[..., Bundle]
) -> None:
    cluster = join(via=meddler)
    bundle = web()
    drive_until(lambda: proven(bundle))
    edge.set_away(cluster.name, "refuse")
    drive_until(lambda: _is_away(cluster))
    settings.OTE_OBSERVE_INTERVAL = 20
    meddler.clear()
    before = db_now()
    look(cluster)
    cluster.refresh_from_db()
    probes = len(meddler.asked)
    assert set(meddler.paths()) == {"version"}
    assert probes <= 2  # a connection that was cut is opened once more
    due = cluster.observe_due_at
    assert before + timedelta(seconds=0.85 * 20) <= due <= db_now() + timedelta(seconds=20)
    services.sync(cluster)
    put(bundle, web_wish(bundle.namespace, image="nginx:2"))
    services.add_label([cluster.name], "any")
    drive_due()
    cluster.refresh_from_db()
    assert len(meddler.asked) == probes
    assert (cluster.observe_due_at, cluster.change_due_at) == (due, None)


def test_all_that_was_missed_comes_with_the_first_pass_back(
    edge: Any, settings: Any, join: Callable[..., Cluster], web: Callable[..., Bundle]
) -> None:
    cluster = join()
    services.add_label([cluster.name], "old")
    changed, ended, left = web(name="changed"), web(), web(selector=Selector.LABEL, selector_value="old")
    came = web(selector=Selector.LABEL, selector_value="new")
    drive_until(lambda: proven(changed) and proven(ended) and proven(left))
    edge.set_away(cluster.name, "refuse")
    drive_until(lambda: _is_away(cluster))

    put(changed, web_wish(changed.namespace, name="changed", image="nginx:2"))
    end(ended)
    services.delete_label([cluster.name], "old")
    services.add_label([cluster.name], "new")
    fresh = web(name="fresh")
    services.add_node_label(cluster.name, [cluster.nodes.earliest("pk").name], "gpu")
    for bundle in (changed, ended, left, came, fresh):
        assert bundle.placements.get().cluster == cluster
    edge.set_away(cluster.name, False)
    settings.OTE_OBSERVE_INTERVAL = 20  # no second look in this test
    look(cluster)

    def images(bundle: Bundle) -> list[str]:
        found = edge.objects(cluster.name, "Deployment", bundle.namespace)
        return [item["spec"]["template"]["spec"]["containers"][0]["image"] for item in found]

    assert images(changed) == ["nginx:2"]
    assert images(ended) == images(left) == []
    assert images(came) == images(fresh) == ["nginx:1"]
    assert edge.objects(cluster.name, "Service", ended.namespace) == []
    labels = [node["metadata"]["labels"] for node in edge.objects(cluster.name, "Node")]
    assert sum("node.otestack.io/gpu" in item for item in labels) == 1
    settings.OTE_OBSERVE_INTERVAL = 1
    drive_until(lambda: proven(changed) and proven(came) and proven(fresh) and not ended.placements.exists())


def test_a_bundle_put_and_ended_while_away_leaves_nothing(
    edge: Any, join: Callable[..., Cluster], web: Callable[..., Bundle]
) -> None:
    cluster = join()
    first = web()
    drive_until(lambda: proven(first))
    edge.set_away(cluster.name, "refuse")
    drive_until(lambda: _is_away(cluster))
    brief = put(None, web_wish(first.namespace, name="brief"))
    end(brief)
    assert brief.placements.get().present is False
    edge.set_away(cluster.name, False)
    drive_until(lambda: not brief.placements.exists())
    assert [item["metadata"]["name"] for item in edge.objects(cluster.name, "Deployment", first.namespace)] == ["web"]


def test_the_name_of_what_ended_while_away_is_used_again(
    edge: Any, join: Callable[..., Cluster], web: Callable[..., Bundle]
) -> None:
    cluster = join()
    old = web()
    drive_until(lambda: proven(old))
    (before,) = edge.objects(cluster.name, "Deployment", old.namespace)
    edge.set_away(cluster.name, "refuse")
    drive_until(lambda: _is_away(cluster))
    end(old)
    new = put(None, web_wish(old.namespace, image="nginx:9"))
    edge.set_away(cluster.name, False)
    drive_until(lambda: proven(new) and not old.placements.exists())
    (after,) = edge.objects(cluster.name, "Deployment", old.namespace)
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["metadata"]["labels"]["otestack.io/bundle"] == str(new.uid)


def test_what_was_not_looked_at_in_time_is_stale_and_not_away(
    join: Callable[..., Cluster], web: Callable[..., Bundle]
) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    assert state(bundle, cluster) == "ready"
    Cluster.objects.filter(pk=cluster.pk).update(observed_at=Now() - timedelta(seconds=4))  # the engine stood still
    assert state(bundle, cluster) == "stale"
    look(cluster)
    assert state(bundle, cluster) == "ready"


def test_a_cluster_that_joins_gets_all_that_is_there(
    edge: Any, join: Callable[..., Cluster], web: Callable[..., Bundle]
) -> None:
    join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    late = join("late")
    put(None, namespace_wish(f"{bundle.namespace}-b"))
    drive_until(lambda: proven(bundle))
    assert state(bundle, late) == "ready"
    assert edge.objects(late.name, "Deployment", bundle.namespace)
