"""GET /v1/deploy and GET /v1/deploy/id/[id]: fields, filters, pages."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clusters.models import Placement
from deployments.models import Deployment, Operation
from tests.deployments import fleet

URL = "/v1/deploy"
FIELDS = {
    "id", "deployName", "appName", "version", "cluster", "nodeLabel", "deployType", "status", "errorMessage",
    "comment", "editable", "running", "createTime", "updateTime", "auditComment",
}  # fmt: skip


@pytest.fixture
def three(admin, member, deploy, versions, beijing):
    """a runs, b is on its way, c waits."""
    for app in ("web", "webshop", "my-web"):
        versions(appName=app)
    rows = [deploy(admin, deployName="a"), deploy(admin, deployName="b", appName="webshop")]
    fleet.ready(rows[0])
    return [*rows, deploy(member, deployName="c", appName="my-web")]


def names(answer):
    assert answer.status_code == 200, answer.json()
    return [row["deployName"] for row in answer.json()["data"]]


def test_all_fields_in_order_of_id(api, member, three):
    answer = api(member).get(URL)
    assert names(answer) == ["a", "b", "c"]
    assert answer.json()["total"] == 3
    assert all(set(row) == FIELDS for row in answer.json()["data"])


def test_pages(api, member, three):
    assert names(api(member).get(URL, pageSize=2)) == ["a", "b"]
    assert names(api(member).get(URL, pageSize=2, page=2)) == ["c"]
    assert names(api(member).get(URL, pageSize=0)) == ["a", "b", "c"]
    past = api(member).get(URL, page=9)
    assert (names(past), past.json()["total"]) == ([], 3)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"appName": "WEB"}, ["a", "b", "c"]),
        ({"appName": "web", "appNameMode": "partial"}, ["a", "b", "c"]),
        ({"appName": "web", "appNameMode": "prefix"}, ["a", "b"]),
        ({"appName": "web", "appNameMode": "strict"}, ["a"]),
        ({"editable": "true"}, ["a"]),
        ({"editable": "false"}, ["b", "c"]),
        ({"editable": "all"}, ["a", "b", "c"]),
        ({"running": "true"}, ["a", "b"]),
        ({"running": "all"}, ["a", "b", "c"]),
        ({"running": "true", "editable": "false"}, ["b"]),
        ({"unknown": "x"}, ["a", "b", "c"]),
    ],
)
def test_filters(api, member, three, query, expected):
    assert names(api(member).get(URL, **query)) == expected


@pytest.mark.parametrize(
    "query",
    [
        {"editable": "yes"},
        {"running": "false"},
        {"appNameMode": "like"},
        {"page": "0"},
        {"pageSize": "x"},
        {"field": "nothing"},
        {"field": "id,nothing"},
        {"field": "historyVersion"},
    ],
)
def test_a_wrong_query_is_named(api, member, three, query):
    answer = api(member).get(URL, **query)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, list(query))


def test_an_unknown_field_is_an_error_of_an_empty_list_too(api, member):
    assert api(member).get(URL, field="nothing").status_code == 422
    assert api(member).get(URL).json() == {"code": 200, "message": "success", "data": [], "total": 0}


def test_chosen_fields(api, member, three, shown):
    assert api(member).get(URL, field="deployName,status", pageSize=1).json()["data"] == [
        {"deployName": "a", "status": 5}
    ]
    assert shown(member, three[0], field="id, running") == {"id": three[0].pk, "running": True}
    assert set(shown(member, three[0], field="")) == FIELDS
    assert set(shown(member, three[0], field="id,historyVersion")) == {"id", "historyVersion"}
    assert api(member).get(f"{URL}/id/{three[0].pk}", field="nothing").status_code == 422


def test_a_deployment_that_is_green_again_lists_nothing_wrong(api, member, three, shown, beijing):
    fleet.failed(three[0])
    assert "reason" in shown(member, three[0])["errorMessage"]
    fleet.ready(three[0])
    assert shown(member, three[0])["errorMessage"] == '{"running": 1, "error": 0, "total": 1}'


@pytest.mark.parametrize("path", [URL, "/v1/admin/deploy", "/v1/deploy/id/{pk}/clusters", "/v1/deploy/id/{pk}"])
def test_a_constant_number_of_queries(api, admin, deploy, versions, beijing, path):
    versions()
    row = deploy(admin)
    fleet.ready(row)

    def count():
        client = api(admin)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = client.get(
                path.format(pk=row.pk), pageSize=0, **({"field": "historyVersion"} if path.endswith("pk}") else {})
            )
        assert answer.status_code == 200
        return len(queries)

    def grow(to):
        for number in range(Deployment.objects.count(), to):
            fleet.copy(row, f"web{number}x")
            cluster = fleet.join(f"c{number}", place=False)
            Placement.objects.create(bundle=row.bundle, cluster=cluster, applied_generation=1, ready_generation=1)
            Operation.objects.create(deployment=row, kind=2, version="1", open=False, submitted_by=admin)

    grow(3)
    few = count()
    grow(30)
    assert count() == few
