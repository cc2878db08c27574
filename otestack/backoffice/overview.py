"""The fleet at a glance: counts by the database over small tables and sums; placements are never scanned."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Max, Sum
from django.db.models.functions import Now
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext

from accounts.models import User
from clusters.heartbeat import ALIVE_SECONDS
from clusters.models import Cluster, Heartbeat
from clusters.reports import STATES, cluster_state
from deployments.models import Audit, Change, Deployment, Operation, Status
from otestack.backoffice.words import tone
from otestack.sentences import say, told

# Lines of each list on the page; beyond them it says how many there are.
MOST = 10
# Reasons that are fetched before those that differ in the cluster's name only are put together.
_MOST_REASONS = 300
_UNDER_WAY = {Status.APPROVED, Status.PROCESSING, Status.DEPLOYING}
# deployments/counts.py puts a number of clusters and one's name before an error.
_WHERE = re.compile(r"^(?:\d+ clusters: )?[A-Za-z0-9-]+: ")


@dataclass(frozen=True)
class Part:
    """One part of a bar."""

    name: str
    number: int
    tone: str
    percent: float
    url: str = ""


def overview(request: HttpRequest, waiting: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the page shows to its reader."""
    user = request.user
    assert isinstance(user, User)
    mine = Deployment.objects.visible_to(user)
    clusters = _clusters()
    sums = _sums(mine)
    under_way, number = _changes(user)
    alive = Heartbeat.objects.filter(beat_at__gt=Now() - timedelta(seconds=ALIVE_SECONDS)).count()
    return {
        "system": user.is_superuser,
        "waiting": waiting,
        "clusters": clusters,
        "clusters_bar": _bar(
            ((state, clusters[state], tone(state)) for state in STATES),
            _url("clusters_cluster") if user.is_superuser else "",
            "state",
        ),
        "nodes": clusters["nodes"],
        "nodes_ready": clusters["nodes_ready"],
        "deployments": sum(row["number"] for row in sums),
        "deployments_bar": _statuses(sums),
        "placements": sum(row["wanted"] for row in sums),
        "placements_bar": _placements(sums, stale=bool(clusters["stale"])),
        "pods": {name: sum(row[name] for row in sums) for name in ("running", "error", "total")},
        "under_way": under_way,
        "under_way_more": number - len(under_way),
        "failures": _failures(mine),
        "away": list(
            Cluster.objects.filter(away_since__isnull=False)
            .order_by()
            .values("last_error")
            .annotate(number=Count("pk"))
            .order_by("-number", "last_error")[:MOST]
        ),
        "workers": alive,
    }


def _clusters() -> dict[str, int]:
    rows: Any = Cluster.objects.annotate(state=cluster_state()).order_by().values("state")
    found = {row["state"]: row for row in rows.annotate(number=Count("pk"), nodes=Sum("node_count", default=0))}
    numbers = {state: found[state]["number"] if state in found else 0 for state in STATES}
    ready = found["ready"]["nodes"] if "ready" in found else 0
    return numbers | {
        "total": sum(numbers.values()),
        "nodes": sum(row["nodes"] for row in found.values()),
        "nodes_ready": ready,
    }


def _sums(mine: Any) -> list[dict[str, Any]]:
    """Return per status what deployments hold in sums of their placements, as of their last settling."""
    fields = {"wanted": "placements", "ready": "placements_ready"}
    fields |= {"running": "pods_running", "error": "pods_error", "total": "pods_total"}
    sums = {f"sum_{name}": Sum(field, default=0) for name, field in fields.items()}
    rows = mine.listed().order_by().values("status").annotate(number=Count("pk"), **sums)
    return [{name.removeprefix("sum_"): value for name, value in row.items()} for row in rows]


def _statuses(sums: list[dict[str, Any]]) -> list[Part]:
    numbers = {row["status"]: row["number"] for row in sums}
    parts = ((Status(key).label, numbers[key], tone(Status(key).label)) for key in sorted(numbers))
    values = {Status(key).label: str(key) for key in numbers}
    return _bar(parts, _url("deployments_deployment"), "status", values)


def _placements(sums: list[dict[str, Any]], *, stale: bool) -> list[Part]:
    """Return placements by state. Green needs proof: with clusters that were not seen in time it is not given."""
    ready = sum(row["ready"] for row in sums)
    moving = sum(row["wanted"] - row["ready"] for row in sums if row["status"] in _UNDER_WAY)
    missing = sum(row["wanted"] - row["ready"] for row in sums) - moving
    first = (gettext("ready when last seen"), ready, "warn") if stale else (gettext("ready"), ready, "good")
    return _bar((first, (gettext("under way"), max(moving, 0), "calm"), (gettext("not ready"), max(missing, 0), "bad")))


def _changes(user: User) -> tuple[list[dict[str, Any]], int]:
    """Return the changes under way, oldest first, and how many there are."""
    rows = Operation.objects.visible_to(user).filter(open=True, audit=Audit.APPROVED)
    shown = rows.order_by("pk").select_related("deployment__business").defer("manifests", "secrets", "chart_values")
    return [_change(row) for row in shown[:MOST]], rows.count()


def _change(row: Operation) -> dict[str, Any]:
    deployment = row.deployment
    total, ready = deployment.placements, deployment.placements_ready
    leaving = row.kind == Change.DELETE
    return {
        "name": deployment.name,
        "business": deployment.business.name,
        "what": f"{row.get_kind_display()} {'' if leaving else row.version}".strip(),
        "url": reverse("admin:deployments_deployment_change", args=[deployment.pk]),
        "said": gettext("leaving its clusters")
        if leaving
        else told(say("%(ready)s of %(total)s clusters", ready=ready, total=total)),
        "percent": 0 if leaving or not total else int(100 * ready / total),
        "leaving": leaving,
    }


def _failures(mine: Any) -> list[dict[str, Any]]:
    """Return why deployments are not well, with how many each, whichever clusters it is on."""
    bad = mine.filter(status__in=(Status.PARTIAL, Status.FAILED, Status.ERROR)).exclude(reason="").order_by()
    rows = bad.values("reason").annotate(number=Count("pk"), latest=Max("updated_at"), example=Max("pk"))
    found: dict[str, dict[str, Any]] = {}
    for row in rows.order_by("-latest")[:_MOST_REASONS]:
        reason = _WHERE.sub("", row["reason"])
        url = reverse("admin:deployments_deployment_change", args=[row["example"]])
        known = found.setdefault(reason, {"reason": reason, "number": 0, "latest": row["latest"], "url": url})
        known["number"] += row["number"]
    return sorted(found.values(), key=lambda one: -one["number"])[:MOST]


def _bar(
    parts: Iterable[tuple[Any, int, str]], url: str = "", parameter: str = "", values: dict[Any, str] | None = None
) -> list[Part]:
    rows = [part for part in parts if part[1]]
    total = sum(number for _, number, _ in rows)
    return [
        Part(
            gettext(name) if type(name) is str else name,
            number,
            tone,
            round(100 * number / total, 2),
            f"{url}?{parameter}={(values or {}).get(name, name)}" if url else "",
        )
        for name, number, tone in rows
    ]


def _url(model: str) -> str:
    return reverse(f"admin:{model}_changelist")
