"""manage.py purge, loadtest_data and rotate_secrets."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import connection

from accounts.models import RevokedToken
from clusters.engine.claim import Quota, claim
from clusters.engine.clock import db_now
from clusters.engine.placing import place_all
from clusters.models import Cluster, Placement
from deployments.models import Deployment, Event, Operation
from deployments.recount import differences
from otestack.models import TrailEntry
from registry.models import ExternalRepository
from tests.commands.running import data, failure, run
from tests.deployments import fleet
from tests.deployments.conftest import beijing, harbin

__all__ = ["beijing", "harbin"]


def test_purge_keeps_what_is_needed(api: Any, admin: Any, running: Deployment) -> None:
    path = f"/v1/deploy/id/{running.pk}"
    for version in ("1.0.2", "1.0.3", "1.0.2"):
        rolls_back = Operation.objects.filter(deployment=running, version=version).exists()
        api(admin)("put" if rolls_back else "post", path, {"version": version, "comment": ""})
        fleet.ready(running)
    assert data("purge", "--dry-run", "--days", "1")["operations"] == 0
    Operation.objects.update(ended_at=db_now() - timedelta(days=100))
    first, _older, newer, current = Operation.objects.order_by("pk")
    entries = TrailEntry.objects.count()
    assert run("purge", "--dry-run") == "1 changes would go.\n"
    assert Operation.objects.count() == 4
    assert run("purge") == "1 changes, 0 events and 0 expired tokens are gone.\n"
    # Of 1.0.2 the older run goes; 1.0.1 and 1.0.3 have one each, which a rollback may want.
    assert set(Operation.objects.all()) == {first, newer, current}
    assert TrailEntry.objects.count() == entries + 1
    api(admin).put(path, {"version": "1.0.1", "comment": ""})
    assert run("purge", "--days", "0") == "1 changes, 0 events and 0 expired tokens are gone.\n"
    events = Event.objects.filter(deployment=running)
    newest = events.latest("pk")
    assert data("purge", "--event-days", "0")["events"] > 3
    assert events.get() == newest


def test_purge_of_a_deleted_deployment(api: Any, admin: Any, running: Deployment) -> None:
    api(admin).delete(f"/v1/deploy/id/{running.pk}")
    fleet.let_go(running)
    Operation.objects.update(ended_at=db_now() - timedelta(days=100))
    assert data("purge")["operations"] == 1
    assert api(admin).get(f"/v1/deploy/id/{running.pk}").status_code == 200


def test_purge_keeps_what_a_refusal_shows_again(
    api: Any, admin: Any, member: Any, acme: Any, deploy: Any, versions: Any, beijing: Any, decide: Any
) -> None:
    fields = {"address": "registry.example", "user": "u", "password": "p"}
    repository = ExternalRepository.objects.create(business=acme, repository_id="hub", **fields)
    versions(version="2.0", repositoryId="hub")
    versions()
    repository.delete()  # so the objects of the first change cannot be made
    row = deploy(admin, version="2.0.1")
    assert api(member).post(f"/v1/deploy/id/{row.pk}", {"version": "1.0.1"}).status_code == 200
    Operation.objects.filter(open=False).update(ended_at=db_now() - timedelta(days=100))
    assert data("purge")["operations"] == 0
    assert decide(admin, row, 2) == 200


def test_purge_of_a_change_whose_secrets_cannot_be_read(api: Any, admin: Any, running: Deployment) -> None:
    api(admin).delete(f"/v1/deploy/id/{running.pk}")
    fleet.let_go(running)
    Operation.objects.update(ended_at=db_now() - timedelta(days=100))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE deployments_operation SET secrets = 'under a key that is lost'")
    assert data("purge")["operations"] == 1
    assert TrailEntry.objects.get(verb="purge").after["number"] == 1


@pytest.mark.parametrize("days", ["-1", "36501", "x", "99999999999"])
def test_purge_of_days_that_are_none(days: str) -> None:
    with pytest.raises(CommandError, match="whole number from 0 to 36500"):
        run("purge", f"--days={days}")


def test_purge_forgets_expired_tokens(db: None) -> None:
    RevokedToken.objects.create(jti="old", expires_at=db_now() - timedelta(seconds=1))
    RevokedToken.objects.create(jti="new", expires_at=db_now() + timedelta(hours=1))
    assert data("purge")["tokens"] == 1
    assert RevokedToken.objects.get().jti == "new"


def test_loadtest_data(db: None, api: Any, system: Any) -> None:
    errors = io.StringIO()
    run("loadtest_data", "--clusters", "30", "--deployments", "60", "--placements", "1000", errors=errors)
    assert "Placements: 1000 of 1000" in errors.getvalue()
    assert (Cluster.objects.count(), Deployment.objects.count(), Placement.objects.count()) == (30, 60, 1000)
    sizes = Deployment.objects.values_list("placements", flat=True)
    assert set(sizes) == {16, 17} and sum(sizes) == 1000
    assert differences() == []
    assert not place_all()  # placements are what the labels say
    assert claim(Quota(clusters=10, probes=10))[0] == []  # nothing is due, so no worker asks edges that do not exist
    assert api(system).get("/v1/deploy", pageSize=0).json()["total"] == 60
    assert api(system).get("/v1/cluster").json()["total"] == 30
    assert "already" in failure("loadtest_data")


def test_loadtest_data_refuses_real_data(running: Deployment) -> None:
    assert "--force" in failure("loadtest_data", "--clusters", "1", "--deployments", "1", "--placements", "1")
    run("loadtest_data", "--clusters", "3", "--deployments", "2", "--placements", "6", "--force")
    assert Placement.objects.count() == 2 + 6
    assert "at most one" in failure("loadtest_data", "--clusters", "1", "--deployments", "1", "--placements", "2")


def test_rotate_secrets_is_written_down(beijing: Any, written: Any) -> None:
    with written() as entries:
        found = data("rotate_secrets")
    assert found["clusters.Cluster.credentials"] == 1
    assert [(one.kind, one.verb, one.after) for one in entries] == [("secrets", "rotate", found)]


@pytest.mark.parametrize(
    "command",
    ["cluster", "deploy", "reconcile", "audit", "user", "doctor", "rotate_secrets", "purge", "loadtest_data", "fleet"],
)
def test_help_is_worth_reading(command: str, capsys: Any) -> None:
    from django.core.management import get_commands, load_command_class

    from otestack.management.base import OperatorCommand

    made = load_command_class(get_commands()[command], command)
    assert isinstance(made, OperatorCommand)
    said = made.create_parser("manage.py", command).format_help()
    assert "Examples:" in said and f"manage.py {command}" in said
    assert "Exit codes: 0 done, 1 refused or failed, 2 wrong usage" in said
