"""The fleet at a glance: counts by the database over small tables and sums; placements only of some late clusters."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, F, Max, Sum, Value
from django.db.models.functions import Concat, Now, Replace
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext

from accounts.models import User
from clusters.freshness import is_fresh
from clusters.heartbeat import ALIVE_SECONDS
from clusters.models import Cluster, Heartbeat, Placement
from clusters.reports import STATES, cluster_state
from deployments.counts import READY, cause
from deployments.freshness import unproven
from deployments.models import Audit, Change, Deployment, Operation, Status
from otestack.backoffice import reasons
from otestack.backoffice.words import tone
from otestack.sentences import SentenceField, say, told

# Lines of each list on the page; beyond them it says how many there are.
MOST = 10
# Reasons that are fetched before those that differ in names only are put together.
_MOST_REASONS = 300
# Late clusters of which each placement is counted; beyond them it is said of all of them.
_MOST_LATE = 500
_UNDER_WAY = {Status.APPROVED, Status.PROCESSING, Status.DEPLOYING}


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
    late = _late(mine) if clusters["stale"] or clusters["away"] or clusters["removing"] else 0
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
        "deployments_bar": _statuses(sums, _unproven(mine) if late is None or late else 0),
        "placements": sum(row["wanted"] for row in sums),
        "placements_bar": _placements(sums, late),
        "pods": {name: sum(row[name] for row in sums) for name in ("running", "error", "total")},
        "under_way": under_way,
        "under_way_more": number - len(under_way),
        "failures": _failures(mine),
        "away": _away(),
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
    found = [{name.removeprefix("sum_"): value for name, value in row.items()} for row in rows]
    for row in found:
        if row["status"] == Status.APPROVED:  # not settled since; what was ready is the version before
            row["ready"] = 0
    return found


def _late(mine: Any) -> int | None:
    """Return on how many placements something was ready when last seen, and is not proven now; None: on very many."""
    clusters = list(Cluster.objects.exclude(is_fresh()).order_by().values_list("pk", flat=True)[: _MOST_LATE + 1])
    if len(clusters) > _MOST_LATE:
        return None
    ready = Placement.objects.filter(READY, cluster__in=clusters)
    return ready.filter(bundle__in=mine.listed().order_by().values("bundle")).count()


def _statuses(sums: list[dict[str, Any]], unseen: int) -> list[Part]:
    """Return deployments by status as it is read. unseen: how many are stored as a success without proof now."""
    numbers = {row["status"]: row["number"] for row in sums}
    if unseen:
        numbers[Status.SUCCESS] -= unseen
        numbers[Status.PARTIAL] = numbers.get(Status.PARTIAL, 0) + unseen
    parts = ((Status(key).label, numbers[key], _tone(key)) for key in sorted(numbers))
    values = {Status(key).label: str(key) for key in numbers}
    return _bar(parts, _url("deployments_deployment"), "status", values)


def _tone(status: int) -> str:
    """Return a status's tone: approved is good news of a user, but of a deployment only a beginning."""
    return "calm" if status in _UNDER_WAY else tone(Status(status).label)


def _unproven(mine: Any) -> int:
    return int(mine.filter(status=Status.SUCCESS).filter(unproven()).count())


def _placements(sums: list[dict[str, Any]], late: int | None) -> list[Part]:
    """Return placements by state. Green needs proof; late: how many of the ready ones have none now, None: most."""
    ready = sum(row["ready"] for row in sums)
    unseen = ready if late is None else min(late, ready)
    moving = sum(row["wanted"] - row["ready"] for row in sums if row["status"] in _UNDER_WAY)
    missing = sum(row["wanted"] - row["ready"] for row in sums) - moving
    first = ((gettext("ready"), ready - unseen, "good"), (gettext("ready when last seen"), unseen, "warn"))
    rest = ((gettext("under way"), max(moving, 0), "calm"), (gettext("not ready"), max(missing, 0), "bad"))
    return _bar((*first, *rest))


def _changes(user: User) -> tuple[list[dict[str, Any]], int]:
    """Return the changes under way, oldest first, and how many there are."""
    rows = Operation.objects.visible_to(user).filter(open=True, audit=Audit.APPROVED)
    shown = rows.order_by("pk").select_related("deployment__business").defer("manifests", "secrets", "chart_values")
    return [_change(row) for row in shown[:MOST]], rows.count()


def _change(row: Operation) -> dict[str, Any]:
    deployment = row.deployment
    begun = deployment.status != Status.APPROVED  # until then the sums are those of the version before
    total, ready = (deployment.placements, deployment.placements_ready) if begun else (0, 0)
    leaving = row.kind == Change.DELETE
    return {
        "id": deployment.pk,
        "name": deployment.name,
        "business": deployment.business.name,
        "what": f"{row.get_kind_display()} {'' if leaving else row.version}".strip(),
        "url": reverse("admin:deployments_deployment_change", args=[deployment.pk]),
        "said": _said(ready, total, leaving=leaving, begun=begun),
        "percent": 0 if leaving or not total else int(100 * ready / total),
        "leaving": leaving,
    }


def _said(ready: int, total: int, *, leaving: bool, begun: bool) -> str:
    if leaving:
        return gettext("leaving its clusters")
    if not begun:
        return gettext("just approved")
    return told(say("%(ready)s of %(total)s clusters", ready=ready, total=total))


def _failures(mine: Any) -> list[dict[str, Any]]:
    """Return why deployments are not well, with how many each, whichever clusters it is on."""
    bad = mine.filter(status__in=(Status.PARTIAL, Status.FAILED, Status.ERROR)).exclude(reason="").order_by()
    rows = bad.values("reason").annotate(number=Count("pk"), latest=Max("updated_at"), example=Max("pk"))
    found: dict[Hashable, dict[str, Any]] = {}
    for row in rows.order_by("-latest")[:_MOST_REASONS]:
        reason = cause(row["reason"])
        url = reverse("admin:deployments_deployment_change", args=[row["example"]])
        new = {"reason": reasons.said(reason), "number": 0, "latest": row["latest"], "url": url}
        found.setdefault(reasons.code(reason), new)["number"] += row["number"]
    return sorted(found.values(), key=lambda one: -one["number"])[:MOST]


def _away() -> list[dict[str, Any]]:
    """Return why clusters are away, with how many each. A cluster's own name is taken out before they are counted."""
    error: Any = F("last_error")
    for name in ("name", "cluster"):  # as a SentenceField keeps them
        held: Any = Concat(Value(f'"{name}": "'), F("name"), Value('"'))
        error = Replace(error, held, Value(f'"{name}": ""'), output_field=SentenceField())
    rows: Any = Cluster.objects.filter(away_since__isnull=False).order_by().values(error=error)
    found: dict[Hashable, dict[str, Any]] = {}
    for row in rows.annotate(number=Count("pk")).order_by("-number", "error")[:_MOST_REASONS]:
        reason = reasons.plainly(row["error"])
        new = {"reason": reasons.said(reason), "number": 0}
        found.setdefault(reasons.code(reason), new)["number"] += row["number"]
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
