"""The health endpoints over HTTP, with heartbeat rows of every age."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models.functions import Now
from django.test import Client

from clusters.models import Heartbeat
from tests.run.product import ROOT, clean_env, until

QUEUES = ["drive", "settle"]


def row(worker: str, queues: list[str], *, age: float) -> None:
    Heartbeat.objects.create(worker=worker, queues=queues, started_at=Now(), beat_at=Now() - timedelta(seconds=age))


def readyz() -> Any:
    return Client().get("/readyz")


def test_liveness_touches_nothing() -> None:
    # Without the db fixture, a query would fail.
    for path in ("/healthz", "/healthz/"):
        answer = Client().get(path)
        assert (answer.status_code, answer.json()) == (200, {"code": 200, "message": "success"})


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_only_reading(path: str) -> None:
    answer = Client(enforce_csrf_checks=True).post(path)
    assert answer.status_code == 405
    assert answer.json()["code"] == 405
    assert answer["Allow"] == "GET, HEAD"


def test_unknown_part() -> None:
    answer = Client().get("/readyz", {"only": "beat"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == {"only": ["It must be 'web' or absent."]}


@pytest.mark.django_db(transaction=True)
def test_a_fresh_heartbeat_for_each_queue() -> None:
    row("one", ["drive"], age=0)
    row("two", ["settle"], age=9)
    answer = readyz()
    assert answer.json() == {
        "code": 200,
        "message": "success",
        "data": {"web": True, "database": True, "broker": True, "workers": {"drive": True, "settle": True}},
    }
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db(transaction=True)
def test_one_worker_may_serve_both() -> None:
    row("one", QUEUES, age=0)
    assert readyz().status_code == 200


@pytest.mark.django_db(transaction=True)
def test_an_old_heartbeat_does_not_count() -> None:
    row("one", ["drive"], age=0)
    row("two", QUEUES, age=10.5)
    answer = readyz()
    assert answer.status_code == 503
    assert answer.json()["message"] == "Not ready. No worker serves the queue 'settle'."
    assert answer.json()["data"]["workers"] == {"drive": True, "settle": False}
    assert Client().get("/readyz", {"only": "web"}).status_code == 200


def test_missing_migrations_are_said(tmp_path: Path) -> None:
    """In a process of its own: this one's database has its tables."""
    env = clean_env(OTE_DATA_DIR=str(tmp_path), OTE_DEBUG="true", DJANGO_SETTINGS_MODULE="otestack.settings")
    code = (
        "import django; django.setup()\n"
        "from django.test import Client\n"
        "print(Client().get('/readyz', {'only': 'web'}, headers={'host': 'localhost'}).content.decode())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    body = json.loads(done.stdout)
    assert body["code"] == 503
    assert body["data"] == {"web": True, "database": False}
    assert "migrations are not applied" in body["message"]


@pytest.mark.django_db(transaction=True)
def test_a_worker_s_row_comes_and_goes() -> None:
    from clusters.heartbeat import Beater

    def seen() -> Heartbeat | None:
        # The suite's SQLite lies in memory, where a table that is being written to cannot be waited for.
        with contextlib.suppress(OperationalError):
            return Heartbeat.objects.filter(pk="here@host").first()
        return None

    row("long gone", QUEUES, age=2 * 86400)
    beater = Beater("here@host", ["drive"])
    beater.start()
    try:
        first = until(seen, "the row is there", 20)
        assert first is not None
        assert first.queues == ["drive"]
        until(lambda: (now := seen()) and now.beat_at > first.beat_at, "it beats again", 20)
    finally:
        beater.ending.set()
        beater.join(20)
    assert not Heartbeat.objects.exists()
