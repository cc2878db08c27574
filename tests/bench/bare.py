"""What the API costs at least: for each path a bare Django view with the same token, the same SQL and json.dumps.

No middleware, no REST framework, no ORM. The statements are those that the product sent for the same request
(tests/bench/plans.py writes them down), so that neither side has better ones, and the answer is the same JSON.

Served like the product, as tests.bench.bare. BENCH_PLANS names the file that tests/bench/plans.py has written;
DATABASE_URL is the product's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import dj_database_url
import django
import jwt
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import re_path

from deployments.placements import clusters_named, sentence
from otestack.sentences import say, told, unpacked

Answer = dict[str, Any]
SUCCESS, PARTIAL = 5, 6


class Result:
    """What a statement returned."""

    def __init__(self, names: list[str], rows: list[tuple[Any, ...]]) -> None:
        self.names, self.rows = names, rows

    def take(self, *names: str) -> Iterator[Any]:
        """Return these columns of each row."""
        return map(itemgetter(*(self.names.index(name) for name in names)), self.rows)

    @property
    def value(self) -> Any:
        """The one value of its one row."""
        return self.rows[0][0]


def run(statement: str) -> Result:
    """Run a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return Result([column[0] for column in cursor.description], cursor.fetchall())


def unix(time: Any) -> int | None:
    """Return whole seconds; null stays null."""
    return None if time is None else int(time.timestamp())


def listed(total: Result, rows: list[Answer]) -> Answer:
    """Return the answer of a list."""
    return {"data": rows, "total": total.value}


def users(total: Result, rows: Result) -> Answer:
    """GET /v1/admin/user."""
    columns = ("id", "username", "status", "real_name", "phone", "created_at", "updated_at")
    return listed(
        total,
        [
            {"id": pk, "user": user, "status": status, "realName": name, "phone": phone, "createTime": unix(created),
             "updateTime": unix(updated)}
            for pk, user, status, name, phone, created, updated in rows.take(*columns)
        ],
    )  # fmt: skip


def businesses(total: Result, rows: Result) -> Answer:
    """GET /v1/business."""
    return listed(total, [_business(*row) for row in rows.take(*_BUSINESS)])


def business(rows: Result) -> Answer:
    """GET /v1/business/id/[id]."""
    texts = ("introduce", "objective", "scale")
    (found,) = rows.take(*_BUSINESS, *texts)
    return {"data": _business(*found[: len(_BUSINESS)]) | dict(zip(texts, found[len(_BUSINESS) :], strict=True))}


_BUSINESS = ("name", "applicant_id", "comment", "id", "status", "created_at", "updated_at")


def _business(name: str, user: int | None, comment: str, pk: int, status: int, created: Any, updated: Any) -> Answer:
    return {"name": name, "userId": user or 0, "comment": comment, "id": pk, "status": status,
            "createTime": unix(created), "updateTime": unix(updated)}  # fmt: skip


def clusters(_interval: Result, total: Result, rows: Result) -> Answer:
    """GET /v1/cluster."""
    found = rows.take("name", "node_count", "fresh")
    return listed(total, [{"clusterName": name, "nodeCount": nodes, "isReady": fresh} for name, nodes, fresh in found])


def labels(rows: Result) -> Answer:
    """GET /v1/cluster/label, GET /v1/node/label."""
    return {"data": sorted(rows.take("value"))}


def labels_of_cluster(_cluster: Result, total: Result, rows: Result) -> Answer:
    """GET /v1/cluster/label/[name]."""
    found = rows.take("label", "created_at")
    return listed(total, [{"clusterLabel": label, "createTime": unix(created)} for label, created in found])


def nodes(_interval: Result, total: Result, rows: Result, ready: Result) -> Answer:
    """GET /v1/node."""
    columns = (
        "name",
        "cluster__name",
        "operating_system",
        "kernel_version",
        "alive",
        "ip",
        "memory",
        "cpu",
        "gpu",
        "disk",
    )
    found = [
        {"nodeName": name, "clusterName": cluster, "operatingSystem": system, "kernelVersion": kernel, "isReady": alive,
         "ip": ip, "memory": memory, "cpu": cpu, "gpu": gpu, "disk": disk}
        for name, cluster, system, kernel, alive, ip, memory, cpu, gpu, disk in rows.take(*columns)
    ]  # fmt: skip
    return listed(total, found) | {"meta": {"readyNodeCount": ready.value}}


def apps(total: Result, rows: Result) -> Answer:
    """GET /v1/app."""
    return {"total": total.value, "apps": [_app(*row) for row in rows.take(*_APP)]}


def app(rows: Result) -> Answer:
    """GET /v1/app/id/[id]."""
    return {"data": _app(*next(rows.take(*_APP)))}


_APP = ("id", "app_name", "status", "deploy_type", "image", "repository_id", "version", "spec", "created_at",
        "updated_at")  # fmt: skip
_HUNDREDTHS = ("minCPU", "maxCPU", "targetCPUUtilization")


def _app(pk: int, name: str, status: int, kind: str, image: str, repository: str, version: str, stored: str,
         created: Any, updated: Any) -> Answer:  # fmt: skip
    spec = json.loads(stored)
    for key in _HUNDREDTHS:
        spec[key] = spec[key] / 100 if spec[key] % 100 else spec[key] // 100
    return {"id": pk, "appName": name, "status": status, "deployType": kind, "image": image, "projectName": "",
            "repositoryId": repository, "version": version, **spec, "createTime": unix(created),
            "updateTime": unix(updated)}  # fmt: skip


def deployments(total: Result, rows: Result, *late: Result) -> Answer:
    """GET /v1/deploy."""
    return listed(total, _deployments(rows, *late))


def deployment(row: Result, *late: Result) -> Answer:
    """GET /v1/deploy/id/[id]."""
    return {"data": _deployments(row, *late)[0]}


def _deployments(rows: Result, *found: Result) -> list[Answer]:
    # The interval first. Neither is asked for when nothing is green.
    late = found[-1] if found else Result(["bundle_id", "number", "first"], [])
    unproven = {bundle: (number, first) for bundle, number, first in late.take("bundle_id", "number", "first")}
    columns = ("id", "name", "app_name", "shown__version", "cluster", "node_label", "shown__kind", "status",
               "shown__comment", "editable", "running", "created_at", "updated_at", "audit_comment", "bundle_id",
               "pods_running", "pods_error", "pods_total", "reason")  # fmt: skip
    answers = []
    for row in rows.take(*columns):
        pk, name, app, version, cluster, label, kind, status, comment, editable, runs, created, updated = row[:13]
        audit, bundle, running, error, pods, reason = row[13:]
        number, first = unproven.get(bundle, (0, ""))
        if status == SUCCESS and number:
            status, why = PARTIAL, clusters_named(number, say("away or not observed in time"), first)
        else:
            why = "" if status == SUCCESS else unpacked(reason)
        message = {"running": running, "error": error, "total": pods} | ({"reason": told(why)} if why else {})
        answers.append(
            {"id": pk, "deployName": name, "appName": app, "version": version, "cluster": cluster, "nodeLabel": label,
             "deployType": kind, "status": status, "errorMessage": json.dumps(message, ensure_ascii=False),
             "comment": comment, "editable": editable, "running": runs, "createTime": unix(created),
             "updateTime": unix(updated), "auditComment": audit}
        )  # fmt: skip
    return answers


def placements(_deployment: Result, _interval: Result, total: Result, rows: Result) -> Answer:
    """GET /v1/deploy/id/[id]/clusters."""
    columns = ("cluster__name", "state", "generation", "applied_generation", "running", "error", "total",
               "last_error", "cluster__observed_at", "next_attempt_at", "cluster__away_since",
               "cluster__last_error")  # fmt: skip
    found = []
    for row in rows.take(*columns):
        name, state, wanted, applied, running, error, pods, last_error, observed, retried, away, why = row
        said = told(sentence(state, unpacked(last_error), observed, away, unpacked(why)))
        found.append(
            {"clusterName": name, "state": state, "generation": wanted, "appliedGeneration": applied,
             "running": running, "error": error, "total": pods, "lastError": said, "observedAt": unix(observed),
             "nextAttemptAt": unix(retried)}
        )  # fmt: skip
    return listed(total, found)


def audits(total: Result, rows: Result) -> Answer:
    """GET /v1/admin/deploy."""
    columns = ("id", "deployment__business__name", "deployment__app_name", "version", "deployment__cluster",
               "deployment_id", "kind", "audit", "audit_comment",
               "created_at", "decided_at")  # fmt: skip
    found = [
        {"id": pk, "businessName": business, "appName": app, "version": version, "cluster": cluster, "deployId": parent,
         "deployType": kind, "status": audit, "comment": comment, "createTime": unix(created),
         "updateTime": unix(decided or created)}
        for pk, business, app, version, cluster, parent, kind, audit, comment, created, decided in rows.take(*columns)
    ]  # fmt: skip
    return listed(total, found)


def authorization(has_account: Result) -> Answer:
    """GET /v1/authorization, of a system administrator under the default settings."""
    return {"data": {"displayName": "admin", "hasRepoAccount": bool(has_account.rows), "role": 4,
                     "privateProject": False, "enableIngress": False, "enableAlert": False,
                     "enableAdminAutoDeploy": True}}  # fmt: skip


class View:
    """Answers one path by the statements written down for it, of which the first finds the caller."""

    def __init__(self, key: str, statements: list[str], name: str) -> None:
        self.key, self.statements, self.shape = key, statements, globals()[name]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        claims = jwt.decode(request.META["HTTP_AUTHORIZATION"], self.key, algorithms=["HS256"])
        caller, *found = (run(statement) for statement in self.statements)
        if claims["typ"] != "access" or [int(claims["uid"])] != [row[0] for row in caller.rows]:
            return HttpResponse(status=401)
        answer = {"code": 200, "message": "success"} | self.shape(*found)
        return HttpResponse(json.dumps(answer), content_type="application/json")


def prepare() -> WSGIHandler:
    """Return the application."""
    database = dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=60, conn_health_checks=True)
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"], DATABASES={"default": database}, ROOT_URLCONF=__name__, USE_TZ=True, MIDDLEWARE=[]
    )
    django.setup()
    return WSGIHandler()


def _views() -> dict[str, View]:
    plans = json.loads(Path(os.environ["BENCH_PLANS"]).read_text())
    return {path: View(plans["key"], plan["statements"], plan["view"]) for path, plan in plans["paths"].items()}


def answer(request: HttpRequest) -> HttpResponse:
    """Answer any path that there is a plan for."""
    return VIEWS[request.get_full_path()](request)


if "BENCH_PLANS" in os.environ:
    VIEWS = _views()
    urlpatterns = [re_path("", answer)]
    application = prepare()
