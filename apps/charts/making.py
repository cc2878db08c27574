"""From the bytes of an upload to objects, for a few charts at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from apps.charts import limits
from apps.charts.chart import Chart, read
from apps.charts.objects import Manifest, objects
from apps.charts.policy import Policy
from apps.charts.render import render
from otestack.errors import Unavailable
from otestack.sentences import say

_free = threading.BoundedSemaphore(limits.AT_ONCE)


@dataclass(frozen=True)
class Made:
    """A chart, and the objects that it renders to in the order of applying; Secrets are among them."""

    chart: Chart
    objects: list[Manifest]


def make(packed: bytes, *, release: str, namespace: str, values: dict[str, Any], kube_version: str = "") -> Made:
    """Unpack a chart, look at it, render it and look at what comes of it.

    kube_version: what the chart takes the cluster for; helm's own when empty.
    Raises ChartError, or Unavailable where there is no helm, or while others use it.
    """
    with turn():
        chart = read(packed)
        text = render(chart, release=release, namespace=namespace, values=values, kube_version=kube_version)
        policy = Policy(host_paths=settings.OTE_HOST_PATHS, ingress=settings.OTE_ENABLE_INGRESS)
        return Made(chart, objects(text, namespace=namespace, policy=policy))


@contextmanager
def turn() -> Iterator[None]:
    """Wait until few enough others are at it: each may take the memory of a chart twice over, beside helm's."""
    if not _free.acquire(timeout=limits.WAIT):
        raise Unavailable(say("Other charts are being rendered; try again."))
    try:
        yield
    finally:
        _free.release()
