"""The landing page: the fleet in numbers, by few queries, and its part that is fetched again."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clusters.models import Cluster, Placement
from deployments.models import Deployment, Operation, Status
from deployments.placements import clusters_named
from otestack.sentences import joined, say
from tests.deployments import fleet

URL = "/admin/overview/"


def said(page: str) -> str:
    """The words of a page on one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_clusters_and_nodes_are_counted_as_they_are_now(office, beijing, harbin):
    Cluster.objects.filter(pk=beijing.pk).update(node_count=3)
    Cluster.objects.filter(pk=harbin.pk).update(node_count=1)
    fleet.away(harbin)
    text = said(office.get(URL))
    assert "1 of 2 clusters ready" in text and "3 of 4 nodes on ready clusters" in text
    assert "1 ready" in text and "1 away" in text
    assert re.search(r"Why clusters are away 1 connection refused", text)


def test_a_change_under_way_shows_how_far_it_is(office, deploy, admin, versions, beijing, harbin):
    versions()
    made = deploy(admin)
    Deployment.objects.filter(pk=made.pk).update(placements=2, placements_ready=1, status=Status.DEPLOYING)
    page = office.get(URL)
    assert "1 of 2 clusters" in page and 'value="50"' in page and f"/admin/deployments/deployment/{made.pk}/" in page
    assert "1 ready" in said(page) and "1 under way" in said(page)
    Operation.objects.update(open=False)
    assert 'value="50"' not in office.get(URL)


def test_a_new_version_does_not_begin_with_the_clusters_of_the_one_before(
    office, deploy, admin, versions, beijing, api
):
    versions(2)
    made = deploy(admin)
    fleet.ready(made)
    assert "1 success" in said(office.get(URL)) and "1 ready" in said(office.page)
    assert api(admin).post(f"/v1/deploy/id/{made.pk}", {"version": "1.0.2"}).json()["code"] == 200
    text = said(office.get(URL))
    assert "just approved" in text and 'value="0"' in office.page and "1 under way" in text
    assert "1 ready" not in text.partition("placements of deployments")[2]
    assert re.search(r'ote-calm" aria-hidden="true"></i><a [^>]*>1 approved<', office.page)


def test_green_needs_proof(office, deploy, admin, versions, beijing):
    versions()
    fleet.ready(deploy(admin))
    assert "1 ready when last seen" not in said(office.get(URL))
    fleet.stale(beijing)
    text = said(office.get(URL))
    assert "1 ready when last seen" in text and "1 cluster was not seen in time" in text


def test_failures_are_grouped_by_reason_wherever_they_are(office, deploy, admin, versions, beijing):
    versions()
    for name, reason in (
        ("one", "beijing: ImagePullBackOff: no such image"),
        ("two", "3 clusters: harbin: ImagePullBackOff: no such image"),
        ("three", "beijing: quota exceeded"),
        ("four", "beijing: CrashLoopBackOff: back-off 10s restarting failed container=a pod=a-5d-x_ns2(6f1-a)"),
        ("five", "harbin: CrashLoopBackOff: back-off 2m40s restarting failed container=a pod=a-7c-y_ns2(0b2-b)"),
    ):
        made = deploy(admin, deployName=name)
        Deployment.objects.filter(pk=made.pk).update(status=Status.FAILED, reason=reason)
    text = said(office.get(URL))
    assert "2 ImagePullBackOff: no such image (" in text and "1 quota exceeded (" in text
    assert "2 CrashLoopBackOff: back-off restarting failed container=a (" in text


def test_sentences_are_grouped_by_their_code_and_told_in_the_readers_language(
    office, deploy, admin, versions, beijing, harbin
):
    """Names differ from row to row, and so does the order in which settling puts them; the reason is one."""
    versions()

    def refused(what: str, cluster: str, namespace: str) -> str:
        right = say(
            "the credentials of %(cluster)s may not %(verb)s %(what)s in namespace %(namespace)s",
            cluster=cluster, verb="patch", what="deployments.apps", namespace=namespace,
        )  # fmt: skip
        answer = say("answered %(status)s: %(said)s", status=403, said=right)
        return say("%(what)s was refused: %(error)s", what=what, error=answer)

    label = say("no node carries label %(node_label)s", node_label="gpu")
    away = clusters_named(2, say("away"), "harbin")
    several = "%(number)s clusters: %(first)s, …"
    for number, reason in enumerate(
        (
            joined(["beijing: ", label]),
            say(several, number=2, first=joined(["beijing: ", label])),
            joined([joined(["harbin: ", label]), away], "; "),
            joined(["beijing: ", say("no node carries label %(node_label)s", node_label="arm")]),
            joined(["beijing: ", refused("Deployment ns1/web", "beijing", "ns1")]),
            say(several, number=3, first=joined(["harbin: ", refused("Deployment ns2/api", "harbin", "ns2")])),
            joined(["beijing: ", refused("Service ns1/web", "beijing", "ns1")]),
            away,
            clusters_named(1, say("away"), "beijing"),
        )
    ):
        made = deploy(admin, deployName=f"d{number}")
        Deployment.objects.filter(pk=made.pk).update(status=Status.FAILED, reason=reason)
    text = said(office.get(URL)).partition("What is wrong with deployments")[2]
    for words in ("3 no node carries label gpu (", "1 no node carries label arm (", "2 clusters are away ("):
        assert words in text
    assert "2 Deployment ns" in text and "1 Service ns1/web was refused: answered 403: " in text
    office.client.cookies["otestack_language"] = "zh-hans"
    text = said(office.get(URL))
    assert "3 没有节点带有标签 gpu" in text and "2 集群离线" in text and "no node" not in text


def test_why_clusters_are_away_is_counted_without_their_names(office, beijing, harbin):
    for number, cluster in enumerate((beijing, harbin, *(fleet.join(name) for name in ("name", "e", "error")))):
        fleet.away(cluster)
        error = say("no answer within the time") if number else say("no connection within the time")
        why = say("%(name)s cannot be reached: %(error)s", name=cluster.name, error=error)
        Cluster.objects.filter(pk=cluster.pk).update(last_error=why)
    text = said(office.get(URL))
    assert "4 no answer within the time 1 no connection within the time" in text
    office.client.cookies["otestack_language"] = "zh-hans"
    assert "4 响应超时 1 " in said(office.get(URL))


def test_the_page_holds_what_is_fetched_and_the_script_that_does(office, beijing):
    page = office.get("/admin/")
    assert f'data-url="{URL}"' in page and "otestack/overview.js" in page
    assert "<html" not in office.get(URL)
    assert office.client.get("/static/otestack/overview.js").status_code == 200


def test_nobody_gets_the_part_without_a_login(client, db):
    assert client.get(URL)["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("path", ["/admin/", URL])
def test_the_cost_does_not_grow_with_the_fleet_and_placements_are_not_read(
    path, office, deploy, admin, versions, beijing
):
    versions()

    def more(first: int, last: int) -> None:
        for number in range(first, last):
            fleet.join(f"c{number}")
            deploy(admin, deployName=f"d{number}")

    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as found:
            office.get(path)
        return [query["sql"] for query in found]

    more(0, 2)
    few = queries()
    more(2, 12)
    many = queries()
    assert len(many) == len(few) <= 20
    assert not [sql for sql in many if Placement._meta.db_table in sql]


def test_statuses_and_placements_are_counted_as_readers_see_them(office, deploy, admin, versions, beijing, harbin):
    versions()
    for name, cluster in (("one", "beijing"), ("two", "harbin")):
        fleet.ready(deploy(admin, deployName=name, cluster=cluster))
    text = said(office.get(URL))
    assert "2 success" in text and "2 ready" in text and "partial" not in text
    fleet.away(harbin)
    text = said(office.get(URL))
    assert "1 success" in text and "1 partial success" in text
    assert "1 ready 1 ready when last seen" in text
    listing = "/admin/deployments/deployment/"
    assert ">one</a>" in office.get(f"{listing}?status=5") and ">two</a>" not in office.page
    assert ">two</a>" in office.get(f"{listing}?status=6") and ">one</a>" not in office.page


def test_so_they_are_where_very_many_clusters_are_late(office, deploy, admin, versions, beijing, harbin, monkeypatch):
    monkeypatch.setattr("deployments.freshness._FEW", 0)
    monkeypatch.setattr("otestack.backoffice.overview._MOST_LATE", 0)
    versions()
    for name, cluster in (("one", "beijing"), ("two", "harbin")):
        fleet.ready(deploy(admin, deployName=name, cluster=cluster))
    fleet.stale(harbin)
    text = said(office.get(URL))
    assert "1 success" in text and "1 partial success" in text and "2 ready when last seen" in text
