"""Every change of state that is not about users: one look at each kind, through the API where there is one."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import orjson
import pytest

from apps.models import AppVersion
from business import services as businesses
from business.models import Business
from clusters import services as clusters
from clusters.models import Cluster
from deployments.models import Deployment, Operation
from otestack.models import TrailEntry
from tests.admin.conftest import Office
from tests.deployments import fleet

BUSINESS = {"name": "zeta", "introduce": "i", "objective": "o", "scale": "s"}
THIRD = {"repositoryId": "hub", "address": "docker.io", "user": "bot", "password": "Hidden1Word"}


def told(entries: list[TrailEntry]) -> list[tuple[str, str, str]]:
    return [(entry.kind, entry.object_name, entry.verb) for entry in entries]


def test_a_business_from_application_to_end(api: Any, make_user: Any, system: Any, written: Any) -> None:
    user = make_user(1, username="boss")
    with written() as entries:
        assert api(user).post("/v1/business", BUSINESS).status_code == 200
        made = Business.objects.get(name="zeta")
        api(system).put(f"/v1/business/id/{made.pk}", {"status": 1, "comment": "welcome"})
        businesses.delete(made)
    assert told(entries) == [
        ("business", "zeta", "apply"),
        ("business", "zeta", "approve"),
        ("user", "boss", "give a business"),
        ("business", "zeta", "delete"),
        ("user", "boss", "take the business"),
    ]
    assert (entries[1].before, entries[1].after) == ({"status": 0}, {"status": 1, "comment": "welcome"})
    assert (entries[3].channel, entries[3].after) == ("command", {"status": 3})
    assert {entry.business_id for entry in entries} == {made.pk}


def test_a_refused_business(api: Any, make_user: Any, system: Any, written: Any) -> None:
    api(make_user(1)).post("/v1/business", BUSINESS)
    path = f"/v1/business/id/{Business.objects.get(name='zeta').pk}"
    with written() as entries:
        assert api(system).put(path, {"status": 2, "comment": "no"}).status_code == 200
        assert api(system).put(path, {"status": 2, "comment": "no"}).status_code == 409
    assert told(entries) == [("business", "zeta", "refuse")]
    assert entries[0].after == {"status": 2, "comment": "no"}


def test_applications_and_repositories(api: Any, admin: Any, versions: Any, acme: Any, written: Any) -> None:
    with written() as entries:
        versions(2)
        ids = list(AppVersion.objects.order_by("pk").values_list("pk", flat=True))
        assert api(admin).delete("/v1/app", {"appId": ids}).status_code == 200
        assert api(admin).post("/v1/repository/third", THIRD).status_code == 200
        assert api(admin).delete("/v1/repository/third", {"repositoryId": ["hub", "none"]}).status_code == 409
    assert told(entries) == [
        ("appversion", "web 1.0.1", "create"),
        ("appversion", "web 1.0.2", "create"),
        ("appversion", "web 1.0.1", "delete"),
        ("appversion", "web 1.0.2", "delete"),
        ("externalrepository", "hub", "create"),
        ("externalrepository", "hub", "delete"),
    ]
    assert {entry.business_id for entry in entries} == {acme.pk}
    assert entries[4].after == {"repository_id": "hub", "address": "docker.io", "user": "bot"}
    assert THIRD["password"] not in str([vars(entry) for entry in entries])


def test_labels(api: Any, system: Any, beijing: Cluster, harbin: Cluster, written: Any) -> None:
    client = api(system)
    body = {"clusterName": ["beijing", "harbin"], "clusterLabel": "north"}
    nodes = {"clusterName": "beijing", "nodeName": ["beijing-0"], "nodeLabel": "ssd"}
    with written() as entries:
        client.post("/v1/cluster/label", body)  # both carry it: nothing changes
        client.delete("/v1/cluster/label", body)
        client.post("/v1/cluster/label", body | {"clusterName": ["harbin"]})
        client.post("/v1/node/label", nodes)
        assert client.delete("/v1/node/label", nodes | {"deleteDeploy": False}).status_code == 200
    assert told(entries) == [
        ("cluster", "beijing", "delete label"),
        ("cluster", "harbin", "delete label"),
        ("cluster", "harbin", "add label"),
        ("cluster", "beijing", "add label to nodes"),
        ("cluster", "beijing", "delete label of nodes"),
    ]
    assert (entries[0].before, entries[2].after) == ({"label": "north"}, {"label": "north"})
    assert entries[3].after == {"label": "ssd", "nodes": ["beijing-0"]}
    assert {entry.business_id for entry in entries} == {None}


def test_a_cluster_is_synced_removed_and_forgotten(beijing: Cluster, harbin: Cluster, written: Any) -> None:
    with written() as entries:
        clusters.sync(beijing)
        clusters.remove(beijing)
        clusters.remove(beijing)
        clusters.remove(harbin, force=True)
    assert told(entries) == [
        ("cluster", "beijing", "look at now"),
        ("cluster", "beijing", "remove"),
        ("cluster", "harbin", "forget"),
    ]
    assert entries[1].after == {"removing": True}
    assert (entries[2].before or {})["name"] == "harbin"
    assert "credentials" not in (entries[2].before or {})


def test_a_cluster_goes_away_and_comes_back(beijing: Cluster, written: Any) -> None:
    with written() as entries:
        for _ in range(4):  # the third makes it away
            fleet.passed(beijing, answered=False)
        fleet.passed(beijing, answered=True)
    assert told(entries) == [("cluster", "beijing", "went away"), ("cluster", "beijing", "came back")]
    assert (entries[1].before, entries[1].after) == ({"away": True}, {"away": False})


def test_a_change_waits_is_decided_and_ends(
    deploy: Any, decide: Any, member: Any, admin: Any, versions: Any, beijing: Any, acme: Any, written: Any
) -> None:  # fmt: skip
    versions()
    with written() as entries:
        row = deploy(member, comment="please")
        assert decide(admin, row, 1, comment="fine") == 200
        fleet.ready(row)
    assert told(entries) == [
        ("deployment", "web1", "submit new"), ("deployment", "web1", "approve"), ("deployment", "web1", "end"),
    ]  # fmt: skip
    submitted, approved, ended = entries
    operation = Operation.objects.get()
    content = hashlib.sha256(orjson.dumps(operation.manifests, option=orjson.OPT_SORT_KEYS)).hexdigest()
    change = {"operation": operation.pk, "change": "new", "version": "1.0.1"}
    assert submitted.after == change | {
        "status": 0, "comment": "please", "app_name": "web", "cluster": "", "node_label": "", "content": content,
    }  # fmt: skip
    assert approved.before == {"audit": 0, "version": None}
    assert approved.after == change | {"audit": 1, "comment": "fine", "content": content}
    assert ended.after == change | {"status": 5}
    assert [entry.actor_name for entry in entries] == ["member", "admin", "engine"]
    assert [entry.channel for entry in entries] == ["api", "api", "engine"]
    assert {entry.business_id for entry in entries} == {acme.pk}


def test_the_other_changes(
    api: Any, decide: Any, member: Any, admin: Any, running: Deployment, written: Any
) -> None:  # fmt: skip
    path = f"/v1/deploy/id/{running.pk}"
    with written() as entries:
        api(member).post(path, {"version": "1.0.2"})
        decide(admin, running, 2, comment="not now")
        api(admin).post(path, {"version": "1.0.2"})
        fleet.ready(running)
        api(admin).put(path, {"version": "1.0.1", "comment": ""})
        fleet.failed(running)
        api(admin).delete(path)
        fleet.let_go(running)
    assert [entry.verb for entry in entries] == [
        "submit upgrade", "refuse", "submit upgrade", "approve", "end", "submit rollback", "approve", "end",
        "submit delete", "approve", "end",
    ]  # fmt: skip
    assert entries[3].before == {"audit": 0, "version": "1.0.1"}
    assert [(entry.after or {})["status"] for entry in entries if entry.verb == "end"] == [5, 7, 9]
    assert "content" not in (entries[9].after or {})


def test_a_deleted_business_ends_its_changes(
    deploy: Any, member: Any, running: Deployment, acme: Any, written: Any
) -> None:  # fmt: skip
    deploy(member, deployName="waits")
    with written() as entries:
        businesses.delete(acme)
    ends = [entry for entry in entries if entry.kind == "deployment"]
    assert [(entry.object_name, entry.verb, (entry.after or {})["change"]) for entry in ends] == [
        ("waits", "refuse", "new"), ("web1", "approve", "delete"), ("waits", "approve", "delete"),
        ("waits", "end", "delete"),
    ]  # fmt: skip


def test_what_never_reaches_a_cluster_ends_in_the_trail_too(
    api: Any, admin: Any, acme: Business, deploy: Any, versions: Any, beijing: Cluster, written: Any
) -> None:  # fmt: skip
    assert api(admin).post("/v1/repository/third", THIRD).status_code == 200
    versions(repositoryId=THIRD["repositoryId"])
    api(admin).delete("/v1/repository/third", {"repositoryId": [THIRD["repositoryId"]]})
    with written() as entries:
        row = deploy(admin)  # its pull secret cannot be made
        assert api(admin).delete(f"/v1/deploy/id/{row.pk}").json()["code"] == 200
    assert [(entry.verb, (entry.after or {}).get("status")) for entry in entries] == [
        ("submit new", 8), ("end", 8), ("submit delete", 0), ("approve", None), ("end", 9),
    ]  # fmt: skip
    assert {entry.actor_name for entry in entries} == {"admin"}


def test_retry(system: Any, running: Deployment, written: Any) -> None:
    office = Office()
    office.login(system.username)
    with written() as entries:
        office.choose("deployments_deployment", "retry", running)
        office.confirm()
    assert told(entries) == [("deployment", "web1", "retry")]
    assert entries[0].after == {"clusters": 2}


def test_a_change_and_its_entry_stand_or_fall_together(
    api: Any, make_user: Any, system: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = make_user(0)
    monkeypatch.setattr("otestack.models.TrailEntry._meta.db_table", "no_such_table")
    answer = api(system).put(f"/v1/admin/user/{user.pk}", {"status": 1})
    assert answer.status_code >= 500
    user.refresh_from_db()
    assert user.status == 0


def test_entries_are_json(api: Any, system: Any, make_user: Any, written: Any) -> None:
    with written() as entries:
        api(system).put(f"/v1/admin/user/{make_user(0).pk}", {"status": 1})
    assert json.loads(json.dumps(entries[0].after)) == {"status": 1}


def test_four_eyes_in_the_back_office(
    make_user: Any, system: Any, deploy: Any, versions: Any, beijing: Cluster, settings: Any, written: Any
) -> None:
    settings.OTE_FOUR_EYES = True
    versions(user=system)
    waiting = Operation.objects.get(deployment=deploy(system))
    own, others = Office(), Office()
    own.login(system.username)
    others.login(make_user(4, system.business, "second").username)
    with written() as entries:
        own.choose("deployments_operation", "approve", waiting)
        own.confirm(comment="mine")
    assert entries == [] and own.messages("error")
    with written() as entries:
        others.choose("deployments_operation", "approve", waiting)
        others.confirm(comment="theirs")
    (entry,) = entries
    assert (entry.channel, entry.actor_name, entry.verb) == ("back-office", "second", "approve")
    assert entry.after is not None and entry.after["comment"] == "theirs"
