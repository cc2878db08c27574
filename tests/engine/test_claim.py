"""Leasing due clusters."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import F

from clusters.engine.claim import DEADLY_CLAIMS, PATIENCE, Claim, Quota, claim, late_after, release_stranded
from clusters.engine.clock import db_now
from clusters.engine.load import Work, load
from clusters.engine.marks import mark_due
from clusters.engine.outcome import PassOutcome
from clusters.engine.record import Finished, record
from clusters.models import Cluster
from tests.engine.things import cluster

pytestmark = pytest.mark.django_db
MANY = Quota(clusters=100, probes=25)


def ago(seconds: float) -> Any:
    return db_now() - timedelta(seconds=seconds)


def names(claims: list[Claim]) -> list[str]:
    return sorted(item.name for item in claims)


def taken(quota: Quota = MANY) -> list[str]:
    return names(claim(quota)[0])


def finish(item: Claim, **outcome: Any) -> None:
    """Record a pass that listed everything and found nothing to do."""
    fields = {"answered": True, "complete": True} | outcome
    work = Work(claim=item, now=db_now(), removing=False, observe_due_at=None, full=False)
    record([Finished(work, PassOutcome(**fields))])


def lose_lease(*clusters: Cluster) -> None:
    """As if the worker had died and the lease had run out."""
    Cluster.objects.filter(pk__in=[one.pk for one in clusters]).update(lease_until=ago(1))


def test_only_what_is_due_is_taken_and_only_once() -> None:
    cluster("change", change_due_at=ago(1)), cluster("look", observe_due_at=ago(1))
    cluster("later", change_due_at=ago(-60), observe_due_at=ago(-60)), cluster("quiet")
    assert taken() == ["change", "look"]
    assert taken() == []


def test_a_lease_raises_the_epoch_and_ends_by_itself() -> None:
    one = cluster("a", change_due_at=ago(1), change_seq=3)
    (first,), now = claim(MANY)
    assert (first.epoch, first.seq, first.away) == (1, 3, False)
    one.refresh_from_db()
    assert one.lease_until == now + timedelta(seconds=settings.OTE_LEASE_SECONDS)
    lose_lease(one)
    (second,), _ = claim(MANY)
    assert second.epoch == 2


def test_changes_come_before_observations_of_which_a_quarter_is_kept() -> None:
    for n in range(8):
        cluster(f"change{n}", change_due_at=ago(10 + n))
        cluster(f"look{n}", observe_due_at=ago(100 + n))
    assert taken(Quota(clusters=8, probes=2)) == sorted(["look7", "look6", *(f"change{n}" for n in range(2, 8))]), (
        "the oldest of each"
    )


def test_changes_can_be_claimed_alone() -> None:
    cluster("change", change_due_at=ago(1)), cluster("look", observe_due_at=ago(9))
    cluster("silent", failed_probes=1, change_due_at=ago(9), observe_due_at=ago(9))
    assert taken(Quota(clusters=9, probes=2, looks=False)) == ["change"]
    assert taken() == ["look", "silent"]


def test_places_that_nobody_needs_are_used() -> None:
    for n in range(6):
        cluster(f"look{n}", observe_due_at=ago(1))
    assert len(taken(Quota(clusters=4, probes=1))) == 4


def test_away_clusters_are_probed_when_due_and_within_their_share() -> None:
    for n in range(6):
        cluster(f"away{n}", away_since=ago(99), observe_due_at=ago(n), change_due_at=ago(1))
    cluster("resting", away_since=ago(99), observe_due_at=ago(-10), change_due_at=ago(1))
    assert taken(Quota(clusters=10, probes=2)) == ["away4", "away5"]
    assert taken(Quota(clusters=10, probes=0)) == []
    assert taken(Quota(clusters=10, probes=-1)) == []
    for n in range(4):
        cluster(f"here{n}", change_due_at=ago(1 + n))
    assert taken(Quota(clusters=4, probes=9)) == ["away3", "here1", "here2", "here3"], "changes first but for a quarter"
    assert taken() == ["away0", "away1", "away2", "here0"], "no change hastens the next probe"


def test_a_storm_of_changes_keeps_no_away_cluster_from_its_probe() -> None:
    for n in range(9):
        cluster(f"change{n}", change_due_at=ago(10))
    cluster("away", away_since=ago(99), observe_due_at=ago(1))
    assert "away" in taken(Quota(clusters=8, probes=2))


def test_what_has_just_stopped_answering_has_no_more_places_than_what_is_away() -> None:
    for n in range(6):
        cluster(f"silent{n}", failed_probes=1, observe_due_at=ago(n), change_due_at=ago(1))
    cluster("changed", failed_probes=2, observe_due_at=ago(-10), change_due_at=ago(1))
    assert taken(Quota(clusters=10, probes=2)) == ["silent4", "silent5"]
    cluster("here", change_due_at=ago(1))
    assert taken(Quota(clusters=10, probes=0)) == ["here"]
    assert taken() == ["changed", *(f"silent{n}" for n in range(4))], "a change is tried at once"


def test_a_mark_moves_no_away_cluster() -> None:
    away, here = cluster("away", away_since=ago(99), observe_due_at=ago(-10)), cluster("here")
    mark_due([away.pk, here.pk])
    assert taken() == ["here"]
    away.refresh_from_db()
    assert away.change_seq == 1


def test_nothing_is_lost_that_was_marked_during_a_pass() -> None:
    one = cluster("a", change_due_at=ago(1))
    (held,), _ = claim(MANY)
    mark_due([one.pk])
    assert taken() == [], "it is leased"
    finish(held)
    assert taken() == ["a"], "and due again at once"
    one.refresh_from_db()
    Cluster.objects.update(lease_until=None)
    (again,), _ = claim(MANY)
    finish(again)
    one.refresh_from_db()
    assert one.change_due_at is None
    assert taken() == []


def test_what_was_marked_while_an_away_cluster_was_probed_waits_for_the_next_probe() -> None:
    one = cluster("a", away_since=ago(99), observe_due_at=ago(1), failed_probes=3)
    (held,), _ = claim(MANY)
    assert held.away
    mark_due([one.pk])
    finish(held, answered=False, complete=False, error="no answer")
    assert taken() == []
    Cluster.objects.update(observe_due_at=ago(1))
    (held,), _ = claim(MANY)
    mark_due([one.pk])
    finish(held)
    one.refresh_from_db()
    assert one.away_since is None
    assert taken() == ["a"], "it answered: what was marked meanwhile is due"


def test_three_workers_that_did_not_survive_set_a_cluster_aside_then_it_gets_one_try_each_time() -> None:
    one, other = cluster("deadly", change_due_at=ago(1)), cluster("other", change_due_at=ago(1))
    for _ in range(DEADLY_CLAIMS):
        assert "deadly" in taken()
        lose_lease(one)
    assert taken() == [], "set aside, and the other one is leased"
    one.refresh_from_db()
    assert "3 workers in a row" in one.last_error
    assert one.lease_until is not None and one.lease_until > ago(-settings.OTE_RETRY_CAP / 2)
    for _ in range(2):
        mark_due([one.pk])
        assert taken() == [], "no mark cuts the wait short"
        lose_lease(one)
        assert taken() == ["deadly"]
        lose_lease(one)
        assert taken() == [], "one try, then it waits again"
    other.refresh_from_db()
    assert other.claims_unrecorded == 1


def test_a_record_ends_the_count() -> None:
    one = cluster("a", change_due_at=ago(1))
    for _ in range(5):
        (held,), _ = claim(MANY)
        finish(held)
        Cluster.objects.update(change_due_at=ago(1), change_seq=F("change_seq") + 1)
    one.refresh_from_db()
    assert one.claims_unrecorded == 0


def test_claiming_is_a_constant_number_of_statements(django_assert_max_num_queries: Any) -> None:
    for _ in range(50):
        cluster(change_due_at=ago(1))
        cluster(observe_due_at=ago(1))
    with django_assert_max_num_queries(12):
        assert len(taken()) == 100


ME, OTHER = 11, 22


def taken_by_me(*, clusters: int = 100, idle: bool = True) -> list[str]:
    return names(claim(Quota(clusters=clusters, probes=25, idle=idle), ME)[0])


def test_a_process_takes_what_it_drove_last_before_what_another_one_did() -> None:
    cluster("other", change_due_at=ago(9), kept_by=OTHER)
    cluster("mine", change_due_at=ago(1), kept_by=ME), cluster("new", change_due_at=ago(2))
    assert taken_by_me(clusters=2) == ["mine", "new"]
    assert set(Cluster.objects.filter(lease_until__isnull=False).values_list("kept_by", flat=True)) == {ME}
    assert taken_by_me() == ["other"], "it has waited long enough"
    assert Cluster.objects.get(name="other").kept_by == ME


def test_the_change_of_another_process_waits_a_moment_for_it_unless_there_is_nothing_else_to_do() -> None:
    cluster("other", change_due_at=ago(0), kept_by=OTHER)
    assert taken_by_me(idle=False) == []
    cluster("mine", change_due_at=ago(0), kept_by=ME)
    assert taken_by_me() == ["mine"]
    assert taken_by_me() == ["other"]


def test_the_observation_of_another_process_waits_a_moment_for_it() -> None:
    one = cluster("other", observe_due_at=ago(0), kept_by=OTHER)
    assert taken_by_me() == []
    Cluster.objects.filter(pk=one.pk).update(observe_due_at=ago(PATIENCE))
    assert taken_by_me(idle=False) == ["other"]


def test_first_looks_take_no_place_from_changes_until_they_are_late() -> None:
    for n in range(4):
        cluster(f"change{n}", change_due_at=ago(1))
    look = cluster("look", observe_due_at=ago(late_after() / 2))
    assert taken(Quota(clusters=4, probes=1)) == [f"change{n}" for n in range(4)]
    Cluster.objects.exclude(pk=look.pk).update(lease_until=None)
    Cluster.objects.filter(pk=look.pk).update(observe_due_at=ago(late_after()))
    assert "look" in taken(Quota(clusters=4, probes=1))


def test_a_claim_and_its_load_read_by_index_whatever_the_statistics_say() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite goes by its indexes")
    for n in range(3):
        cluster(f"due{n}", change_due_at=ago(1), observe_due_at=ago(1))
    plans = []

    def explained(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT") and " FROM " in sql:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}", params)
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explained):
        load(*claim(Quota(clusters=9, probes=9), ME))
    assert len(plans) > 6
    for plan in plans:
        assert "Seq Scan" not in plan
        assert "Gather" not in plan


def test_what_nobody_comes_for_is_anybodys() -> None:
    killed = cluster("killed", change_due_at=ago(11), kept_by=OTHER, lease_until=ago(1))
    slow = cluster("slow", observe_due_at=ago(11), kept_by=OTHER)
    busy = cluster("busy", change_due_at=ago(11), kept_by=OTHER, lease_until=ago(-9))
    recent = cluster("recent", change_due_at=ago(9), observe_due_at=ago(9), kept_by=OTHER)
    release_stranded()
    assert set(Cluster.objects.filter(kept_by=None)) == {killed, slow}
    assert set(Cluster.objects.filter(kept_by=OTHER)) == {busy, recent}


def test_who_has_one_place_at_a_time_keeps_a_quarter_too() -> None:
    for n in range(3):
        cluster(f"change{n}", change_due_at=ago(9))
    cluster("late", observe_due_at=ago(9)), cluster("silent", failed_probes=1, observe_due_at=ago(9))
    random.seed(0)
    found = []
    for _ in range(60):
        found += taken(Quota(clusters=1, probes=1))
        Cluster.objects.update(lease_until=None, claims_unrecorded=0)
    assert set(found) >= {"change0", "late", "silent"}
    assert sum(name.startswith("change") for name in found) > 20


def test_what_may_only_have_hiccuped_does_not_wait_for_all_that_is_away() -> None:
    for n in range(40):
        cluster(f"away{n}", away_since=ago(999), observe_due_at=ago(99 + n))
    cluster("hiccup", failed_probes=1, observe_due_at=ago(1))
    assert taken(Quota(clusters=16, probes=4)) == ["away37", "away38", "away39", "hiccup"]


def test_what_is_away_does_not_wait_for_all_that_may_only_have_hiccuped() -> None:
    for n in range(4):
        cluster(f"hiccup{n}", failed_probes=1, observe_due_at=ago(99 + n))
        cluster(f"away{n}", away_since=ago(999), observe_due_at=ago(1 + n))
    assert taken(Quota(clusters=16, probes=4)) == ["away2", "away3", "hiccup2", "hiccup3"]


def test_a_probe_is_nobodys_own_work() -> None:
    cluster("other", change_due_at=ago(0), kept_by=OTHER)
    cluster("silent", failed_probes=1, observe_due_at=ago(1), kept_by=ME)
    assert taken_by_me() == ["other", "silent"]


def test_no_storm_of_own_changes_keeps_a_process_from_what_a_dead_one_kept() -> None:
    cluster("changed", change_due_at=ago(11), kept_by=OTHER), cluster("seen", observe_due_at=ago(11), kept_by=OTHER)
    for n in range(8):
        cluster(f"mine{n}", change_due_at=ago(1), kept_by=ME)
    assert not {"changed", "seen"} & set(taken_by_me(clusters=4)), "its turn comes"
    Cluster.objects.update(lease_until=None)
    release_stranded()
    assert {"changed", "seen"} < set(taken_by_me(clusters=4))
