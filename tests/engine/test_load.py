"""What a pass is given to know."""

from __future__ import annotations

import pytest

from clusters.engine.bundles import end
from clusters.engine.claim import Quota, claim
from clusters.engine.load import WantedPlacement, load
from clusters.models import Bundle, BundleObject, Cluster, Placement
from tests.engine.things import bundle, cluster, due

pytestmark = pytest.mark.django_db


def loaded(one: Cluster) -> WantedPlacement:
    """Claim a cluster and return its only placement, as a pass is given it."""
    due(one)
    Cluster.objects.update(lease_until=None)
    claims, now = claim(Quota(9, 9))
    (work,) = load(claims, now)
    (placement,) = work.placements
    return placement


def test_what_ended_while_it_was_read_is_never_taken_for_a_bundle_without_objects() -> None:
    """Not then, and not by who keeps what it read when the database is replaced by one in which the bundle lives."""
    one, made = cluster(), bundle("a")
    before, objects = Bundle.objects.get(pk=made.pk), list(BundleObject.objects.filter(bundle=made))
    end(made)
    Placement.objects.update(present=True)  # as it was read before
    assert not loaded(one).known
    Bundle.objects.filter(pk=made.pk).update(ended_at=None, selector=before.selector)
    BundleObject.objects.bulk_create(objects)
    found = loaded(one)
    assert found.known
    assert len(found.objects) == len(objects) == 1
