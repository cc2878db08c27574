"""Fields that a call does not have, in its body, in what the body holds and in the query, change nothing."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, transaction

from tests.conftest import Api
from tests.contract.seed.answers import differences
from tests.contract.seed.rows import ROWS
from tests.contract.seed.table import Row
from tests.contract.seed.world import World
from tests.contract.test_roles import APPS, snapshot

# Columns, their camelCase spellings, and what an ORM would make of them. The numbers are those of real rows.
EXTRAS: dict[str, Any] = {
    **dict.fromkeys(("role", "roleId", "userRole", "groups", "user_permissions"), 4),
    **dict.fromkeys(("is_superuser", "isSuperuser", "isSuperUser", "superuser", "is_staff", "isStaff"), True),
    **dict.fromkeys(("is_admin", "isAdmin", "admin", "is_active", "isActive", "is_system", "isSystem"), True),
    **dict.fromkeys(("status", "audit", "approved", "token_epoch", "tokenEpoch", "last_minor", "minor"), 1),
    **dict.fromkeys(("id", "pk", "userId", "user_id", "applicant", "applicant_id", "by", "submitted_by"), 1),
    **dict.fromkeys(("business", "businessId", "business_id", "business__id", "bundle", "bundle_id"), 1),
    **dict.fromkeys(("namespace", "ns", "selector", "selector_value", "kind", "deploy_type"), "default"),
    **dict.fromkeys(("editable", "running", "live", "open", "approve", "force", "evict", "observed"), True),
    **dict.fromkeys(("generation", "appliedGeneration", "placements", "pods_running", "createTime"), 99),
    **dict.fromkeys(("created_at", "updated_at", "deleted_at", "decided_at"), "2001-01-01T00:00:00Z"),
    **{name: ["x"] for name in ("manifests", "secrets", "spec", "labels", "objects")},
    **dict.fromkeys(("username", "user_name", "owner", "displayName", "password_hash", "_state"), "root"),
    **dict.fromkeys(("businessName", "clusterUid", "uid", "credentials", "server", "audit_comment"), "other"),
    **{name: {"a": 1} for name in ("__class__", "__proto__", "constructor", "$where", "data", "context")},
    "": 1,
    "_method": "DELETE",
    "csrfmiddlewaretoken": "x",
    "format": "html",
    "callback": "alert",
}


def _known(row: Row) -> set[str]:
    """Return the names that the call has, also those that the seed's table does not list."""
    return {param.name for param in row.parameters} | {"values"}


def _with(value: Any, extras: dict[str, Any], depth: int = 0) -> Any:
    """Return the body with the extras in every object of it; those inside keep their own names."""
    if isinstance(value, dict):
        inner = {name: _with(item, extras, depth + 1) for name, item in value.items()}
        return extras | inner if depth == 0 else {n: v for n, v in extras.items() if n not in INNER} | inner
    return [_with(item, extras, depth + 1) for item in value] if isinstance(value, list) else value


_UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")

# What objects inside of bodies have.
INNER = {"port", "hostPort", "path", "hostPath", "readOnly", "name", "value", "service"}


def _plain(value: Any) -> Any:
    """Return a value without what is different each time: times, random numbers, hashes."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if name not in {"token", "createTime", "updateTime"}}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime | uuid.UUID):
        return type(value).__name__
    if isinstance(value, str):
        return value.partition("$")[0] if value.startswith("md5$") else _UUID.sub("UUID", value)
    return value


def _outcome(send: Callable[[], Any]) -> Any:
    """Return the answer and what it left in the database, then undo it."""
    models = [model for name in APPS for model in apps.get_app_config(name).get_models()]
    with transaction.atomic():
        with connection.cursor() as cursor:  # or the second of two would get other ids
            for statement in connection.ops.sequence_reset_sql(no_style(), models):
                cursor.execute(statement)
        answer = send()
        seen = (answer.status_code, _plain(answer.json()), _plain(snapshot()))
        transaction.set_rollback(True)
    return seen


def _differences(one: Any, other: Any) -> list[Any]:
    """Return where two outcomes differ, a pair each."""
    if type(one) is type(other) and isinstance(one, list | tuple) and len(one) == len(other):
        return [pair for a, b in zip(one, other, strict=True) for pair in _differences(a, b)]
    return [] if one == other else [(one, other)]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_a_call_does_not_have_does_nothing(row: Row, world: World) -> None:
    row.scene(world)
    extras = {name: value for name, value in EXTRAS.items() if name not in _known(row)}
    if row.form:  # holds text only
        extras = {name: value for name, value in extras.items() if not isinstance(value, dict | list)}
    caller = Api(world.caller)
    world.api = lambda _: caller
    sent = row.sent(world)
    more = _with(sent, extras) if row.of("body") else sent
    if world.uses_harbor and not row.endpoint.startswith("GET "):  # what is done there cannot be undone
        assert differences(row, world, row.send(world, more).json()) == []
        return
    plain = _outcome(lambda: row.send(world, sent))
    assert plain[0] == row.status
    if not row.endpoint.startswith("GET "):
        assert _differences(_outcome(lambda: row.send(world, more)), plain) == []
    if row.form:
        return
    method, _, path = row.spellings()[0].partition(" ")
    path = path.format(**row.path_values(world))
    own = sent if method == "GET" else {}
    query = {name: value for name, value in extras.items() if not isinstance(value, dict | list)} | own
    body = sent if row.of("body") and method != "GET" else None
    assert _differences(_outcome(lambda: caller(method.lower(), path, body, **query)), plain) == []


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_makes_another_method_of_it(api: Any, admin: Any, member: Any, name: str) -> None:
    caller, before = api(admin), snapshot()
    answer = caller.client.get(f"/v1/admin/user/{member.pk}", headers={"Authorization": caller.token, name: "DELETE"})
    assert answer.status_code == 405
    assert snapshot() == before


@pytest.mark.parametrize("name", ["X-User", "X-Remote-User", "Remote-User", "X-Forwarded-User", "X-Original-URL"])
def test_no_header_makes_another_caller_of_it(api: Any, admin: Any, name: str) -> None:
    answer = api().client.get("/v1/admin/user", headers={name: admin.username})
    assert answer.status_code == 401
