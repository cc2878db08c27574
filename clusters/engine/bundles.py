"""What owners call: put a wish, change it, end it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from clusters.drivers.registry import ALL_KINDS
from clusters.engine.labels import BUNDLE, CENTRE, GENERATION, MANAGED_BY, MANAGER
from clusters.engine.nudge import nudge
from clusters.engine.placing import lock_placements, place_bundles
from clusters.models import Bundle, BundleObject, Installation, Selector
from otestack.errors import Conflict, Invalid
from otestack.sentences import say
from otestack.transactions import retry_deadlock


@dataclass(frozen=True)
class Wish:
    """What an owner wants on which clusters.

    objects, secrets: Kubernetes objects in the order of their application, secrets first; namespaced ones carry their
    namespace. selector_value: the label or the cluster's name. title, owner_text: for messages.
    """

    namespace: str
    objects: list[dict[str, Any]]
    selector: str
    title: str
    secrets: list[dict[str, Any]] = field(default_factory=list)
    selector_value: str = ""
    node_label: str = ""
    owner_text: str = ""


def check_free(wish: Wish, bundle: Bundle | None = None) -> None:
    """Raise Conflict when another live bundle holds an object of the same namespace, kind and name."""
    wanted = Q()
    for item in [*wish.secrets, *wish.objects]:
        meta = item["metadata"]
        wanted |= Q(namespace=meta.get("namespace", ""), kind=item["kind"], name=meta["name"])
    taken = BundleObject.objects.filter(wanted).select_related("bundle")
    if bundle is not None:
        taken = taken.exclude(bundle=bundle)
    clash = taken.first() if wanted else None
    if clash is not None:
        raise Conflict(
            say(
                "%(kind)s %(name)s is already held by %(title)s; choose another name.",
                kind=clash.kind,
                name=clash.name,
                title=clash.bundle.title,
            )
        )


@retry_deadlock
@transaction.atomic
def put(bundle: Bundle | None, wish: Wish) -> Bundle:
    """Create a bundle, or give it a new generation; place it and wake the engine. Calls no edge.

    Raises Conflict when the bundle has ended or another one holds one of its objects, Invalid for a kind that no driver
    knows.
    """
    if unknown := {kind_of(item) for item in [*wish.secrets, *wish.objects]} - ALL_KINDS:
        raise Invalid(
            objects=say("Objects of kind %(unknown)s cannot be put on an edge.", unknown=", ".join(sorted(unknown)))
        )
    centre = lock_placements().centre
    if bundle is None:
        bundle = Bundle(selector=wish.selector)
    else:
        bundle = Bundle.objects.select_for_update(no_key=True).get(pk=bundle.pk)
        if bundle.ended_at is not None:
            raise Conflict(say("%(title)s has ended.", title=bundle.title))
        bundle.generation += 1
    bundle.title, bundle.owner_text = wish.title, wish.owner_text
    bundle.namespace, bundle.node_label = wish.namespace, wish.node_label
    bundle.selector, bundle.selector_value = wish.selector, wish.selector_value
    held = {kind_of(item) for item in [*wish.secrets, *wish.objects]}
    bundle.kinds = sorted(held | set(bundle.kinds))
    bundle.save()
    BundleObject.objects.filter(bundle=bundle).delete()
    labels = {MANAGED_BY: MANAGER, CENTRE: str(centre), BUNDLE: str(bundle.uid), GENERATION: str(bundle.generation)}
    try:
        with transaction.atomic():
            BundleObject.objects.bulk_create(_rows(bundle, wish, labels))
    except IntegrityError:
        check_free(wish, bundle)
        raise Conflict(say("%(title)s holds an object of the same kind and name twice.", title=bundle.title)) from None
    place_bundles([bundle.pk])
    nudge()
    return bundle


@retry_deadlock
@transaction.atomic
def end(bundle: Bundle) -> None:
    """End a bundle: it wants nothing any more, anywhere. Its row stays, so that what returns is known. Repeatable."""
    lock_placements()
    Bundle.objects.select_for_update(no_key=True).get(pk=bundle.pk)
    Bundle.objects.filter(pk=bundle.pk, ended_at__isnull=True).update(ended_at=Now(), selector=Selector.NONE)
    BundleObject.objects.filter(bundle=bundle).delete()
    place_bundles([bundle.pk])
    Bundle.objects.filter(pk=bundle.pk).update(dirty_at=Now())  # also where it was on no cluster
    nudge()
    bundle.refresh_from_db()


def kind_of(item: dict[str, Any]) -> str:
    """Return an object's kind as drivers name it: 'apps/v1/Deployment'."""
    return f"{item['apiVersion']}/{item['kind']}"


def centre_uid() -> str:
    """Return who this centre is, as the label on its objects says it."""
    return str(Installation.objects.get_or_create(pk=1)[0].centre)


def _rows(bundle: Bundle, wish: Wish, labels: dict[str, str]) -> Iterable[BundleObject]:
    secret_count = len(wish.secrets)
    for position, item in enumerate([*wish.secrets, *wish.objects]):
        meta = item["metadata"]
        stamped = item | {"metadata": meta | {"labels": meta.get("labels", {}) | labels}}
        text = orjson.dumps(stamped, option=orjson.OPT_SORT_KEYS).decode()
        is_secret = position < secret_count
        yield BundleObject(
            bundle=bundle,
            position=position,
            api_version=item["apiVersion"],
            kind=item["kind"],
            namespace=meta.get("namespace", ""),
            name=meta["name"],
            body="" if is_secret else text,
            secret=text if is_secret else "",
        )
