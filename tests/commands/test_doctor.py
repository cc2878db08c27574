"""manage.py doctor: each part, well and not well."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError
from django.db import connection
from django.db.models.functions import Now

from clusters.engine.clock import db_now
from clusters.models import Heartbeat
from otestack.doctor import examine
from otestack.trail import guard
from tests.commands.running import data, failure, run
from tests.deployments import fleet

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _workers(settings: Any, tmp_path: Path) -> None:
    settings.OTE_DATA_DIR = tmp_path
    settings.OTE_REGISTRY_URL = ""
    Heartbeat.objects.create(worker="w", queues=["drive", "settle"], started_at=Now(), beat_at=Now())


def states(part: str) -> dict[str, str]:
    """State to advice of a part."""
    return {one.state: one.advice for one in examine() if one.part == part}


def test_all_is_well() -> None:
    fleet.join("beijing")
    found = data("doctor")
    assert {row["part"]: row["state"] for row in found} == {
        "secrets": "ok", "database": "ok", "encrypted columns": "ok", "audit trail": "ok", "clock": "ok",
        "broker": "ok", "workers": "ok", "registry": "skipped", "helm": "ok", "clusters": "ok",
    }  # fmt: skip
    assert "ok       clusters:          1 of 1 are ready." in run("doctor").splitlines()


def test_a_failure_fails_and_says_what_to_do(capsys: Any) -> None:
    Heartbeat.objects.all().delete()
    assert failure("doctor") == "Not well: workers."
    assert "celery -A otestack worker -Q drive" in str([one.advice for one in examine()])


def test_clusters_are_warnings() -> None:
    assert "cluster add" in states("clusters")["warning"]
    fleet.away(fleet.join("beijing"))
    fleet.stale(fleet.join("harbin"))
    sentences = [one.sentence for one in examine() if one.part == "clusters"]
    assert sentences == [
        "1 of 2 do not answer: beijing.", "1 of 2 were not observed in time: harbin.", "0 of 2 are ready.",
    ]  # fmt: skip
    run("doctor")


def test_a_registry_that_is_down(settings: Any) -> None:
    settings.OTE_REGISTRY_URL = "http://127.0.0.1:9"
    assert "OTE_REGISTRY_URL" in states("registry")["failure"]


def test_no_helm(settings: Any) -> None:
    settings.OTE_HELM = "/nowhere/helm"
    assert "OTE_HELM" in states("helm")["failure"]


def test_a_dead_broker(settings: Any) -> None:
    from otestack.celery import app

    before = app.conf.broker_url, app.conf.broker_write_url
    app.conf.update(broker_url="redis://127.0.0.1:9/0", broker_write_url="redis://127.0.0.1:9/0")
    try:
        assert "CELERY_BROKER_URL" in states("broker")["failure"]
    finally:
        app.conf.update(broker_url=before[0], broker_write_url=before[1])


def test_secrets(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{}")
    (tmp_path / "secrets.json").chmod(0o644)
    settings.OTE_ENCRYPTION_KEYS = [*settings.OTE_ENCRYPTION_KEYS, Fernet.generate_key().decode()]
    settings.DEBUG = True
    found = [(one.state, one.advice) for one in examine() if one.part == "secrets"]
    assert [state for state, _ in found] == ["failure", "warning", "warning", "ok"]
    assert found[0][1].startswith("chmod 600 ")
    assert "rotate_secrets" in found[1][1]


def test_a_lost_key(settings: Any) -> None:
    fleet.join("beijing")
    settings.OTE_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert "OTE_ENCRYPTION_KEYS" in states("encrypted columns")["failure"]


def test_an_unguarded_trail() -> None:
    guard.open_up(connection)
    assert "docs/audit-trail.md" in states("audit trail")["failure"]
    guard.close(connection)
    assert states("audit trail") == {"ok": ""}


def test_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otestack.doctor.db_now", lambda: db_now() - timedelta(seconds=5))
    assert "NTP" in states("clock")["failure"]


def test_without_the_database_the_rest_is_still_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def dead() -> None:
        raise CommandError("connection refused")

    monkeypatch.setattr("otestack.doctor.check_database", dead)
    found = {one.part: one for one in examine()}
    assert "DATABASE_URL" in found["database"].advice and found["database"].state == "failure"
    assert found["clusters"].state == found["audit trail"].state == "skipped"
    assert found["broker"].state == found["helm"].state == "ok"
