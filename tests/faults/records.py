"""What a product's database says, asked through its own models in a process of its own.

python -m tests.faults.records: a line with the name of a question comes in, a line of JSON goes out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.run.product import ROOT


class Away(Exception):
    """The database did not answer; str() says why."""


class Records:
    """Asks a process that starts with the first question and ends with this one."""

    def __init__(self, env: Mapping[str, str]) -> None:
        # The same folder by another spelling: Product.everything is to kill and to miss the product's processes alone.
        self._env = dict(env) | {
            "DJANGO_SETTINGS_MODULE": "otestack.settings", "OTE_DATA_DIR": f"{env['OTE_DATA_DIR']}/"
        }  # fmt: skip
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def ask(self, question: str) -> Any:
        """Return the answer. Raises Away."""
        with self._lock:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "tests.faults.records"], cwd=ROOT, env=self._env, text=True,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                )  # fmt: skip
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(question + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise Away(answer["error"])
        return answer


def _stamp(at: datetime | None) -> float | None:
    return at.timestamp() if at else None


def _placements() -> dict[str, Any]:
    """Return every placement, in one statement and so of one instant, and when each cluster was listed last."""
    from clusters.models import Cluster, Placement, observe_interval

    columns = ("cluster__name", "bundle__uid", "bundle__deployment__id", "present", "generation", "attempts")
    rows = Placement.objects.order_by().values_list(*columns)
    return {
        "interval": observe_interval(),
        "placements": [(row[0], str(row[1]), *row[2:]) for row in rows],
        "observed": {name: _stamp(at) for name, at in Cluster.objects.values_list("name", "observed_at")},
    }


def _everything() -> dict[str, Any]:
    """Return all that the engine wants and has recorded."""
    from clusters.engine.clock import db_now
    from clusters.models import Bundle, BundleObject, Cluster, ClusterLabel, Installation, Placement, observe_interval
    from deployments.models import Deployment

    bodies: dict[int, list[Any]] = {}
    for item in BundleObject.objects.order_by("position"):
        bodies.setdefault(item.bundle_id, []).append(json.loads(item.secret or item.body))
    labels: dict[int, list[str]] = {}
    for label in ClusterLabel.objects.all():
        labels.setdefault(label.cluster_id, []).append(label.label)
    uids = dict(Bundle.objects.values_list("pk", "uid"))
    names = dict(Cluster.objects.values_list("pk", "name"))
    return {
        "now": _stamp(db_now()),
        "centre": str(Installation.objects.get(pk=1).centre),
        "interval": observe_interval(),
        "clusters": [
            {
                "name": row.name, "labels": labels.get(row.pk, []), "removing": row.removing,
                "away": row.away_since is not None, "change_due_at": _stamp(row.change_due_at),
                "observe_due_at": _stamp(row.observe_due_at), "lease_until": _stamp(row.lease_until),
                "lease_epoch": row.lease_epoch, "last_error": row.last_error, "orphans": row.orphans,
            }
            for row in Cluster.objects.all()
        ],
        "bundles": [
            {
                "uid": str(row.uid), "title": row.title, "generation": row.generation, "selector": row.selector,
                "selector_value": row.selector_value, "ended": row.ended_at is not None,
                "objects": bodies.get(row.pk, []),
            }
            for row in Bundle.objects.all()
        ],
        "placements": [
            {
                "cluster": names.get(row.cluster_id), "bundle": str(uids.get(row.bundle_id)), "present": row.present,
                "generation": row.generation, "applied_generation": row.applied_generation,
                "ready_generation": row.ready_generation, "marks": row.marks, "running": row.running,
                "total": row.total, "error": row.error, "last_error": row.last_error, "failed": row.failed,
            }
            for row in Placement.objects.all()
        ],
        "deployments": [
            {"id": row.pk, "name": row.name, "status": row.status, "open": bool(row.current and row.current.open),
             "bundle": str(uids.get(row.bundle_id or 0))}
            for row in Deployment.objects.select_related("current")
        ],
    }  # fmt: skip


def _an_hour_passes() -> dict[str, Any]:
    """Make all that the engine has written down an hour older; return how many rows that were."""
    from django.apps import apps
    from django.db.models import DateTimeField, F

    rows = 0
    for model in apps.get_app_config("clusters").get_models():
        times = [field.name for field in model._meta.concrete_fields if isinstance(field, DateTimeField)]
        if times:
            rows += model._base_manager.update(**{name: F(name) - timedelta(hours=1) for name in times})
    return {"rows": rows}


QUESTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "placements": _placements, "everything": _everything, "an hour passes": _an_hour_passes
}  # fmt: skip


def _main() -> None:
    """Answer until the asker is gone; a question that fails is answered with the error.

    Each question connects anew: the database may have been restarted, or replaced by another.
    """
    import django
    from django.db import DatabaseError, connection

    django.setup()
    for line in sys.stdin:
        try:
            answer = QUESTIONS[line.strip()]()
        except DatabaseError as error:
            answer = {"error": str(error) or type(error).__name__}
        connection.close()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _main()
