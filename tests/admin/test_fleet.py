"""The fleet in the back-office, and what holds for every list."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clusters.models import Bundle, Cluster, Node, NodeLabel, Placement
from deployments.models import Operation
from registry.models import ExternalRepository, RegistryAccount
from tests.deployments import fleet

LISTS = (
    "/admin/accounts/user/",
    "/admin/business/business/",
    "/admin/clusters/cluster/",
    "/admin/clusters/node/",
    "/admin/clusters/bundle/?ended=all",
    "/admin/clusters/placement/",
    "/admin/deployments/deployment/?status=all",
    "/admin/deployments/operation/",
    "/admin/registry/externalrepository/",
    "/admin/registry/registryaccount/",
    "/admin/apps/appversion/",
)
CREDENTIALS = "top-secret-of-this-cluster"


def test_a_cluster_is_shown_as_it_is_now(office, beijing, harbin):
    fleet.away(harbin)
    page = office.get("/admin/clusters/cluster/")
    for text in (">ready<", ">away<", "connection refused", "north"):
        assert text in page
    fleet.stale(beijing)
    assert ">stale<" in office.get("/admin/clusters/cluster/")
    assert ">beijing</a>" not in office.get("/admin/clusters/cluster/?state=away")
    assert ">harbin</a>" in office.page


def test_look_now_marks_the_cluster_due(office, beijing, harbin, noted):
    Cluster.objects.update(change_due_at=None)
    office.choose("clusters_cluster", "look_now", beijing)
    assert office.messages("success") == ["Cluster beijing: will be looked at now."]
    due = dict(Cluster.objects.values_list("name", "change_due_at"))
    assert due["beijing"] is not None
    assert due["harbin"] is None
    assert noted(beijing) == ["Will be looked at now."]
    assert "/do/look_now/" in office.get(f"/admin/clusters/cluster/{harbin.pk}/change/")
    office.get(f"/admin/clusters/cluster/do/look_now/?id={harbin.pk}")
    assert Cluster.objects.get(pk=harbin.pk).change_due_at is None
    office.confirm()
    assert Cluster.objects.get(pk=harbin.pk).change_due_at is not None


def test_nodes_are_ready_only_on_a_cluster_seen_in_time(office, beijing):
    node = beijing.nodes.get()
    NodeLabel.objects.create(node=node, label="fresh", wanted=True)
    page = office.get("/admin/clusters/node/")
    assert ">yes<" in page and "fresh (asked for), gpu" in page
    fleet.stale(beijing)
    assert ">yes<" not in office.get("/admin/clusters/node/")
    assert beijing.nodes.get().name not in office.get("/admin/clusters/node/?ready=yes")


def test_a_placement_says_what_is_wanted_applied_and_wrong(office, deploy, admin, versions, beijing, harbin):
    versions()
    made = deploy(admin)
    fleet.failed(made, beijing)
    page = office.get("/admin/clusters/placement/")
    assert "ImagePullBackOff: no such image" in page and ">failed<" in page and ">waiting<" in page
    placement = fleet.placements(made, beijing).get()
    assert ">failed<" in office.get(f"/admin/clusters/placement/{placement.pk}/change/")
    page = office.get(f"/admin/clusters/bundle/{made.bundle_id}/change/")
    assert "1 failed" in page and "1 waiting" in page and f"Deployment ns{made.business_id}/web1" in page
    assert "1 failed" in office.get(f"/admin/clusters/cluster/{beijing.pk}/change/")
    found = office.get(f"/admin/clusters/placement/?bundle__id__exact={made.bundle_id}&state=failed")
    assert "beijing" in found and "harbin" not in found


def test_credentials_and_passwords_are_on_no_page(office, deploy, admin, versions, beijing, acme):
    Cluster.objects.filter(pk=beijing.pk).update(credentials=CREDENTIALS)
    ExternalRepository.objects.create(
        business=acme, repository_id="mine", address="r.io", user="robot", password=CREDENTIALS
    )
    RegistryAccount.objects.create(business=acme, user="pusher", password=CREDENTIALS, harbor_user_id=3)
    versions(repositoryId="mine")
    made = deploy(admin)
    pages = [office.get(path) for path in LISTS]
    for record in (
        beijing,
        beijing.nodes.get(),
        made,
        Bundle.objects.get(deployment=made),
        Placement.objects.filter(bundle__deployment=made).first(),
        Operation.objects.get(deployment=made),
        ExternalRepository.objects.get(),
        RegistryAccount.objects.get(),
        acme,
        admin,
    ):
        meta = record._meta
        pages.append(office.get(f"/admin/{meta.app_label}/{meta.model_name}/{record.pk}/change/"))
    text = "".join(pages)
    assert "robot" in text and "pusher" in text and CREDENTIALS not in text
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM clusters_cluster")
        assert all(row[0] not in text for row in cursor.fetchall())


@pytest.mark.parametrize("path", LISTS)
def test_a_list_takes_a_constant_number_of_queries(
    path, office, deploy, admin, versions, make_user, make_business, acme, beijing
):
    def more(first, last):
        for number in range(first, last):
            cluster = fleet.join(f"c{number}", f"l{number}", "north")
            node = Node.objects.create(cluster=cluster, name="n")
            NodeLabel.objects.create(node=node, label="x", observed=True)
            business = make_business(f"b{number}", status=0, applicant=make_user(2, acme))
            RegistryAccount.objects.create(business=business, user="u", password="p", email=f"{number}@example.com")
            ExternalRepository.objects.create(
                business=acme, repository_id=f"r{number}", address="r.io", user="u", password="p"
            )
            versions(appName=f"app{number}")
            fleet.ready(deploy(admin, appName=f"app{number}", deployName=f"d{number}"))

    def queries():
        with CaptureQueriesContext(
            connection,
        ) as found:
            office.get(path)
        return len(found)

    more(0, 2)
    few = queries()
    more(2, 14)
    assert queries() == few


@pytest.mark.parametrize("path", LISTS)
def test_every_list_can_be_searched_and_refuses_nothing_odd(path, office, deploy, admin, versions, beijing):
    versions()
    deploy(admin)
    url = path.split("?")[0]
    for query in (
        "?q=web",
        "?q=%00",
        "?q=%F0%9F%90%8D",
        "?p=99",
        "?o=1.-2",
        "?state=odd&status=odd&deleted=odd",
        "?x=y",
    ):
        assert office.client.get(url + query, follow=True).status_code == 200, query


def test_nothing_of_the_fleet_is_written_here(office, beijing):
    for path in LISTS[2:]:
        url = path.split("?")[0]
        office.get(url + "add/", code=403)
    office.get(f"/admin/clusters/cluster/{beijing.pk}/delete/", code=403)
    assert office.client.get("/admin/auth/group/").status_code == 404


def test_labels_of_nodes(office, beijing, deploy, admin, versions, noted):
    node = beijing.nodes.get()
    office.choose("clusters_node", "add_label", node)
    office.confirm(nodeLabel="no good!")
    assert node.labels.count() == 1
    office.confirm(nodeLabel="till")
    assert node.labels.get(label="till").wanted is True and "Label till is asked for" in noted(node)[0]
    versions()
    deploy(admin, nodeLabel="gpu")
    page = office.choose("clusters_node", "remove_label", node)
    assert "Its labels: gpu, till (asked for)" in page
    office.confirm(nodeLabel="gpu")
    assert node.labels.carried().filter(label="gpu").exists() and not office.messages("success")
    office.choose("clusters_node", "remove_label", node)
    office.confirm(nodeLabel="gpu", deleteDeploy="on")
    assert node.labels.get(label="gpu").wanted is False


@pytest.mark.parametrize("few", [0, 500])
def test_placements_are_found_by_state_and_words(office, deploy, admin, versions, beijing, harbin, few, monkeypatch):
    monkeypatch.setattr("clusters.narrowing.FEW", few)
    versions()
    made = deploy(admin, deployName="wanted")
    other = deploy(admin, deployName="other", cluster="harbin")
    fleet.ready(made, beijing)
    fleet.failed(made, harbin)
    assert found(office, "q=wanted") == {("wanted", "beijing"), ("wanted", "harbin")}
    assert found(office, "q=harbin other") == {("other", "harbin")}
    assert found(office, "state=ready") == {("wanted", "beijing")}
    assert found(office, "state=failed") == {("wanted", "harbin")}
    assert found(office, "state=waiting") == {("other", "harbin")}
    fleet.applied(other, harbin)
    assert found(office, "state=progressing") == {("other", "harbin")}
    fleet.stale(beijing)
    assert found(office, "state=stale") == {("wanted", "beijing")}
    fleet.away(harbin)
    assert found(office, "state=away") == {("wanted", "harbin"), ("other", "harbin")}
    Placement.objects.filter(cluster=beijing, bundle__deployment=made).update(present=False)
    assert found(office, "state=removing") == {("wanted", "beijing")}


def found(office, query):
    """The deployments and clusters of the listed placements; namespaces of businesses left out."""
    page = office.get(f"/admin/clusters/placement/?{query}")
    ids = re.findall(r"/admin/clusters/placement/(\d+)/change/", page)
    rows = Placement.objects.filter(pk__in=ids, bundle__deployment__isnull=False)
    return set(rows.values_list("bundle__deployment__name", "cluster__name"))
