"""manage.py deploy and manage.py audit, as an operator types them."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from business.models import Business
from deployments.models import Deployment, Operation, Status
from otestack.caller import operator
from otestack.models import TrailEntry
from tests.commands.running import data, failure, run
from tests.deployments import fleet
from tests.deployments.conftest import beijing, harbin

__all__ = ["beijing", "harbin"]


def test_list(running: Deployment) -> None:
    lines = run("deploy", "list").splitlines()
    assert lines[0].split() == ["ID", "BUSINESS", "NAME", "VERSION", "STATE", "CLUSTERS", "PODS", "REASON"]
    assert lines[1].split() == [str(running.pk), "acme", "web1", "web", "1.0.1", "success", "2/2", "2/2"]
    (row,) = data("deploy", "list", "--business", "acme", "--state", "success")
    assert (row["name"], row["clusters"], row["underWay"]) == ("web1", 2, False)
    assert data("deploy", "list", "--state", "failed") == []
    assert failure("deploy", "list", "--business", "other") == "There is no business 'other'."


def test_list_judges_freshness_now(running: Deployment, beijing: Any) -> None:
    fleet.stale(beijing)
    (row,) = data("deploy", "list")
    assert row["state"] == "partial" and "beijing" in row["reason"]


def test_show(running: Deployment, beijing: Any) -> None:
    fleet.failed(running, beijing, why="ImagePullBackOff")
    said = run("deploy", "show", "acme/web1")
    for words in ("acme/web1", "web 1.0.1", "partial", "1 failed, 1 ready", "On 1:", "ImagePullBackOff", "new"):
        assert words in said, words
    row = data("deploy", "show", str(running.pk))
    assert row["clusterStates"] == {"failed": 1, "ready": 1}
    assert row["reasons"] == [{"reason": "ImagePullBackOff", "clusters": 1}]
    assert [one["change"] for one in row["changes"]] == ["new"]


def test_unknown_and_ambiguous_names(running: Deployment, other: Any) -> None:
    assert failure("deploy", "show", "gone") == "There is no deployment 'gone'."
    twin = fleet.copy(running, "twin")
    Deployment.objects.filter(pk=twin.pk).update(business=other, name="web1")
    assert failure("deploy", "retry", "web1") == "2 businesses have a deployment 'web1'; say which: business/web1."
    assert "other/web1" in run("deploy", "show", "other/web1")


def test_watch(running: Deployment, api: Any, admin: Any) -> None:
    assert run("deploy", "watch", "web1") == "acme/web1 web 1.0.1: success.\n"
    api(admin).post(f"/v1/deploy/id/{running.pk}", {"version": "1.0.2"})
    errors = io.StringIO()
    with pytest.raises(Exception, match="it goes on") as caught:
        run("deploy", "watch", "web1", "--timeout", "0", errors=errors)
    assert caught.value.returncode == 3
    assert errors.getvalue().startswith("acme/web1: ")
    fleet.failed(running)
    assert failure("deploy", "watch", "web1") == "web1 ended as failed."


def test_watch_fails_when_the_change_is_refused(running: Deployment, api: Any, member: Any) -> None:
    """Decided between two looks, at the first line of progress, which is written before the wait."""
    api(member).post(f"/v1/deploy/id/{running.pk}", {"version": "1.0.2"})
    change = Operation.objects.get(open=True)

    class Refusing(io.StringIO):
        def write(self, text: str) -> int:
            if "pending" in text:
                run("audit", "refuse", "deployment", str(change.pk), "--comment", "not today")
            return super().write(text)

    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("deploy", "watch", "web1", "--timeout", "60", stdout=out, stderr=Refusing())
    assert (caught.value.returncode, str(caught.value)) == (1, f"Change {change.pk} of web1 was refused: not today.")
    assert out.getvalue() == "acme/web1 web 1.0.2: refused.\n"


def test_retry(running: Deployment, written: Any) -> None:
    with written() as entries:
        assert run("deploy", "retry", "web1") == "2 clusters of web1 will be looked at now.\n"
    assert [(one.verb, one.channel, one.actor_name) for one in entries] == [("retry", "command", operator())]


def test_what_waits_is_listed_and_decided(
    api: Any, make_user: Any, member: Any, deploy: Any, versions: Any, beijing: Any, written: Any
) -> None:
    pending, boss = make_user(0, username="newcomer"), make_user(1, username="boss")
    api(boss).post("/v1/business", {"name": "zeta", "introduce": "i", "objective": "money", "scale": "s"})
    versions()
    row = deploy(member, comment="please")
    business, change = Business.objects.get(name="zeta"), Operation.objects.get()
    assert [(one["kind"], one["id"], one["what"], one["by"]) for one in data("audit", "list")] == [
        ("user", pending.pk, "newcomer", "newcomer"),
        ("business", business.pk, "zeta", "boss"),
        ("deployment", change.pk, "new acme/web1 1.0.1", "member"),
    ]
    assert "please" in run("audit", "list", "deployment") and "zeta" not in run("audit", "list", "deployment")
    with written() as entries:
        run("audit", "approve", "user", str(pending.pk))
        run("audit", "approve", "business", str(business.pk), "--comment", "welcome")
        said = data("audit", "approve", "deployment", str(change.pk))
    assert said == {
        "kind": "deployment", "id": change.pk, "name": "web1", "decision": "approved",
        "message": "The deployment web1 is approved.",
    }  # fmt: skip
    assert User.objects.get(pk=pending.pk).status == 1
    row.refresh_from_db()
    assert row.status == Status.APPROVED
    assert {(one.channel, one.actor_name, one.actor_id) for one in entries} == {("command", operator(), None)}
    assert data("audit", "list") == []


def test_refusals(make_user: Any, member: Any, deploy: Any, versions: Any, beijing: Any) -> None:
    pending = make_user(0)
    versions()
    deploy(member)
    change = Operation.objects.get()
    run("audit", "refuse", "user", str(pending.pk))
    run("audit", "refuse", "deployment", str(change.pk), "--comment", "no")
    change.refresh_from_db()
    assert (change.status, change.audit_comment, change.decided_by) == (Status.REFUSED, "no", None)
    assert "decided before" in failure("audit", "approve", "deployment", str(change.pk))
    assert "does not wait" in failure("audit", "approve", "user", str(pending.pk))
    assert failure("audit", "approve", "business", "999") == "There is no business 999."


def test_trail(running: Deployment) -> None:
    lines = run("audit", "trail", "--kind", "deployment").splitlines()
    assert lines[0].split() == ["TIME", "WHO", "FROM", "KIND", "OBJECT", "DID", "BUSINESS", "REQUEST"]
    assert [" ".join(line.split()[1:-2]) for line in lines[1:]] == [
        "engine engine deployment web1 end",
        "admin api 127.0.0.1 deployment web1 approve",
        "admin api 127.0.0.1 deployment web1 submit new",
    ]
    found = json.loads(run("audit", "trail", "--json", "--verb", "end"))
    assert [(row["business"], row["after"]["status"]) for row in found] == [("acme", 5)]
    rows = list(csv.DictReader(io.StringIO(run("audit", "trail", "--csv", "--who", "admin", "--most", "2"))))
    assert [row["verb"] for row in rows] == ["approve", "submit new"]
    assert run("audit", "trail", "--json", "--until", "2020-01-01").split() == ["[", "]"]
    assert len(json.loads(run("audit", "trail", "--json", "--since", "2020-01-01T00:00"))) == TrailEntry.objects.count()
